// Pairs of reals against the evaluator's complex numbers (the C library's): both
// sides of branch cuts, moduli at the ends of the range, around 0 and 1.
#include "compiler/passes/group/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "test/unit/evaluate/NnTest.h"
#include <complex>

using namespace ingot;
using namespace ingot::test;
using Complex = std::complex<double>;

namespace {

class ComplexPairs : public NnTest {
protected:
  /// The function with pairs in the place of complex numbers.
  mlir::func::FuncOp expand(llvm::StringRef text) {
    auto f = parse(text);
    mlir::PassManager passes(&context);
    passes.addNestedPass<mlir::func::FuncOp>(createExpandComplexPass());
    EXPECT_TRUE(succeeded(passes.run(*modules.back()))) << text.str();
    modules.back()->walk([&](mlir::Operation *op) {
      auto complex = [](mlir::Type t) {
        auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(t);
        return tensor && llvm::isa<mlir::ComplexType>(tensor.getElementType());
      };
      if (!llvm::isa<nn::RealOp, nn::ImagOp, nn::ComplexOp, mlir::func::ReturnOp>(op))
        EXPECT_FALSE(llvm::any_of(op->getResultTypes(), complex)) << text.str();
    });
    return f;
  }
  evaluate::HostTensor tensorOf(const std::vector<Complex> &v) {
    return evaluate::HostTensor::fromValues(type("complex<f64>"), {int64_t(v.size())}, v);
  }
  void expectSame(const std::string &text, const std::vector<evaluate::HostTensor> &in,
                  double tolerance = 1e-14) {
    auto expected = evaluate::evaluate(parse(text), in);
    auto got = evaluate::evaluate(expand(text), in);
    ASSERT_TRUE(bool(expected) && bool(got)) << expected.message << got.message << text;
    for (size_t r = 0; r < got.outputs.size(); ++r) {
      auto a = got.outputs[r].read<Complex>(), b = expected.outputs[r].read<Complex>();
      ASSERT_EQ(a.size(), b.size());
      for (size_t i = 0; i < a.size(); ++i) {
        auto finite = [](Complex c) { return std::isfinite(c.real()) && std::isfinite(c.imag()); };
        std::string what = text + " of element " + std::to_string(i);
        EXPECT_EQ(finite(a[i]), finite(b[i])) << what << ": " << a[i] << ", expected " << b[i];
        if (finite(b[i]))
          EXPECT_LE(std::abs(a[i] - b[i]), tolerance * std::abs(b[i]))
              << what << ": " << a[i] << ", expected " << b[i];
      }
    }
  }
  void unary(const std::string &op, const std::vector<Complex> &x, double tolerance = 1e-14) {
    std::string t = "tensor<" + std::to_string(x.size()) + "xcomplex<f64>>";
    expectSame("func.func @f(%x: " + t + ") -> " + t + " {\n%r = nn." + op + " %x : " + t +
                   "\nreturn %r : " + t + "\n}",
               {tensorOf(x)}, tolerance);
  }
  void binary(const std::string &op, const std::vector<Complex> &x, const std::vector<Complex> &y) {
    std::string t = "tensor<" + std::to_string(x.size()) + "xcomplex<f64>>";
    expectSame("func.func @f(%x: " + t + ", %y: " + t + ") -> " + t + " {\n%r = nn." + op +
                   " %x, %y : " + t + "\nreturn %r : " + t + "\n}",
               {tensorOf(x), tensorOf(y)});
  }
};

/// Numbers in all directions with these moduli.
std::vector<Complex> around(std::initializer_list<double> moduli, Complex center = 0) {
  std::vector<Complex> r;
  for (double m : moduli)
    for (int k = -5; k <= 6; ++k)
      r.push_back(center + std::polar(m, k * M_PI / 6 + 0.01));
  return r;
}
std::vector<Complex> cuts() {
  std::vector<Complex> r;
  for (double a : {-3.0, -1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 3.0})
    for (double zero : {0.0, -0.0}) {
      r.push_back({a, zero});
      r.push_back({zero, a});
    }
  return r;
}

TEST_F(ComplexPairs, SidesOfBranchCuts) {
  for (const char *op : {"sqrt", "log", "asin", "acos", "atan", "asinh", "acosh", "atanh"})
    unary(op, cuts());
}
TEST_F(ComplexPairs, OrdinaryNumbers) {
  for (const char *op :
       {"square", "reciprocal", "sqrt",    "rsqrt", "exp",  "log",   "sin",  "cos",
        "tan",    "sinh",       "cosh",    "tanh",  "asin", "acos",  "atan", "asinh",
        "acosh",  "atanh",      "sigmoid", "sign",  "neg",  "expm1", "log1p"})
    unary(op, around({0.01, 0.3, 0.9, 1.1, 2.5, 7}));
}
TEST_F(ComplexPairs, EndsOfTheRange) {
  auto far = around({1e-300, 1e-160, 1e160, 1e300});
  for (const char *op : {"reciprocal", "sqrt", "rsqrt", "log", "log1p", "sign", "asinh", "acosh",
                         "asin", "acos", "atan", "atanh"})
    unary(op, far, 4e-14);
  for (const char *op : {"div", "xdivy", "div_no_nan"})
    binary(op, far, around({1e-150, 1e-300, 1e300, 1e150}));
}
TEST_F(ComplexPairs, DigitsNearZeroAndOne) {
  for (const char *op :
       {"expm1", "log1p", "sin", "tan", "sinh", "tanh", "asin", "atan", "asinh", "atanh"})
    unary(op, around({1e-12, 1e-7, 1e-3}));
  for (const char *op : {"log", "acos", "acosh"})
    unary(op, around({1e-12, 1e-7, 1e-3}, 1));
}
TEST_F(ComplexPairs, Infinities) {
  std::vector<Complex> far{{Inf, 0}, {-Inf, 0}, {0, Inf}, {0, -Inf}, {Inf, Inf}, {-Inf, 1}};
  unary("reciprocal", far);
  unary("sqrt", {{Inf, 1}, {1, Inf}, {1, -Inf}, {NaN, 1}});
  unary("tanh", {{Inf, 0}, {-Inf, 1}});
  unary("atanh", far);
  unary("exp", {{-Inf, 0}, {-Inf, NaN}, {Inf, 0}, {800, 0}});
  unary("sigmoid", {{-800, 1}, {800, 1}, {-Inf, 0}});
}
TEST_F(ComplexPairs, OperationsOfTwo) {
  auto x = around({0.3, 2}), y = around({1.5, 0.7});
  y[3] = x[5] = 0;
  for (const char *op :
       {"add", "sub", "mul", "div_no_nan", "mul_no_nan", "xlogy", "xlog1py", "squared_difference"})
    binary(op, x, y);
  binary("pow", around({0.3, 2}), around({1.5, 0.7}));
}
TEST_F(ComplexPairs, PartsComparisonsAndCasts) {
  auto x = around({0.3, 2}), y = x;
  y[3] += Complex(0, 1);
  y[4] += 1;
  expectSame(R"(!c = tensor<24xcomplex<f64>>
!b = tensor<24xi1>
func.func @f(%x: !c, %y: !c) -> (!b, !b, tensor<24xf64>, tensor<24xf32>, !b, !c, !c) {
  %e = nn.compare eq %x, %y : (!c, !c) -> !b
  %n = nn.compare ne %x, %y : (!c, !c) -> !b
  %a = nn.abs %x : (!c) -> tensor<24xf64>
  %f = nn.cast %x : (!c) -> tensor<24xf32>
  %t = nn.cast %x : (!c) -> !b
  %d = nn.cast %f : (tensor<24xf32>) -> !c
  %s = nn.select %e, %x, %d : (!b, !c, !c) -> !c
  return %e, %n, %a, %f, %t, %d, %s : !b, !b, tensor<24xf64>, tensor<24xf32>, !b, !c, !c
})",
             {tensorOf(x), tensorOf(y)});
}
TEST_F(ComplexPairs, ReductionsScansAndProducts) {
  auto x = around({0.9, 1.1});
  expectSame(R"(!x = tensor<24xcomplex<f64>>
!m = tensor<4x6xcomplex<f64>>
func.func @f(%x: !x) -> (tensor<6xcomplex<f64>>, tensor<4xcomplex<f64>>, tensor<complex<f64>>, !m, !m, !m, tensor<4x4xcomplex<f64>>) {
  %m = nn.reshape %x : (!x) -> !m
  %s = nn.reduce sum %m {dims = array<i64: 0>} : (!m) -> tensor<6xcomplex<f64>>
  %p = nn.reduce prod %m {dims = array<i64: 1>} : (!m) -> tensor<4xcomplex<f64>>
  %q = nn.reduce prod %m {dims = array<i64: 0, 1>} : (!m) -> tensor<complex<f64>>
  %a = nn.scan sum %m {dim = 1 : i64} : (!m) -> !m
  %b = nn.scan prod %m {dim = 0 : i64, reverse} : (!m) -> !m
  %c = nn.scan prod %m {dim = 1 : i64, exclusive} : (!m) -> !m
  %d = nn.dot_general %m, %a {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 1>} : (!m, !m) -> tensor<4x4xcomplex<f64>>
  return %s, %p, %q, %a, %b, %c, %d : tensor<6xcomplex<f64>>, tensor<4xcomplex<f64>>, tensor<complex<f64>>, !m, !m, !m, tensor<4x4xcomplex<f64>>
})",
             {tensorOf(x)}, 1e-13);
}

} // namespace
