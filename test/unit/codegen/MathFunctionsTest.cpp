// Accuracy of the kernels' own math functions against float64, in units in the
// last place, and the same bits from scalar and vector code.
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/codegen/cpu/ObjectEmitter.h"
#include "compiler/codegen/loader/Loader.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace ingot;
using namespace mlir;

namespace {

struct Function {
  const char *op;
  double (*reference)(double);
  double bound; // ulp
};
double referenceRsqrt(double x) { return 1 / std::sqrt(x); }

const Function functions[] = {
    {"exp", std::exp, 1.5},     {"exp2", std::exp2, 1.5},       {"expm1", std::expm1, 2},
    {"log", std::log, 1.5},     {"log2", std::log2, 2.5},       {"log10", std::log10, 2.5},
    {"log1p", std::log1p, 2.5}, {"tanh", std::tanh, 3},         {"sinh", std::sinh, 3.5},
    {"cosh", std::cosh, 3},     {"asinh", std::asinh, 3.5},     {"acosh", std::acosh, 3.5},
    {"atanh", std::atanh, 3.5}, {"asin", std::asin, 3},         {"acos", std::acos, 3},
    {"atan", std::atan, 3},     {"sin", std::sin, 2.5},         {"cos", std::cos, 2.5},
    {"tan", std::tan, 3.5},     {"erf", std::erf, 2},           {"erfc", std::erfc, 4},
    {"cbrt", std::cbrt, 1},     {"rsqrt", referenceRsqrt, 1.5},
};

/// Units in the last place of `want` between it and `got`; 0 when both are NaN
/// or the same infinity. Results below the normal range may be zero.
double ulps(float got, double want) {
  if (std::isnan(got) || std::isnan(want))
    return std::isnan(got) && std::isnan(want) ? 0 : 1e9;
  float rounded = float(want);
  if (got == rounded)
    return std::signbit(got) == std::signbit(rounded) ? 0 : 1e9;
  if (std::isinf(got) || std::isinf(rounded)) // one step from the end of the range
    return std::fabs(want) > 3.402822e38 && std::fabs(got) > 3.402822e38 ? 1 : 1e9;
  if (std::fabs(want) < 1.17549435e-38 && std::fabs(got) <= 1.17549435e-38)
    return 0;
  int exponent;
  std::frexp(want, &exponent);
  return std::fabs(got - want) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

struct MathFunctions : ::testing::Test {
  MathFunctions() {
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// A kernel `name` that maps the operands of `op` to a result in the vectors'
  /// shape "vector<16xf32>" or "f32".
  static std::string kernel(const std::string &name, const std::string &op, unsigned operands,
                            const std::string &type, int lanes) {
    std::string t = "func.func @" + name +
                    "(%p: !llvm.ptr, %s: !llvm.ptr, %lo: i64, %hi: i64, %x: !llvm.ptr) -> "
                    "i32 {\n"
                    "  %c0 = arith.constant 0 : index\n  %c1 = arith.constant " +
                    std::to_string(lanes) +
                    " : index\n  %n = arith.index_cast %hi : i64 to index\n";
    for (unsigned i = 0; i <= operands; ++i) {
      std::string n = std::to_string(i);
      t += "  %g" + n + " = llvm.getelementptr %p[" + n +
           "] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr\n";
      t += "  %q" + n + " = llvm.load %g" + n + " : !llvm.ptr -> !llvm.ptr\n";
      t += "  %m" + n + " = builtin.unrealized_conversion_cast %q" + n +
           " : !llvm.ptr to memref<?xf32>\n";
    }
    bool vector = lanes > 1;
    t += "  scf.for %i = %c0 to %n step %c1 {\n";
    std::string args;
    for (unsigned i = 0; i < operands; ++i) {
      std::string n = std::to_string(i);
      t += vector ? "    %v" + n + " = vector.load %m" + n + "[%i] : memref<?xf32>, " + type + "\n"
                  : "    %v" + n + " = memref.load %m" + n + "[%i] : memref<?xf32>\n";
      args += (i ? ", %v" : "%v") + n;
    }
    std::string r = std::to_string(operands);
    t += "    %r = math." + op + " " + args + " : " + type + "\n";
    t += vector ? "    vector.store %r, %m" + r + "[%i] : memref<?xf32>, " + type + "\n"
                : "    memref.store %r, %m" + r + "[%i] : memref<?xf32>\n";
    return t + "  }\n  %ok = arith.constant 0 : i32\n  return %ok : i32\n}\n";
  }

  void load(const std::string &text, const TargetInfo &host = getHostTarget()) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    ASSERT_TRUE(module);
    ASSERT_TRUE(succeeded(lowerToLlvmDialect(*module, host)));
    auto emitter = ObjectEmitter::create(host);
    ASSERT_TRUE(bool(emitter));
    EmitOptions options;
    options.wantLlvm = true;
    auto object = (*emitter)->emit(*module, options);
    ASSERT_TRUE(succeeded(object));
    // No function of libm is left.
    for (size_t at = 0; (at = object->llvm.find("declare ", at)) != std::string::npos; ++at)
      EXPECT_NE(object->llvm.find("@llvm.", at), std::string::npos);
    auto made = Loader::create();
    ASSERT_TRUE(bool(made));
    loader = std::move(*made);
    ASSERT_FALSE(bool(loader->addObject(object->object)));
  }

  std::vector<float> run(const std::string &name, std::vector<std::vector<float>> operands) {
    auto function = loader->function<KernelFunction>(name);
    EXPECT_TRUE(bool(function));
    std::vector<float> result(operands[0].size());
    std::vector<void *> buffers;
    for (std::vector<float> &operand : operands)
      buffers.push_back(operand.data());
    buffers.push_back(result.data());
    EXPECT_EQ((*function)(buffers.data(), nullptr, 0, result.size(), nullptr), 0);
    return result;
  }

  MLIRContext context;
  std::unique_ptr<Loader> loader;
};

/// Every 16th... of all floats: all exponents, mantissas spread; and the edges.
std::vector<float> sample(unsigned step) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += step) {
    uint32_t b = uint32_t(bits);
    float x;
    std::memcpy(&x, &b, 4);
    values.push_back(x);
  }
  for (float x :
       {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 0.5f, -0.5f, 88.72283f, 88.73f, -87.34f,
        -104.0f, 1.5707964f, 3.1415927f, 65535.9f, 65536.0f, 1e30f, 3.4028235e38f})
    values.push_back(x);
  while (values.size() % 16)
    values.push_back(1);
  return values;
}

TEST_F(MathFunctions, WithoutFma) {
  auto target = getTarget("", "x86-64-v2");
  if (!target || !target->isX86() || !target->isHostArch()) {
    llvm::consumeError(target.takeError());
    GTEST_SKIP();
  }
  std::string text;
  for (const Function &f : functions)
    text += kernel(f.op, f.op, 1, "vector<4xf32>", 4);
  load(text, *target);
  std::vector<float> x = sample(99991);
  for (const Function &f : functions) {
    std::vector<float> result = run(f.op, {x});
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (std::fabs(x[i]) >= 1.17549435e-38 || x[i] == 0)
        worst = std::max(worst, ulps(result[i], f.reference(x[i])));
    EXPECT_LE(worst, 4) << f.op;
  }
}

TEST_F(MathFunctions, AccuracyAndSameBits) {
  std::string text;
  for (const Function &f : functions) {
    text += kernel(std::string(f.op) + "_v", f.op, 1, "vector<16xf32>", 16);
    text += kernel(std::string(f.op) + "_s", f.op, 1, "f32", 1);
  }
  load(text);
  std::vector<float> x = sample(9973);
  for (const Function &f : functions) {
    std::vector<float> vector = run(std::string(f.op) + "_v", {x});
    std::vector<float> scalar = run(std::string(f.op) + "_s", {x});
    double worst = 0;
    float where = 0;
    unsigned different = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::fabs(x[i]) < 1.17549435e-38 && x[i] != 0)
        continue; // the runtime flushes them to zero
      double error = ulps(vector[i], f.reference(x[i]));
      if (error > worst) {
        worst = error;
        where = x[i];
      }
      bool bothNan = std::isnan(vector[i]) && std::isnan(scalar[i]);
      different += !bothNan && std::memcmp(&vector[i], &scalar[i], 4) != 0;
    }
    printf("%-6s %8.3f ulp at %.9g\n", f.op, worst, where);
    EXPECT_LE(worst, f.bound) << f.op << " at " << where;
    EXPECT_EQ(different, 0u) << f.op;
  }
}

TEST_F(MathFunctions, TwoOperands) {
  load(kernel("powf_v", "powf", 2, "vector<16xf32>", 16) + kernel("powf_s", "powf", 2, "f32", 1) +
       kernel("atan2_v", "atan2", 2, "vector<16xf32>", 16) +
       kernel("atan2_s", "atan2", 2, "f32", 1));
  std::vector<float> special = {
      0.0f,  -0.0f, 1.0f,        -1.0f,       INFINITY,    -INFINITY, NAN,    0.5f,
      -0.5f, 2.0f,  -2.0f,       3.0f,        -3.0f,       1e10f,     -1e10f, 1e-10f,
      2.5f,  1e38f, 16777215.0f, 16777217.0f, 0.99999994f, 1.0000001f};
  std::vector<float> x, y;
  for (float a : special)
    for (float b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  uint32_t seed = 1;
  for (int i = 0; i < 400000; ++i) {
    seed = seed * 1664525 + 1013904223;
    x.push_back(std::ldexp(1.0f + (seed >> 9) / 8388608.0f, int(seed % 61) - 30));
    seed = seed * 1664525 + 1013904223;
    float v = std::ldexp(1.0f + (seed >> 9) / 8388608.0f, int(seed % 13) - 8);
    y.push_back(seed & 256 ? v : -v);
  }
  while (x.size() % 16) {
    x.push_back(1);
    y.push_back(1);
  }
  for (auto [name, reference, bound] :
       {std::tuple<std::string, double (*)(double, double), double>{"powf", std::pow, 1},
        {"atan2", std::atan2, 3}}) {
    std::vector<float> vector = run(name + "_v", {x, y}), scalar = run(name + "_s", {x, y});
    double worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double error = ulps(vector[i], reference(x[i], y[i]));
      if (error > worst) {
        worst = error;
        where = i;
      }
      if (!std::isnan(vector[i]) || !std::isnan(scalar[i])) {
        EXPECT_EQ(std::memcmp(&vector[i], &scalar[i], 4), 0) << name << x[i] << " " << y[i];
      }
    }
    printf("%-6s %8.3f ulp at (%.9g, %.9g)\n", name.c_str(), worst, x[where], y[where]);
    EXPECT_LE(worst, bound) << name << " at " << x[where] << ", " << y[where];
  }
}

} // namespace
