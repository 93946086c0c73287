// Size expressions: random ones keep their value through canonical forms, text,
// substitution and code, whatever the symbols stand for.
#include "compiler/dialects/Nn/SizeExpr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"
#include <map>
#include <random>

using namespace ingot::nn;
using namespace mlir;

namespace {

using Values = std::map<std::string, int64_t>;

int64_t valueOf(const SizeExpr &e, const Values &values) {
  auto v = e.evaluate([&](llvm::StringRef name) -> std::optional<int64_t> {
    auto it = values.find(name.str());
    return it == values.end() ? std::nullopt : std::optional<int64_t>(it->second);
  });
  EXPECT_TRUE(v) << e.str();
  return v.value_or(-1);
}

/// An expression, and what it is worth by plain arithmetic.
struct Random {
  std::mt19937 random;
  const Values &values;

  std::pair<SizeExpr, int64_t> make(int depth) {
    int kind = static_cast<int>(random() % (depth ? 9 : 2));
    if (kind == 0) {
      int64_t c = static_cast<int64_t>(random() % 7);
      return {c, c};
    }
    if (kind == 1) {
      auto it = std::next(values.begin(), random() % values.size());
      return {SizeExpr::symbol(it->first), it->second};
    }
    auto [a, x] = make(depth - 1);
    if (kind == 2 || kind == 3) { // by a number
      int64_t c = 1 + static_cast<int64_t>(random() % 4);
      if (kind == 2)
        return {SizeExpr::floorDiv(a, c), llvm::divideFloorSigned(x, c)};
      return random() % 2 ? std::pair(SizeExpr::mod(a, c), x - c * llvm::divideFloorSigned(x, c))
                          : std::pair(SizeExpr::ceilDiv(a, c), llvm::divideCeilSigned(x, c));
    }
    auto [b, y] = make(depth - 1);
    switch (kind) {
    case 4:
      return {a + b, x + y};
    case 5:
      return {a - b, x - y};
    case 6:
      return {a * b, x * y};
    case 7:
      return {SizeExpr::max(a, b), std::max(x, y)};
    default:
      return {SizeExpr::min(a, b), std::min(x, y)};
    }
  }
};

/// The value that the code made for `e` has, after folding.
std::optional<int64_t> valueOfCode(MLIRContext &context, const SizeExpr &e, const Values &values) {
  OpBuilder b(&context);
  Location loc = b.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToEnd(module->getBody());
  auto f = func::FuncOp::create(b, loc, "f", b.getFunctionType({}, {b.getI64Type()}));
  b.setInsertionPointToEnd(f.addEntryBlock());
  Value v = e.materialize(b, loc, b.getI64Type(), [&](llvm::StringRef name) -> Value {
    return arith::ConstantIntOp::create(b, loc, values.at(name.str()), 64);
  });
  auto ret = func::ReturnOp::create(b, loc, v);
  (void)applyPatternsGreedily(*module, RewritePatternSet(&context));
  APInt folded;
  if (!matchPattern(ret.getOperand(0), m_ConstantInt(&folded)))
    return std::nullopt;
  return folded.getSExtValue();
}

TEST(SizeExpr, RandomOnesKeepTheirValue) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, func::FuncDialect>();
  for (unsigned seed = 0; seed < 600; ++seed) {
    std::mt19937 g(seed);
    Values values;
    for (const char *name : {"batch", "len", "n"})
      values[name] = static_cast<int64_t>(g() % 9);
    auto [e, want] = Random{std::mt19937(seed + 1), values}.make(4);
    SCOPED_TRACE(testing::Message() << "seed " << seed << ": " << e.str());
    ASSERT_EQ(valueOf(e, values), want);
    auto parsed = SizeExpr::parse(e.str());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->str(), e.str());
    EXPECT_TRUE(*parsed == e);
    EXPECT_EQ(valueOf(*parsed, values), want);
    auto code = valueOfCode(context, e, values);
    ASSERT_TRUE(code);
    EXPECT_EQ(*code, want);
    // Values may be put in one by one.
    SizeExpr some = e.substitute([&](llvm::StringRef name) -> std::optional<SizeExpr> {
      return name == "len" ? std::optional<SizeExpr>(values["len"]) : std::nullopt;
    });
    EXPECT_EQ(valueOf(some, values), want);
    if (e.isNonNegative())
      EXPECT_GE(want, 0);
    SizeExpr up = e.roundedUp(64);
    EXPECT_EQ(valueOf(up, values) % 64, 0);
    EXPECT_GE(valueOf(up, values), want);
  }
}

TEST(SizeExpr, EqualSizesHaveEqualText) {
  auto text = [](const char *t) {
    auto e = SizeExpr::parse(t);
    EXPECT_TRUE(e) << t;
    return e ? e->str() : "";
  };
  EXPECT_EQ(text("len + 2*batch - len"), "2*batch");
  EXPECT_EQ(text("(n + 1)*(n - 1)"), text("n*n - 1"));
  EXPECT_EQ(text("floordiv(4*n + 6, 4)"), "n + 1");
  EXPECT_EQ(text("floordiv(floordiv(n + 1, 2) + 1, 3)"), text("floordiv(n + 3, 6)"));
  EXPECT_EQ(text("max(n, len)"), text("max(len, n)"));
  EXPECT_EQ(text("max(n + 2, n)"), "n + 2");
  EXPECT_EQ(text("bcast(1, n)"), "n");
  EXPECT_EQ(text("bcast(n, m)"), text("bcast(m, n)"));
  EXPECT_EQ(SizeExpr::ceilDiv(SizeExpr::symbol("n") * 64, 16).str(), "4*n");
  EXPECT_EQ(SizeExpr::ceilDiv(48, 16).str(), "3");
  EXPECT_EQ(SizeExpr::ceilDiv(49, 16).str(), "4");
  EXPECT_EQ(SizeExpr::ceilDiv(0, 16).str(), "0");
}

TEST(SizeExpr, BroadcastsAsRunTimeDoes) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, func::FuncDialect>();
  SizeExpr e = SizeExpr::bcast(SizeExpr::symbol("m"), SizeExpr::symbol("n"));
  for (auto [m, n, want] : {std::tuple(1, 5, 5), {5, 1, 5}, {4, 4, 4}, {1, 1, 1}, {1, 0, 0}}) {
    Values values{{"m", m}, {"n", n}};
    EXPECT_EQ(valueOf(e, values), want);
    EXPECT_EQ(valueOfCode(context, e, values), want);
  }
}

TEST(SizeExpr, WhatIsNoSizeIsRefused) {
  for (const char *t :
       {"", "2*", "n +", "(n", "pow(n, 2)", "max(n)", "n n", "99999999999999999999"})
    EXPECT_FALSE(SizeExpr::parse(t)) << t;
}

} // namespace
