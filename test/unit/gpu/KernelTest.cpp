// Every class of GPU kernel in the emulator against plain loops in float64, at
// sizes that do not fit tiles, warps and lanes.
#include "test/unit/gpu/GpuRun.h"
#include "test/unit/schedule/Texts.h"
#include <cmath>

using namespace ingot::test;
using Loops = ingot::schedule::GpuSchedule::Loops;

namespace {

/// `x` tensor types, `body` with %0, %1..., yields %r.
std::string kernelText(const std::vector<std::string> &inputs, const std::string &result,
                       const std::string &body, const std::string &schedule = "") {
  std::string args, names, types, block;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string n = std::to_string(i), comma = i ? ", " : "";
    args += comma + "%a" + n + ": " + inputs[i];
    names += comma + "%a" + n;
    types += comma + inputs[i];
    block += comma + "%" + n + ": " + inputs[i];
  }
  return "func.func @f(" + args + ") -> " + result + " {\n  %k = nn.kernel \"other\" (" + names +
         " : " + types + ") -> " + result +
         (schedule.empty() ? "" : " attributes {schedule = " + schedule + "}") + " {\n  ^bb0(" +
         block + "):\n" + body + "\n    nn.yield %r : " + result +
         "\n  }\n  return %k : " + result + "\n}\n";
}

std::vector<double> matmul(const std::vector<float> &a, const std::vector<float> &b, int m, int k,
                           int n) {
  std::vector<double> c(size_t(m) * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double s = 0;
      for (int l = 0; l < k; ++l)
        s += double(a[size_t(i) * k + l]) * b[size_t(l) * n + j];
      c[size_t(i) * n + j] = s;
    }
  return c;
}

} // namespace

TEST(Flat, AddRelu) {
  for (int b : {0, 1, 3, 5, 11, 100}) {
    SCOPED_TRACE(b);
    std::string t = tensorText({"b", "21"});
    GpuRun k(kernelText({t, t}, t, "%s = nn.add %0, %1 : " + t + "\n%r = nn.relu %s : " + t),
             {{"b", b}});
    EXPECT_EQ(k.schedule.loops, Loops::flat);
    auto x = randoms(b * 21), y = randoms(b * 21, 2);
    std::vector<double> want;
    for (int i = 0; i < b * 21; ++i)
      want.push_back(std::max(x[i] + y[i], 0.0f));
    expectNear(k.one({x, y}), want, 0);
  }
}

TEST(Flat, Functions) {
  struct {
    const char *op;
    double (*f)(double);
  } functions[] = {{"exp", std::exp},
                   {"tanh", std::tanh},
                   {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
                   {"erf", std::erf},
                   {"sqrt", std::sqrt},
                   {"log", std::log},
                   {"floor", std::floor},
                   {"round", std::nearbyint}};
  for (auto &[op, f] : functions) {
    SCOPED_TRACE(op);
    std::string t = tensorText({"1003"});
    GpuRun k(kernelText({t}, t, std::string("%r = nn.") + op + " %0 : " + t));
    auto x = randoms(1003);
    std::vector<double> want;
    for (float &v : x) {
      v *= 8;
      want.push_back(f(v));
    }
    x[5] = NAN, want[5] = NAN;
    expectNear(k.one({x}), want, 1e-6);
  }
}

TEST(Points, BiasOverRows) {
  for (auto [b, n] : {std::pair(3, 100), {7, 10}, {1, 2}, {130, 9}}) {
    SCOPED_TRACE(testing::Message() << b << "x" << n);
    std::string t = tensorText({"b", std::to_string(n)}), v = tensorText({std::to_string(n)});
    GpuRun k(kernelText({t, v}, t,
                        "%c = nn.broadcast %1 {dims = array<i64: 1>} : (" + v + ") -> " + t +
                            "\n%r = nn.mul %0, %c : " + t),
             {{"b", b}});
    EXPECT_EQ(k.schedule.loops, Loops::points);
    EXPECT_EQ(k.schedule.lanes, n % 4 ? 1 : 4);
    auto x = randoms(b * n), y = randoms(n, 2);
    std::vector<double> want;
    for (int i = 0; i < b * n; ++i)
      want.push_back(x[i] * y[i % n]);
    expectNear(k.one({x, y}), want, 0);
  }
}

TEST(Points, TransposeAndColumnSums) {
  std::string t = tensorText({"5", "n"}), u = tensorText({"n", "5"}), c = tensorText({"n"});
  GpuRun transposed(
      kernelText({t}, u,
                 "%r = nn.transpose %0 {permutation = array<i64: 1, 0>} : (" + t + ") -> " + u),
      {{"n", 67}});
  GpuRun sums(
      kernelText({t}, c, "%r = nn.reduce sum %0 {dims = array<i64: 0>} : (" + t + ") -> " + c),
      {{"n", 67}});
  EXPECT_EQ(sums.schedule.loops, Loops::points);
  auto x = randoms(5 * 67);
  std::vector<double> turned, column;
  for (int j = 0; j < 67; ++j) {
    double s = 0;
    for (int i = 0; i < 5; ++i) {
      turned.push_back(x[i * 67 + j]);
      s += x[i * 67 + j];
    }
    column.push_back(s);
  }
  expectNear(transposed.one({x}), turned, 0);
  expectNear(sums.one({x}), column, 1e-6);
}

TEST(Rows, Softmax) {
  for (auto [b, n, dynamic] : {std::tuple(3, 10, false),
                               {9, 100, true},
                               {2, 1000, false},
                               {4, 3, true},
                               {0, 9, true},
                               {3, 3000, false},
                               {2, 1501, false}}) {
    SCOPED_TRACE(testing::Message() << b << "x" << n);
    GpuRun k(softmaxText(dynamic ? "n" : std::to_string(n)), {{"b", b}, {"n", n}});
    EXPECT_EQ(k.schedule.loops, Loops::rows);
    EXPECT_EQ(k.schedule.rowThreads, !dynamic && n > 1024 ? 256 : 32);
    auto x = randoms(b * n);
    if (b > 1)
      x[n + 1] = NAN;
    std::vector<double> want;
    for (int i = 0; i < b; ++i) {
      double m = -INFINITY, s = 0;
      bool nan = false;
      for (int j = 0; j < n; ++j) {
        m = std::max<double>(m, x[i * n + j]);
        nan |= std::isnan(x[i * n + j]);
      }
      for (int j = 0; j < n; ++j)
        s += std::exp(x[i * n + j] - m);
      for (int j = 0; j < n; ++j)
        want.push_back(nan ? NAN : std::exp(x[i * n + j] - m) / s);
    }
    expectNear(k.one({x}), want, 1e-6);
  }
}

TEST(Rows, LayerNorm) {
  for (int n : {20, 37, 2048}) {
    SCOPED_TRACE(n);
    std::string t = tensorText({"b", std::to_string(n)}), s = tensorText({"b"}),
                v = tensorText({std::to_string(n)});
    std::string reduce = " {dims = array<i64: 1>} : (" + t + ") -> " + s;
    std::string spread = " {dims = array<i64: 0>} : (" + s + ") -> " + t;
    std::string scale = std::to_string(1.0 / n);
    GpuRun k(kernelText({t, v}, t,
                        "%n = nn.constant dense<" + std::to_string(n) +
                            ".0> : tensor<f32>\n"
                            "%m = nn.broadcast %n {dims = array<i64>} : (tensor<f32>) -> " +
                            s + "\n%s = nn.reduce sum %0" + reduce +
                            "\n%mean = nn.div %s, %m : " + s + "\n%mb = nn.broadcast %mean" +
                            spread + "\n%d = nn.sub %0, %mb : " + t + "\n%q = nn.square %d : " + t +
                            "\n%v = nn.reduce sum %q" + reduce + "\n%var = nn.div %v, %m : " + s +
                            "\n%i = nn.rsqrt %var : " + s + "\n%ib = nn.broadcast %i" + spread +
                            "\n%y = nn.mul %d, %ib : " + t +
                            "\n%g = nn.broadcast %1 {dims = array<i64: 1>} : (" + v + ") -> " + t +
                            "\n%r = nn.mul %y, %g : " + t),
             {{"b", 5}});
    EXPECT_EQ(k.schedule.loops, Loops::rows);
    auto x = randoms(5 * n), g = randoms(n, 2);
    std::vector<double> want;
    for (int i = 0; i < 5; ++i) {
      double mean = 0, var = 0;
      for (int j = 0; j < n; ++j)
        mean += x[i * n + j];
      mean /= n;
      for (int j = 0; j < n; ++j)
        var += (x[i * n + j] - mean) * (x[i * n + j] - mean);
      for (int j = 0; j < n; ++j)
        want.push_back((x[i * n + j] - mean) / std::sqrt(var / n) * g[j]);
    }
    expectNear(k.one({x, g}), want, 4e-6);
  }
}

TEST(Rows, WholeTensor) {
  std::string t = tensorText({"b", "7"}), s = tensorText({});
  s = "tensor<f32>";
  GpuRun k(
      kernelText({t}, s, "%r = nn.reduce max %0 {dims = array<i64: 0, 1>} : (" + t + ") -> " + s),
      {{"b", 300}});
  EXPECT_EQ(k.schedule.loops, Loops::rows);
  auto x = randoms(2100);
  expectNear(k.one({x}), {*std::max_element(x.begin(), x.end())}, 0);
}

TEST(Rows, SumsInFloat64) {
  // Halves of a 64 bit value go through a warp's exchange one by one.
  for (int n : {32, 100, 1000}) {
    std::string t = tensorText({"b", std::to_string(n)}), r = tensorText({"b"}),
                d = tensorText({"b", std::to_string(n)}, "f64"), s = tensorText({"b"}, "f64");
    GpuRun k(kernelText({t}, r,
                        "%d = nn.cast %0 : (" + t + ") -> " + d +
                            "\n%s = nn.reduce sum %d {dims = array<i64: 1>} : (" + d + ") -> " + s +
                            "\n%r = nn.cast %s : (" + s + ") -> " + r),
             {{"b", 3}});
    EXPECT_EQ(k.schedule.loops, Loops::rows);
    auto x = randoms(3 * n);
    x[1] = 1e7f; // float32 would lose the others
    x[n - 1] = -1e7f;
    std::vector<double> want(3);
    for (int i = 0; i < 3 * n; ++i)
      want[i / n] += x[i];
    expectNear(k.one({x}), want, 1e-6);
  }
}

TEST(Matmul, DenseAtOddSizes) {
  for (auto [m, k, n] : {std::tuple(1, 784, 10),
                         {3, 16, 16},
                         {65, 20, 64},
                         {33, 17, 40},
                         {5, 1, 7},
                         {70, 64, 100},
                         {0, 8, 8},
                         {130, 36, 65}}) {
    SCOPED_TRACE(testing::Message() << m << "x" << k << "x" << n);
    GpuRun r(denseText("b", k, n, 0), {{"b", m}});
    EXPECT_EQ(r.schedule.loops, Loops::matmul);
    auto a = randoms(m * k), w = randoms(k * n, 2), bias = randoms(n, 3);
    auto want = matmul(a, w, m, k, n);
    for (size_t i = 0; i < want.size(); ++i)
      want[i] = std::max(want[i] + bias[i % n], 0.0);
    expectNear(r.one({a, w, bias}), want, 1e-5);
  }
}

TEST(Matmul, RowsDoNotDependOnTheBatch) {
  int k = 50, n = 24;
  auto a = randoms(32 * k), w = randoms(k * n, 2), bias = randoms(n, 3);
  GpuRun all(denseText("b", k, n, 0), {{"b", 32}}), one(denseText("b", k, n, 0), {{"b", 1}});
  auto whole = all.one({a, w, bias});
  auto row = one.one({std::vector<float>(a.begin() + 9 * k, a.begin() + 10 * k), w, bias});
  EXPECT_TRUE(std::equal(row.begin(), row.end(), whole.begin() + 9 * n));
}

TEST(Matmul, TransposedBatchedAndLargeTiles) {
  // A^T and B^T, two batches.
  std::string A = tensorText({"2", "19", "33"}), B = tensorText({"2", "41", "19"}),
              C = tensorText({"2", "33", "41"});
  GpuRun r(kernelText({A, B}, C,
                      "%r = nn.dot_general %0, %1 {lhs_batch = array<i64: 0>, rhs_batch = "
                      "array<i64: 0>, lhs_contract = "
                      "array<i64: 1>, rhs_contract = array<i64: 2>} : (" +
                          A + ", " + B + ") -> " + C));
  auto a = randoms(2 * 19 * 33), b = randoms(2 * 41 * 19, 2);
  std::vector<double> want;
  for (int q = 0; q < 2; ++q)
    for (int i = 0; i < 33; ++i)
      for (int j = 0; j < 41; ++j) {
        double s = 0;
        for (int l = 0; l < 19; ++l)
          s += double(a[(q * 19 + l) * 33 + i]) * b[(q * 41 + j) * 19 + l];
        want.push_back(s);
      }
  expectNear(r.one({a, b}), want, 1e-5);

  std::string X = tensorText({"m", "24"}), W = tensorText({"24", "136"}),
              Y = tensorText({"m", "136"});
  GpuRun large(
      kernelText({X, W}, Y,
                 "%r = nn.dot_general %0, %1 {lhs_batch = array<i64>, rhs_batch = array<i64>, "
                 "lhs_contract = "
                 "array<i64: 1>, rhs_contract = array<i64: 0>} : (" +
                     X + ", " + W + ") -> " + Y,
                 "{gpu = \"matmul\", threads = 256, tile = [128, 128, 16], thread = [8, 8]}"),
      {{"m", 131}});
  auto x = randoms(131 * 24), w = randoms(24 * 136, 2);
  expectNear(large.one({x, w}), matmul(x, w, 131, 24, 136), 1e-5);
}

//===-- The emulator finds what is wrong ----------------------------------===//

namespace {
std::string without(std::string text, const std::string &what, int which) {
  size_t at = 0;
  for (int i = 0; i <= which; ++i)
    at = text.find(what, i ? at + 1 : 0);
  EXPECT_NE(at, std::string::npos);
  return text.erase(at, text.find(';', at) + 1 - at);
}
std::string replaced(std::string text, const std::string &what, const std::string &by) {
  size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, what.size(), by);
}
} // namespace

TEST(Emulator, FindsRacesAndBadAccesses) {
  GpuRun k(denseText("b", 48, 64, 0), {{"b", 64}});
  auto a = randoms(64 * 48), w = randoms(48 * 64, 2), bias = randoms(64, 3);
  ASSERT_TRUE(k.ok) << k.error;
  EXPECT_EQ(k.callText(k.ptx, {a, w, bias}), "");
  for (int which : {0, 1}) {
    std::string message = k.callText(without(k.ptx, "bar.sync", which), {a, w, bias});
    EXPECT_TRUE(message.find("race") != std::string::npos ||
                message.find("nothing has written") != std::string::npos)
        << message;
  }
  EXPECT_NE(k.callText(without(k.ptx, "st.shared.v4", 0), {a, w, bias}).find("nothing has written"),
            std::string::npos);
  auto shortBias = bias;
  shortBias.pop_back();
  EXPECT_NE(k.callText(k.ptx, {a, w, shortBias}).find("outside"), std::string::npos);
  EXPECT_NE(k.callText(replaced(k.ptx, ".shared .align 16", ".shared .align 4"), {a, w, bias})
                .find("misaligned"),
            std::string::npos);
  EXPECT_NE(k.callText(replaced(k.ptx, "fma.rn.f32", "foo.rn.f32"), {a, w, bias}).find("unknown"),
            std::string::npos);
}
