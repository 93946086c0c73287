// Shapes, windows, contractions, indices and control flow, against numbers of
// TensorFlow 2.21 where it has the operation.
#include "NnTest.h"
#include "compiler/evaluate/FoldConstants.h"
#include <numeric>

using namespace ingot;
using namespace ingot::test;

namespace {

std::vector<double> range(double from, int n) {
  std::vector<double> r(n);
  std::iota(r.begin(), r.end(), from);
  return r;
}
class Structure : public NnTest {
protected:
  /// A function of one operation, its functional type given.
  std::vector<double> one(const std::string &op, const std::string &arguments,
                          const std::string &types, std::vector<evaluate::HostTensor> inputs) {
    std::string parameters, names;
    llvm::SmallVector<llvm::StringRef> each;
    llvm::StringRef(arguments).split(each, ' ', -1, false);
    for (size_t i = 0; i < each.size(); ++i) {
      std::string name = "%a" + std::to_string(i);
      parameters += (i ? ", " : "") + name + ": tensor<" + each[i].str() + ">";
      names += (i ? ", " : "") + name;
    }
    std::string result = "tensor<" + types + ">";
    std::string functional = "(";
    for (size_t i = 0; i < each.size(); ++i)
      functional += (i ? ", tensor<" : "tensor<") + each[i].str() + ">";
    functional += ") -> " + result;
    auto split = llvm::StringRef(op).split('{');
    auto f = parse("func.func @f(" + parameters + ") -> " + result + " {\n %r = nn." +
                   split.first.str() + " " + names +
                   (split.second.empty() ? "" : " {" + split.second.str()) + " : " + functional +
                   "\n return %r : " + result + "\n}");
    return f ? run(f, std::move(inputs))[0] : std::vector<double>();
  }
};

TEST_F(Structure, SoftmaxOfSpecialRows) {
  auto f = parse("func.func @f(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {\n %r = nn.softmax %x : "
                 "tensor<4x3xf32>\n "
                 "return %r : tensor<4x3xf32>\n}");
  expectNear(run(f, {tensor("4x3xf32", {1, NaN, 2, 1000, 1001, 1002, -Inf, 0, 0, Inf, 0, 0})})[0],
             {NaN, NaN, NaN, 0.09003057330846786, 0.2447284758090973, 0.6652409434318542, 0, 0.5,
              0.5, NaN, NaN, NaN},
             1e-6);
}
TEST_F(Structure, Convolutions) {
  auto x = tensor("1x3x3x2xf32", range(1, 18)), w = tensor("2x2x2x2xf32", range(-5, 16));
  expectNear(
      one("conv{strides = array<i64: 2, 2>, pad_low = #nn.sizes<0, 0>, pad_high = #nn.sizes<1, 1>, "
          "lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1 : i64}",
          "1x3x3x2xf32 2x2x2x2xf32", "1x2x2x2xf32", {x, w}),
      {204, 248, 50, 84, -106, -48, -139, -104}, 0);
  expectNear(
      one("conv{strides = array<i64: 1, 1>, pad_low = #nn.sizes<1, 1>, pad_high = #nn.sizes<1, 1>, "
          "lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 2, 2>, groups = 1 : i64}",
          "1x3x3x2xf32 2x2x2x2xf32", "1x3x3x2xf32", {x, w}),
      {153, 172, 246, 284, 77, 96, 250, 288, 380, 456, 98, 136, 1, 20, -58, -20, -75, -56}, 0);
  // TensorFlow's depthwise filter [2,2,2,2] is a grouped one of [2,2,1,4].
  expectNear(
      one("conv{strides = array<i64: 1, 1>, pad_low = #nn.sizes<0, 0>, pad_high = #nn.sizes<0, 0>, "
          "lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 2 : i64}",
          "1x3x3x2xf32 2x2x1x4xf32", "1x2x2x4xf32", {x, tensor("2x2x1x4xf32", range(-5, 16))}),
      {76, 96, 128, 152, 84, 112, 152, 184, 100, 144, 200, 248, 108, 160, 224, 280}, 0);
}
TEST_F(Structure, ContractionsAndReductions) {
  expectNear(one("dot_general{lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = "
                 "array<i64: 1>, "
                 "rhs_contract = array<i64: 0>}",
                 "2x3xf32 3x2xf32", "2x2xf32",
                 {tensor("2x3xf32", range(1, 6)), tensor("3x2xf32", range(1, 6))}),
             {22, 28, 49, 64}, 0);
  expectNear(one("arg_reduce{dim = 1 : i64, is_max = true}", "3x4xf32", "3xi64",
                 {tensor("3x4xf32", {NaN, 1, 3, 3, NaN, NaN, NaN, NaN, -1, -1, -2, 0})}),
             {2, 0, 3}, 0);
  expectNear(one("reduce max{dims = array<i64: 1>}", "2x3xf32", "2xf32",
                 {tensor("2x3xf32", {1, NaN, 3, -1, -2, -3})}),
             {NaN, -1}, 0);
  expectNear(one("scan sum{dim = 0 : i64, exclusive, reverse}", "4xf32", "4xf32",
                 {tensor("4xf32", {1, 2, 3, 4})}),
             {9, 7, 4, 0}, 0);
  expectNear(
      one("max_pool_grad{window = array<i64: 2>, strides = array<i64: 1>, pad_low = #nn.sizes<0>, "
          "pad_high = #nn.sizes<0>}",
          "4xf32 3xf32", "4xf32", {tensor("4xf32", {1, 2, 2, 0}), tensor("3xf32", {10, 20, 30})}),
      {0, 30, 30, 0}, 0);
}
TEST_F(Structure, MovesElements) {
  auto x = tensor("2x3xf32", range(0, 6));
  auto zero = tensor("f32", {9});
  expectNear(one("pad{low = #nn.sizes<0, 1>, high = #nn.sizes<0, -1>, interior = array<i64: 0, 1>}",
                 "2x3xf32 f32", "2x5xf32", {x, zero}),
             {9, 0, 9, 1, 9, 9, 3, 9, 4, 9}, 0);
  expectNear(one("pad{low = #nn.sizes<0, 2>, high = #nn.sizes<0, 1>, interior = array<i64: 0, 0>, "
                 "mode = #nn<pad_mode reflect>}",
                 "2x3xf32 f32", "2x6xf32", {x, zero}),
             {2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4}, 0);
  expectNear(
      one("slice{start = #nn.sizes<0, 2>, strides = array<i64: 1, -2>}", "2x3xf32", "2x2xf32", {x}),
      {2, 0, 5, 3}, 0);
  expectNear(one("take{axis = 1 : i64}", "2x3xf32 2xi32", "2x2xf32", {x, tensor("2xi32", {2, 0})}),
             {2, 0, 5, 3}, 0);
  expectNear(one("take{axis = 1 : i64, batch_dims = 1 : i64}", "2x3xf32 2xi32", "2xf32",
                 {x, tensor("2xi32", {2, 0})}),
             {2, 3}, 0);
  expectNear(one("scatter{kind = #nn<scatter_kind add>}", "3xf32 3x1xi32 3xf32", "3xf32",
                 {tensor("3xf32", {1, 1, 1}), tensor("3x1xi32", {2, 0, 2}),
                  tensor("3xf32", {10, 20, 30})}),
             {21, 1, 41}, 0);
  expectNear(one("pack{dim = 1 : i64, tile = 2 : i64}", "2x3xf32", "2x2x2xf32", {x}),
             {0, 1, 3, 4, 2, 0, 5, 0}, 0);
}
TEST_F(Structure, IndexOutOfRangeIsAnError) {
  auto f = parse(
      "func.func @f(%x: tensor<3xf32>, %i: tensor<1xi32>) -> tensor<1xf32> {\n %r = nn.take %x, %i "
      "{axis = 0 "
      ": i64} : (tensor<3xf32>, tensor<1xi32>) -> tensor<1xf32>\n return %r : tensor<1xf32>\n}");
  auto r = evaluate::evaluate(f, {tensor("3xf32", {1, 2, 3}), tensor("1xi32", {3})});
  EXPECT_EQ(r.status, evaluate::Status::OutOfRange);
  EXPECT_NE(r.message.find("index 3 is not in [0, 3)"), std::string::npos) << r.message;
}
TEST_F(Structure, NamedSizesLoopsAndBranches) {
  auto f = parse(R"(
!x = tensor<?xf32, #nn.sizes<"len">>
func.func @f(%x: !x, %n: tensor<i32>) -> (!x, tensor<i32>, tensor<i64>) {
  %a = nn.for #nn.sizes<"len"> (%x : !x) {
  ^bb0(%i: tensor<i32>, %c: !x):
    %d = nn.add %c, %c : !x
    nn.yield %d : !x
  }
  %ten = nn.constant dense<10> : tensor<i32>
  %w = nn.while (%n : tensor<i32>) {
  ^bb0(%c: tensor<i32>):
    %p = nn.compare lt %c, %ten : (tensor<i32>, tensor<i32>) -> tensor<i1>
    nn.yield %p : tensor<i1>
  } do {
  ^bb0(%c: tensor<i32>):
    %p = nn.compare eq %c, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %s = nn.if %p : tensor<i1> -> tensor<i32> {
      nn.yield %ten : tensor<i32>
    } else {
      %d = nn.add %c, %c : tensor<i32>
      nn.yield %d : tensor<i32>
    }
    nn.yield %s : tensor<i32>
  }
  %l = nn.sizes {values = #nn.sizes<"2*len + 1">} : () -> tensor<i64>
  return %a, %w, %l : !x, tensor<i32>, tensor<i64>
})");
  ASSERT_TRUE(f);
  auto r = run(f, {tensor("3xf32", {1, 2, 3}), tensor("i32", {4})});
  expectNear(r[0], {8, 16, 24}, 0);
  expectNear(r[1], {10}, 0);
  expectNear(r[2], {7}, 0);
}
TEST_F(Structure, DataDependentSizes) {
  auto f = parse(R"(
func.func @f(%x: tensor<2x2xi1>) -> (tensor<?x2xi64, #nn.sizes<"nz0">>, tensor<i64>) {
  %r = nn.nonzero %x {symbol = "nz0"} : (tensor<2x2xi1>) -> tensor<?x2xi64, #nn.sizes<"nz0">>
  %n = nn.sizes {values = #nn.sizes<"nz0">} : () -> tensor<i64>
  return %r, %n : tensor<?x2xi64, #nn.sizes<"nz0">>, tensor<i64>
})");
  ASSERT_TRUE(f);
  auto r = run(f, {tensor("2x2xi1", {0, 1, 1, 0})});
  expectNear(r[0], {0, 1, 1, 0}, 0);
  expectNear(r[1], {2}, 0);
}
TEST_F(Structure, DisagreeingNamedSizesAreAnError) {
  auto f = parse("!x = tensor<?xf32, #nn.sizes<\"n\">>\nfunc.func @f(%a: !x, %b: !x) -> !x {\n %r "
                 "= nn.add %a, %b : "
                 "!x\n return %r : !x\n}");
  auto r = evaluate::evaluate(f, {tensor("2xf32", {1, 2}), tensor("3xf32", {1, 2, 3})});
  EXPECT_EQ(r.status, evaluate::Status::ShapeMismatch);
}
TEST_F(Structure, FoldsSmallConstants) {
  auto f = parse(R"(
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = nn.constant dense<2.0> : tensor<f32>
  %b = nn.broadcast %a {dims = array<i64>} : (tensor<f32>) -> tensor<2xf32>
  %c = nn.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %d = nn.mul %b, %c : tensor<2xf32>
  %e = nn.sqrt %d : tensor<2xf32>
  %r = nn.add %x, %e : tensor<2xf32>
  return %r : tensor<2xf32>
})");
  evaluate::foldConstants(f);
  int ops = 0;
  f.walk([&](mlir::Operation *op) { ops += op->getDialect()->getNamespace() == "nn"; });
  EXPECT_EQ(ops, 2); // the folded constant and the addition
  expectNear(run(f, {tensor("2xf32", {1, 1})})[0], {1 + std::sqrt(2), 1 + std::sqrt(6)}, 1e-7);
}

} // namespace
