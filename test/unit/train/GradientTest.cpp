// Every gradient rule against central differences in float64, on small
// functions evaluated by the reference evaluator.
#include "compiler/passes/train/Differentiate.h"
#include "test/unit/evaluate/NnTest.h"
#include "compiler/dialects/Nn/Build.h"
#include "mlir/IR/Verifier.h"
#include <random>

using namespace ingot;
using namespace ingot::test;
using evaluate::HostTensor;

namespace {

struct Range {
  double low = -2, high = 2;
};
class Gradients : public NnTest {
protected:
  std::mt19937 random{7};

  std::vector<double> uniform(size_t n, Range r) {
    std::uniform_real_distribution<double> d(r.low, r.high);
    std::vector<double> v(n);
    for (double &x : v)
      x = d(random);
    return v;
  }
  /// Adds the gradients of the arguments to the function's results, seeded with
  /// further arguments. Null where an argument does not matter: left out.
  bool differentiate(mlir::func::FuncOp f, std::vector<unsigned> &which) {
    mlir::Operation *ret = f.front().getTerminator();
    mlir::OpBuilder b(ret);
    llvm::SmallVector<mlir::Value> outputs(ret->getOperands()), seeds, wrt;
    std::vector<unsigned> positions;
    for (auto [i, a] : llvm::enumerate(f.getArguments()))
      if (llvm::isa<mlir::FloatType>(nn::Build::elem(a))) {
        wrt.push_back(a);
        positions.push_back(i);
      }
    for (mlir::Value v : outputs)
      seeds.push_back(f.front().addArgument(v.getType(), v.getLoc()));
    auto grads = train::differentiate(b, f.getLoc(), outputs, seeds, wrt);
    if (failed(grads))
      return false;
    llvm::SmallVector<mlir::Value> results;
    for (auto [i, g] : llvm::enumerate(*grads))
      if (g) {
        which.push_back(positions[i]);
        results.push_back(g);
        EXPECT_EQ(g.getType(), wrt[i].getType());
      }
    ret->setOperands(results);
    f.setType(mlir::FunctionType::get(&context, f.front().getArgumentTypes(),
                                      mlir::ValueRange(results).getTypes()));
    train::removeDead(f.getBody());
    EXPECT_TRUE(succeeded(mlir::verify(f.getOperation())));
    return true;
  }
  /// Compares gradients of sum(outputs * seeds) with central differences.
  void check(llvm::StringRef text, llvm::StringMap<int64_t> sizes = {}, Range range = {},
             unsigned gradients = 0) {
    auto primal = parse(text), dual = parse(text);
    ASSERT_TRUE(primal && dual);
    std::vector<unsigned> which;
    ASSERT_TRUE(differentiate(dual, which)) << text.str();
    if (gradients)
      EXPECT_EQ(which.size(), gradients) << text.str();
    std::vector<HostTensor> inputs;
    for (mlir::Type t : primal.getArgumentTypes()) {
      evaluate::Shape dims;
      for (auto &e : nn::dimsOf(t))
        dims.push_back(*e.evaluate(
            [&](llvm::StringRef n) { return std::optional<int64_t>(sizes.lookup(n)); }));
      mlir::Type e = llvm::cast<mlir::RankedTensorType>(t).getElementType();
      Range r = llvm::isa<mlir::FloatType>(e) ? range : Range{0, 2};
      inputs.push_back(HostTensor::fromValues(e, dims, uniform(evaluate::countOf(dims), r)));
    }
    auto outputs = evaluate::evaluate(primal, inputs);
    ASSERT_TRUE(bool(outputs)) << outputs.message;
    std::vector<HostTensor> all = inputs;
    std::vector<std::vector<double>> seeds;
    for (HostTensor &t : outputs.outputs) {
      seeds.push_back(uniform(t.count(), {}));
      all.push_back(HostTensor::fromValues(t.dtype, t.dims, seeds.back()));
    }
    auto found = evaluate::evaluate(dual, all);
    ASSERT_TRUE(bool(found)) << found.message << "\n" << text.str();
    auto loss = [&](const std::vector<HostTensor> &at) {
      auto r = evaluate::evaluate(primal, at);
      EXPECT_TRUE(bool(r)) << r.message;
      double sum = 0;
      for (size_t i = 0; r && i < r.outputs.size(); ++i) {
        auto v = r.outputs[i].read<double>();
        for (size_t j = 0; j < v.size(); ++j)
          sum += v[j] * seeds[i][j];
      }
      return sum;
    };
    for (size_t k = 0; k < which.size(); ++k) {
      unsigned position = which[k];
      std::vector<double> expected, values = inputs[position].read<double>();
      for (size_t i = 0; i < values.size(); ++i) {
        auto moved = [&](double step) {
          auto v = values;
          v[i] += step;
          auto at = inputs;
          at[position] = HostTensor::fromValues(at[position].dtype, at[position].dims, v);
          return loss(at);
        };
        expected.push_back((moved(1e-6) - moved(-1e-6)) / 2e-6);
      }
      expectNear(found.outputs[k].read<double>(), expected, 2e-7,
                 text.str() + "\ngradient of argument " + std::to_string(position));
    }
  }
  void checkUnary(const std::string &op, Range range = {},
                  const std::string &type = "tensor<6xf64>") {
    check("func.func @f(%x: tensor<6xf64>) -> tensor<6xf64> {\n %r = nn." + op + " : " + type +
              "\n return %r : tensor<6xf64>\n}",
          {}, range, 1);
  }
  void checkBinary(const std::string &op, Range range = {}) {
    check("func.func @f(%x: tensor<6xf64>, %y: tensor<6xf64>) -> tensor<6xf64> {\n %r = nn." + op +
              " %x, %y : tensor<6xf64>\n return %r : tensor<6xf64>\n}",
          {}, range, 2);
  }
  /// A function of one operation in generic types.
  void checkOp(const std::string &op, const std::string &arguments, const std::string &result,
               llvm::StringMap<int64_t> sizes = {}, const std::string &before = "") {
    check("func.func @f(" + arguments + ") -> " + result + " {\n" + before + " %r = " + op +
              " -> " + result + "\n return %r : " + result + "\n}",
          sizes);
  }
};

TEST_F(Gradients, Unary) {
  checkUnary("abs %x", {}, "(tensor<6xf64>) -> tensor<6xf64>");
  for (const char *op : {"neg",      "square", "exp",   "expm1", "sin",  "cos",     "tan",
                         "atan",     "sinh",   "cosh",  "asinh", "tanh", "sigmoid", "softplus",
                         "softsign", "relu",   "relu6", "elu",   "selu", "erf",     "erfc"})
    checkUnary(std::string(op) + " %x", std::string(op) == "tan" ? Range{-1, 1} : Range{});
  for (const char *op : {"reciprocal", "sqrt", "rsqrt", "log", "log1p", "lgamma"})
    checkUnary(std::string(op) + " %x", {0.5, 3});
  for (const char *op : {"asin", "acos", "atanh", "erfinv"})
    checkUnary(std::string(op) + " %x", {-0.8, 0.8});
  checkUnary("acosh %x", {1.5, 3});
  checkUnary("ndtri %x", {0.1, 0.9});
  checkUnary("relu6 %x", {3, 9});
  checkUnary("leaky_relu %x {alpha = 0.2 : f64}");
}
TEST_F(Gradients, Binary) {
  for (const char *op : {"add", "sub", "mul", "max", "min", "atan2", "squared_difference"})
    checkBinary(op);
  for (const char *op :
       {"div", "pow", "div_no_nan", "mul_no_nan", "xlogy", "xlog1py", "xdivy", "mod"})
    checkBinary(op, {0.5, 3});
}
TEST_F(Gradients, SelectClampCast) {
  check(R"(func.func @f(%x: tensor<8xf64>, %y: tensor<8xf64>, %z: tensor<8xf64>) -> tensor<8xf64> {
  %p = nn.compare lt %x, %y : (tensor<8xf64>, tensor<8xf64>) -> tensor<8xi1>
  %s = nn.select %p, %y, %z : (tensor<8xi1>, tensor<8xf64>, tensor<8xf64>) -> tensor<8xf64>
  %l = nn.constant dense<-0.7> : tensor<8xf64>
  %c = nn.clamp %l, %s, %x : (tensor<8xf64>, tensor<8xf64>, tensor<8xf64>) -> tensor<8xf64>
  %r = nn.mul %c, %s : tensor<8xf64>
  return %r : tensor<8xf64>
})",
        {}, {}, 3);
}
TEST_F(Gradients, Shapes) {
  checkOp("nn.broadcast %x {dims = array<i64: 1, 2>} : (tensor<1x3xf64>)", "%x: tensor<1x3xf64>",
          "tensor<2x4x3xf64>");
  checkOp("nn.reshape %x : (tensor<2x3xf64>)", "%x: tensor<2x3xf64>", "tensor<3x2xf64>");
  checkOp("nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf64>)",
          "%x: tensor<2x3x4xf64>", "tensor<4x2x3xf64>");
  checkOp("nn.slice %x {start = #nn.sizes<1, 5>, strides = array<i64: 1, -2>} : (tensor<3x7xf64>)",
          "%x: tensor<3x7xf64>", "tensor<2x3xf64>");
  checkOp("nn.slice %x {start = #nn.sizes<1>, strides = array<i64: 3>} : (tensor<9xf64>)",
          "%x: tensor<9xf64>", "tensor<3xf64>");
  checkOp("nn.reverse %x {dims = array<i64: 1>} : (tensor<2x3xf64>)", "%x: tensor<2x3xf64>",
          "tensor<2x3xf64>");
  checkOp(
      "nn.concat %x, %y, %x {dim = 1 : i64} : (tensor<2x3xf64>, tensor<2x1xf64>, tensor<2x3xf64>)",
      "%x: tensor<2x3xf64>, %y: tensor<2x1xf64>", "tensor<2x7xf64>");
  checkOp("nn.pad %x, %v {low = #nn.sizes<1, -1>, high = #nn.sizes<0, 2>, interior = array<i64: 0, "
          "1>} : "
          "(tensor<2x3xf64>, tensor<f64>)",
          "%x: tensor<2x3xf64>, %v: tensor<f64>", "tensor<3x6xf64>");
  for (const char *mode : {"reflect", "symmetric"})
    checkOp(std::string("nn.pad %x, %v {low = #nn.sizes<1, 2>, high = #nn.sizes<1, 0>, interior = "
                        "array<i64: 0, 0>, "
                        "mode = #nn<pad_mode ") +
                mode + ">} : (tensor<2x3xf64>, tensor<f64>)",
            "%x: tensor<2x3xf64>", "tensor<4x5xf64>", {},
            " %v = nn.constant dense<0.0> : tensor<f64>\n");
}
TEST_F(Gradients, BroadcastFoundAtRunTime) {
  std::string text = R"mlir(!a = tensor<?x3xf64, #nn.sizes<"n">>
!b = tensor<?x3xf64, #nn.sizes<"m">>
!r = tensor<?x3xf64, #nn.sizes<"bcast(m, n)">>
func.func @f(%x: !a, %y: !b) -> !r {
  %a = nn.broadcast %x {dims = array<i64: 0, 1>} : (!a) -> !r
  %b = nn.broadcast %y {dims = array<i64: 0, 1>} : (!b) -> !r
  %r = nn.mul %a, %b : !r
  return %r : !r
})mlir";
  for (auto [n, m] : {std::pair(1, 4), std::pair(4, 1), std::pair(4, 4), std::pair(1, 1)}) {
    llvm::StringMap<int64_t> sizes;
    sizes["n"] = n;
    sizes["m"] = m;
    check(text, sizes, {}, 2);
  }
}
TEST_F(Gradients, BroadcastOfTwoDimensionsFoundAtRunTime) {
  std::string text = R"mlir(!a = tensor<?x?xf64, #nn.sizes<"n", "k">>
!b = tensor<?x?xf64, #nn.sizes<"m", "l">>
!r = tensor<?x?xf64, #nn.sizes<"bcast(m, n)", "bcast(k, l)">>
func.func @f(%x: !a, %y: !b) -> !r {
  %a = nn.broadcast %x {dims = array<i64: 0, 1>} : (!a) -> !r
  %b = nn.broadcast %y {dims = array<i64: 0, 1>} : (!b) -> !r
  %r = nn.mul %a, %b : !r
  return %r : !r
})mlir";
  for (auto [n, k, m, l] : {std::tuple(1, 3, 4, 1), {4, 1, 1, 3}, {1, 1, 4, 3}, {4, 3, 4, 3}}) {
    llvm::StringMap<int64_t> sizes;
    for (auto [name, size] : {std::pair("n", n), {"k", k}, {"m", m}, {"l", l}})
      sizes[name] = size;
    check(text, sizes, {}, 2);
  }
}
TEST_F(Gradients, Indices) {
  std::string i = " %i = nn.constant dense<[[2, 0, 2], [1, 1, 0]]> : tensor<2x3xi32>\n";
  checkOp("nn.take %x, %i {axis = 0 : i64} : (tensor<3x2xf64>, tensor<2x3xi32>)",
          "%x: tensor<3x2xf64>", "tensor<2x3x2xf64>", {}, i);
  checkOp("nn.take %x, %i {axis = 1 : i64} : (tensor<2x3x2xf64>, tensor<2x3xi32>)",
          "%x: tensor<2x3x2xf64>", "tensor<2x2x3x2xf64>", {}, i);
  checkOp("nn.take %x, %i {axis = 2 : i64, batch_dims = 1 : i64} : (tensor<2x2x3x2xf64>, "
          "tensor<2x3xi32>)",
          "%x: tensor<2x2x3x2xf64>", "tensor<2x2x3x2xf64>", {}, i);
  std::string nd = " %i = nn.constant dense<[[1, 0], [0, 2], [1, 0]]> : tensor<3x2xi32>\n";
  checkOp("nn.gather_nd %x, %i : (tensor<2x3x2xf64>, tensor<3x2xi32>)", "%x: tensor<2x3x2xf64>",
          "tensor<3x2xf64>", {}, nd);
  std::string once = " %i = nn.constant dense<[[1], [0]]> : tensor<2x1xi32>\n";
  for (const char *kind : {"update", "add", "sub"})
    checkOp(std::string("nn.scatter %x, %i, %u {kind = #nn<scatter_kind ") + kind +
                ">} : (tensor<3x2xf64>, tensor<2x1xi32>, tensor<2x2xf64>)",
            "%x: tensor<3x2xf64>, %u: tensor<2x2xf64>", "tensor<3x2xf64>", {}, once);
  checkOp("nn.dynamic_slice %x, %i, %i : (tensor<3x4xf64>, tensor<i32>, tensor<i32>)",
          "%x: tensor<3x4xf64>, %i: tensor<i32>", "tensor<2x2xf64>");
  checkOp("nn.dynamic_update_slice %x, %u, %i, %i : (tensor<3x4xf64>, tensor<2x2xf64>, "
          "tensor<i32>, tensor<i32>)",
          "%x: tensor<3x4xf64>, %u: tensor<2x2xf64>, %i: tensor<i32>", "tensor<3x4xf64>");
}
TEST_F(Gradients, ReductionsAndWindows) {
  for (const char *kind : {"sum", "prod", "max", "min"})
    checkOp(std::string("nn.reduce ") + kind +
                " %x {dims = array<i64: 0, 2>} : (tensor<2x3x2xf64>)",
            "%x: tensor<2x3x2xf64>", "tensor<3xf64>");
  for (const char *kind : {"sum", "max", "min"})
    checkOp(std::string("nn.reduce_window ") + kind +
                " %x {window = array<i64: 1, 3, 2>, strides = array<i64: 1, 2, 1>, dilations = "
                "array<i64: 1, 1, 1>, "
                "base_dilations = array<i64: 1, 1, 1>, pad_low = #nn.sizes<0, 1, 0>, pad_high = "
                "#nn.sizes<0, 1, 1>} : "
                "(tensor<2x6x3xf64>)",
            "%x: tensor<2x6x3xf64>", "tensor<2x3x3xf64>");
  for (const char *flags : {"", ", exclusive", ", reverse", ", exclusive, reverse"})
    for (const char *kind : {"sum", "prod"})
      checkOp(std::string("nn.scan ") + kind + " %x {dim = 1 : i64" + flags +
                  "} : (tensor<2x4xf64>)",
              "%x: tensor<2x4xf64>", "tensor<2x4xf64>");
  for (const char *op : {"softmax", "log_softmax"})
    check(std::string("func.func @f(%x: tensor<2x5xf64>) -> tensor<2x5xf64> {\n %r = nn.") + op +
          " %x : tensor<2x5xf64>\n return %r : tensor<2x5xf64>\n}");
}
TEST_F(Gradients, TiesOfAMaximumShareEqually) {
  auto f = parse("func.func @f(%x: tensor<4xf64>) -> tensor<f64> {\n %r = nn.reduce max %x {dims = "
                 "array<i64: 0>} : "
                 "(tensor<4xf64>) -> tensor<f64>\n return %r : tensor<f64>\n}");
  std::vector<unsigned> which;
  ASSERT_TRUE(differentiate(f, which));
  expectNear(run(f, {tensor("4xf64", {3, 1, 3, 0}), tensor("f64", {1})})[0], {0.5, 0, 0.5, 0}, 0);
}
TEST_F(Gradients, WindowsOfUnknownSize) {
  llvm::StringMap<int64_t> sizes;
  sizes["n"] = 5;
  for (const char *kind : {"sum", "max"})
    checkOp(std::string("nn.reduce_window ") + kind +
                " %x {window = array<i64: 2>, strides = array<i64: 2>, dilations = array<i64: 1>, "
                "base_dilations = "
                "array<i64: 1>, pad_low = #nn.sizes<0>, pad_high = #nn.sizes<0>} : (tensor<?xf64, "
                "#nn.sizes<\"n\">>)",
            "%x: tensor<?xf64, #nn.sizes<\"n\">>",
            "tensor<?xf64, #nn.sizes<\"max(floordiv(n - 2, 2) + 1, 0)\">>", sizes);
}
TEST_F(Gradients, Contractions) {
  checkOp("nn.dot_general %x, %y {lhs_batch = array<i64: 1>, rhs_batch = array<i64: 0>, "
          "lhs_contract = array<i64: 3, "
          "0>, rhs_contract = array<i64: 2, 3>} : (tensor<2x3x4x5xf64>, tensor<3x2x5x2xf64>)",
          "%x: tensor<2x3x4x5xf64>, %y: tensor<3x2x5x2xf64>", "tensor<3x4x2xf64>");
  checkOp("nn.dot_general %x, %y {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = "
          "array<i64: 1>, "
          "rhs_contract = array<i64: 0>} : (tensor<2x3xf64>, tensor<3x4xf64>)",
          "%x: tensor<2x3xf64>, %y: tensor<3x4xf64>", "tensor<2x4xf64>");
  checkOp("nn.conv %x, %w {strides = array<i64: 2, 1>, pad_low = #nn.sizes<0, 1>, pad_high = "
          "#nn.sizes<1, 1>, "
          "lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 2>, groups = 1 : i64} : "
          "(tensor<2x4x5x2xf64>, tensor<3x2x2x3xf64>)",
          "%x: tensor<2x4x5x2xf64>, %w: tensor<3x2x2x3xf64>", "tensor<2x2x5x3xf64>");
  checkOp(
      "nn.conv %x, %w {strides = array<i64: 1>, pad_low = #nn.sizes<1>, pad_high = #nn.sizes<1>, "
      "lhs_dilation = array<i64: 1>, rhs_dilation = array<i64: 1>, groups = 2 : i64} : "
      "(tensor<2x4x4xf64>, tensor<3x2x6xf64>)",
      "%x: tensor<2x4x4xf64>, %w: tensor<3x2x6xf64>", "tensor<2x4x6xf64>");
  checkOp(
      "nn.conv %x, %w {strides = array<i64: 1>, pad_low = #nn.sizes<2>, pad_high = #nn.sizes<1>, "
      "lhs_dilation = array<i64: 2>, rhs_dilation = array<i64: 1>, groups = 1 : i64} : "
      "(tensor<2x4x2xf64>, tensor<3x2x3xf64>)",
      "%x: tensor<2x4x2xf64>, %w: tensor<3x2x3xf64>", "tensor<2x8x3xf64>");
  checkOp(
      "nn.conv %x, %w {strides = array<i64: 3>, pad_low = #nn.sizes<0>, pad_high = #nn.sizes<0>, "
      "lhs_dilation = array<i64: 1>, rhs_dilation = array<i64: 1>, groups = 1 : i64} : "
      "(tensor<1x9x1xf64>, tensor<2x1x2xf64>)",
      "%x: tensor<1x9x1xf64>, %w: tensor<2x1x2xf64>", "tensor<1x3x2xf64>");
}

/// A recurrent loop: reads its input at the step, writes each output.
const char *kLoop = R"(
!list = tensor<?x2x3xf64, #nn.sizes<"len">>
!h = tensor<2x3xf64>
func.func @f(%xs: !list, %h0: !h, %w: tensor<3x3xf64>) -> (!list, !h) {
  %zero = nn.constant dense<0.0> : tensor<f64>
  %i0 = nn.constant dense<0> : tensor<i32>
  %ys0 = nn.broadcast %zero {dims = array<i64>} : (tensor<f64>) -> !list
  %ys, %h, %n = nn.for #nn.sizes<"len"> (%ys0, %h0, %i0 : !list, !h, tensor<i32>) {
  ^bb0(%i: tensor<i32>, %ysi: !list, %hi: !h, %ni: tensor<i32>):
    %x1 = nn.dynamic_slice %xs, %i, %i0, %i0 : (!list, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x2x3xf64>
    %x = nn.reshape %x1 : (tensor<1x2x3xf64>) -> !h
    %m = nn.dot_general %hi, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!h, tensor<3x3xf64>) -> !h
    %s = nn.add %m, %x : !h
    %t = nn.tanh %s : !h
    %t1 = nn.reshape %t : (!h) -> tensor<1x2x3xf64>
    %u = nn.dynamic_update_slice %ysi, %t1, %i, %i0, %i0 : (!list, tensor<1x2x3xf64>, tensor<i32>, tensor<i32>, tensor<i32>) -> !list
    %one = nn.constant dense<1> : tensor<i32>
    %k = nn.add %ni, %one : tensor<i32>
    nn.yield %u, %t, %k : !list, !h, tensor<i32>
  }
  return %ys, %h : !list, !h
})";
TEST_F(Gradients, LoopsThatCarryState) {
  llvm::StringMap<int64_t> sizes;
  sizes["len"] = 4;
  check(kLoop, sizes, {}, 3);
  auto f = parse(kLoop);
  std::vector<unsigned> which;
  ASSERT_TRUE(differentiate(f, which));
  // Forward: outputs are dead once their gradients are wanted alone, so the
  // loop keeps the state and its saved values; neither list is saved by step.
  int loops = 0;
  f.walk([&](nn::ForOp loop) {
    for (mlir::Type t : loop.getResultTypes())
      EXPECT_LE(llvm::cast<mlir::RankedTensorType>(t).getRank(), 3);
    ++loops;
  });
  EXPECT_EQ(loops, 2);
}
TEST_F(Gradients, LoopsInLoops) {
  check(R"(
func.func @f(%x: tensor<2xf64>, %w: tensor<2xf64>) -> tensor<2xf64> {
  %r = nn.for #nn.sizes<3> (%x : tensor<2xf64>) {
  ^bb0(%i: tensor<i32>, %a: tensor<2xf64>):
    %s = nn.for #nn.sizes<2> (%a : tensor<2xf64>) {
    ^bb0(%j: tensor<i32>, %c: tensor<2xf64>):
      %m = nn.mul %c, %w : tensor<2xf64>
      %n = nn.sin %m : tensor<2xf64>
      %o = nn.add %n, %a : tensor<2xf64>
      nn.yield %o : tensor<2xf64>
    }
    nn.yield %s : tensor<2xf64>
  }
  return %r : tensor<2xf64>
})",
        {}, {-1, 1}, 2);
}
TEST_F(Gradients, Branches) {
  for (const char *flag : {"true", "false"})
    check(std::string("func.func @f(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {\n %p "
                      "= nn.constant dense<") +
              flag + R"(> : tensor<i1>
  %z = nn.exp %x : tensor<2xf64>
  %r = nn.if %p : tensor<i1> -> tensor<2xf64> {
    %a = nn.mul %z, %y : tensor<2xf64>
    nn.yield %a : tensor<2xf64>
  } else {
    %a = nn.sin %z : tensor<2xf64>
    nn.yield %a : tensor<2xf64>
  }
  %s = nn.mul %r, %z : tensor<2xf64>
  return %s : tensor<2xf64>
})",
          {}, {}, 2);
}
TEST_F(Gradients, ComplexFunctions) {
  // From parts to parts, so that differences are those of real functions.
  auto function = [](const std::string &op) {
    return R"(func.func @f(%a: tensor<6xf64>, %b: tensor<6xf64>, %c: tensor<6xf64>, %d: tensor<6xf64>)
  -> (tensor<6xf64>, tensor<6xf64>) {
  %x = nn.complex %a, %b : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xcomplex<f64>>
  %y = nn.complex %c, %d : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xcomplex<f64>>
  %w = nn.)" +
           op + R"( : tensor<6xcomplex<f64>>
  %z = nn.mul %w, %y : tensor<6xcomplex<f64>>
  %re = nn.real %z : (tensor<6xcomplex<f64>>) -> tensor<6xf64>
  %im = nn.imag %z : (tensor<6xcomplex<f64>>) -> tensor<6xf64>
  return %re, %im : tensor<6xf64>, tensor<6xf64>
})";
  };
  for (const char *op :
       {"neg",   "square", "reciprocal", "sqrt",  "rsqrt", "exp",    "expm1", "log",
        "log1p", "sin",    "cos",        "tan",   "asin",  "acos",   "atan",  "sinh",
        "cosh",  "tanh",   "asinh",      "acosh", "atanh", "sigmoid"})
    check(function(std::string(op) + " %x"), {}, {0.3, 1.4}, 4);
  for (const char *op : {"add", "sub", "mul", "div", "pow", "squared_difference", "div_no_nan",
                         "mul_no_nan", "xlogy", "xlog1py", "xdivy"})
    check(function(std::string(op) + " %x, %y"), {}, {0.3, 1.4}, 4);
}
TEST_F(Gradients, ComplexPartsAndSums) {
  check(
      R"(func.func @f(%a: tensor<2x3xf64>, %b: tensor<2x3xf64>) -> (tensor<2xf64>, tensor<2x3xf64>, tensor<2x2xf64>) {
  %x = nn.complex %a, %b : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<2x3xcomplex<f64>>
  %p = nn.reduce prod %x {dims = array<i64: 1>} : (tensor<2x3xcomplex<f64>>) -> tensor<2xcomplex<f64>>
  %s = nn.reduce sum %x {dims = array<i64: 1>} : (tensor<2x3xcomplex<f64>>) -> tensor<2xcomplex<f64>>
  %q = nn.mul %p, %s : tensor<2xcomplex<f64>>
  %r = nn.imag %q : (tensor<2xcomplex<f64>>) -> tensor<2xf64>
  %l = nn.abs %x : (tensor<2x3xcomplex<f64>>) -> tensor<2x3xf64>
  %n = nn.cast %l : (tensor<2x3xf64>) -> tensor<2x3xcomplex<f64>>
  %t = nn.scan prod %x {dim = 1 : i64} : (tensor<2x3xcomplex<f64>>) -> tensor<2x3xcomplex<f64>>
  %d = nn.dot_general %t, %n {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 1>} : (tensor<2x3xcomplex<f64>>, tensor<2x3xcomplex<f64>>) -> tensor<2x2xcomplex<f64>>
  %e = nn.dot_general %t, %x {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 1>} : (tensor<2x3xcomplex<f64>>, tensor<2x3xcomplex<f64>>) -> tensor<2x2xcomplex<f64>>
  %m = nn.mul %d, %e : tensor<2x2xcomplex<f64>>
  %o = nn.real %m : (tensor<2x2xcomplex<f64>>) -> tensor<2x2xf64>
  return %r, %l, %o : tensor<2xf64>, tensor<2x3xf64>, tensor<2x2xf64>
})",
      {}, {0.3, 1.4}, 2);
}
TEST_F(Gradients, WhatHasNoneIsNamed) {
  auto f = parse(
      "func.func @f(%x: tensor<2xf64>) -> tensor<2xf64> {\n %r = nn.digamma %x : tensor<2xf64> "
      "loc(\"tower/digamma\")\n return %r : tensor<2xf64>\n}");
  std::string text;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
    text += d.str();
    return mlir::success();
  });
  std::vector<unsigned> which;
  EXPECT_FALSE(differentiate(f, which));
  EXPECT_NE(text.find("'nn.digamma' of node 'tower/digamma'"), std::string::npos) << text;
}

} // namespace
