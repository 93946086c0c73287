// Reductions: row kernels, columns, whole tensors, arguments of the maximum.
#include "test/unit/schedule/Harness.h"
#include "test/unit/schedule/Texts.h"
#include <algorithm>
#include <cmath>

using namespace ingot::test;

TEST(Rows, Softmax) {
  for (auto [b, n, dynamic] : {std::tuple(3, 10, false),
                               {5, 100, true},
                               {2, 1000, false},
                               {4, 3, true},
                               {0, 9, true},
                               {2, 64, true}}) {
    SCOPED_TRACE(testing::Message() << b << "x" << n);
    KernelRun k(softmaxText(dynamic ? "n" : std::to_string(n)), {{"b", b}, {"n", n}});
    auto x = randoms(b * n);
    if (b > 1)
      x[n + 1] = NAN;
    std::vector<float> want;
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
    expectNear(k.one<float>({x}), want, 1e-6f);
  }
}

TEST(Rows, ReduceOverInnerDims) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x5x7x9xf32, #nn.sizes<"b">>) -> tensor<?x5xf32, #nn.sizes<"b">> {
      %r = nn.kernel "reduction" (%x : tensor<?x5x7x9xf32, #nn.sizes<"b">>) -> tensor<?x5xf32, #nn.sizes<"b">> {
      ^bb0(%0: tensor<?x5x7x9xf32, #nn.sizes<"b">>):
        %1 = nn.square %0 : tensor<?x5x7x9xf32, #nn.sizes<"b">>
        %d = nn.reduce sum %1 {dims = array<i64: 2, 3>} : (tensor<?x5x7x9xf32, #nn.sizes<"b">>) -> tensor<?x5xf32, #nn.sizes<"b">>
        %e = nn.sqrt %d : tensor<?x5xf32, #nn.sizes<"b">>
        nn.yield %e : tensor<?x5xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x5xf32, #nn.sizes<"b">>
    })",
              {{"b", 4}});
  auto x = randoms(4 * 5 * 63);
  std::vector<float> want;
  for (int i = 0; i < 20; ++i) {
    double s = 0;
    for (int j = 0; j < 63; ++j)
      s += double(x[i * 63 + j]) * x[i * 63 + j];
    want.push_back(std::sqrt(s));
  }
  expectNear(k.one<float>({x}), want, 1e-6f);
}

TEST(Rows, WholeTensor) {
  for (int64_t n : {0, 5, 1000}) {
    KernelRun k(R"(
      func.func @f(%x: tensor<?xf64, #nn.sizes<"n">>) -> tensor<f64> {
        %r = nn.kernel "reduction" (%x : tensor<?xf64, #nn.sizes<"n">>) -> tensor<f64> {
        ^bb0(%0: tensor<?xf64, #nn.sizes<"n">>):
          %d = nn.reduce sum %0 {dims = array<i64: 0>} : (tensor<?xf64, #nn.sizes<"n">>) -> tensor<f64>
          nn.yield %d : tensor<f64>
        }
        return %r : tensor<f64>
      })",
                {{"n", n}});
    std::vector<double> x;
    double want = 0;
    for (float v : randoms(n)) {
      x.push_back(v);
      want += v;
    }
    EXPECT_NEAR(k.one<double>({x})[0], want, 1e-9);
  }
}

TEST(Rows, Columns) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x70xf32, #nn.sizes<"b">>) -> tensor<70xf32> {
      %r = nn.kernel "reduction" (%x : tensor<?x70xf32, #nn.sizes<"b">>) -> tensor<70xf32> {
      ^bb0(%0: tensor<?x70xf32, #nn.sizes<"b">>):
        %d = nn.reduce sum %0 {dims = array<i64: 0>} : (tensor<?x70xf32, #nn.sizes<"b">>) -> tensor<70xf32>
        nn.yield %d : tensor<70xf32>
      }
      return %r : tensor<70xf32>
    })",
              {{"b", 33}});
  auto x = randoms(33 * 70);
  std::vector<float> want(70);
  for (int i = 0; i < 33 * 70; ++i)
    want[i % 70] += x[i];
  expectNear(k.one<float>({x}), want, 1e-5f);
}

TEST(Rows, OuterAndMiddleDimensions) {
  // sums over the first and the third dimension of four.
  KernelRun k(R"(
    func.func @f(%x: tensor<3x5x7x20xf32>) -> tensor<5x20xf32> {
      %r = nn.kernel "reduction" (%x : tensor<3x5x7x20xf32>) -> tensor<5x20xf32> {
      ^bb0(%0: tensor<3x5x7x20xf32>):
        %d = nn.reduce sum %0 {dims = array<i64: 0, 2>} : (tensor<3x5x7x20xf32>) -> tensor<5x20xf32>
        nn.yield %d : tensor<5x20xf32>
      }
      return %r : tensor<5x20xf32>
    })");
  auto x = randoms(2100);
  std::vector<float> want(100);
  for (int i = 0; i < 2100; ++i)
    want[i / 140 % 5 * 20 + i % 20] += x[i];
  expectNear(k.one<float>({x}), want, 1e-5f);
}

TEST(Rows, StatisticsAndValuesTogether) {
  // Several reductions of columns, and a result of another shape: serial.
  KernelRun k(R"(
    func.func @f(%x: tensor<12x20xf32>) -> (tensor<20xf32>, tensor<12x20xf32>) {
      %r:2 = nn.kernel "reduction" (%x : tensor<12x20xf32>) -> tensor<20xf32>, tensor<12x20xf32> {
      ^bb0(%0: tensor<12x20xf32>):
        %d = nn.reduce sum %0 {dims = array<i64: 0>} : (tensor<12x20xf32>) -> tensor<20xf32>
        %b = nn.broadcast %d {dims = array<i64: 1>} : (tensor<20xf32>) -> tensor<12x20xf32>
        %s = nn.sub %0, %b : tensor<12x20xf32>
        nn.yield %d, %s : tensor<20xf32>, tensor<12x20xf32>
      }
      return %r#0, %r#1 : tensor<20xf32>, tensor<12x20xf32>
    })");
  auto x = randoms(240);
  std::vector<float> sum(20), want;
  for (int i = 0; i < 240; ++i)
    sum[i % 20] += x[i];
  for (int i = 0; i < 240; ++i)
    want.push_back(x[i] - sum[i % 20]);
  auto r = k.call({x});
  expectNear(r[0].as<float>(), sum, 1e-5f);
  expectNear(r[1].as<float>(), want, 1e-5f);
}

TEST(Rows, ArgMaxTakesTheFirstAndIgnoresNaN) {
  KernelRun k(R"(
    func.func @f(%x: tensor<3x7xf32>) -> tensor<3xi64> {
      %r = nn.kernel "reduction" (%x : tensor<3x7xf32>) -> tensor<3xi64> {
      ^bb0(%0: tensor<3x7xf32>):
        %d = "nn.arg_reduce"(%0) <{dim = 1 : i64, is_max = true}> : (tensor<3x7xf32>) -> tensor<3xi64>
        nn.yield %d : tensor<3xi64>
      }
      return %r : tensor<3xi64>
    })");
  std::vector<float> x{1, 5, 5, 2, 0, 5, 1, NAN, 2, 3, NAN, 3, 1, 0, -1, -2, -3, -4, -5, -6, -7};
  EXPECT_EQ(k.one<int64_t>({x}), (std::vector<int64_t>{1, 2, 0}));
}

TEST(Rows, MaxKeepsNaN) {
  KernelRun k(R"(
    func.func @f(%x: tensor<2x100xf32>) -> tensor<2xf32> {
      %r = nn.kernel "reduction" (%x : tensor<2x100xf32>) -> tensor<2xf32> {
      ^bb0(%0: tensor<2x100xf32>):
        %d = nn.reduce max %0 {dims = array<i64: 1>} : (tensor<2x100xf32>) -> tensor<2xf32>
        nn.yield %d : tensor<2xf32>
      }
      return %r : tensor<2xf32>
    })");
  auto x = randoms(200);
  x[33] = NAN;
  x[150] = 4;
  expectNear(k.one<float>({x}), {NAN, 4}, 0);
}

TEST(Rows, AResultThatKeepsExpIsNotInPlace) {
  // The operand is read again after exp has been parked in the result's row.
  std::string text = softmaxText("n");
  size_t at = text.find("nn.yield %q");
  text.replace(at, 11,
               "%a = nn.add %q, %0 : tensor<?x?xf32, #nn.sizes<\"b\", "
               "\"n\">>\nnn.yield %a");
  KernelRun k(text, {{"b", 3}, {"n", 21}});
  EXPECT_TRUE(k.inplace.empty());
  auto x = randoms(63);
  std::vector<float> want;
  for (int i = 0; i < 3; ++i) {
    double s = 0;
    for (int j = 0; j < 21; ++j)
      s += std::exp(double(x[i * 21 + j]));
    for (int j = 0; j < 21; ++j)
      want.push_back(std::exp(double(x[i * 21 + j])) / s + x[i * 21 + j]);
  }
  expectNear(k.one<float>({x}), want, 1e-6f);
}

TEST(Rows, ArgMinOfManyRows) {
  for (int64_t b : {1, 6}) {
    KernelRun k(R"(
      func.func @f(%x: tensor<?x300xi32, #nn.sizes<"b">>) -> tensor<?xi32, #nn.sizes<"b">> {
        %r = nn.kernel "reduction" (%x : tensor<?x300xi32, #nn.sizes<"b">>) -> tensor<?xi32, #nn.sizes<"b">> {
        ^bb0(%0: tensor<?x300xi32, #nn.sizes<"b">>):
          %d = "nn.arg_reduce"(%0) <{dim = 1 : i64, is_max = false}> : (tensor<?x300xi32, #nn.sizes<"b">>) -> tensor<?xi32, #nn.sizes<"b">>
          nn.yield %d : tensor<?xi32, #nn.sizes<"b">>
        }
        return %r : tensor<?xi32, #nn.sizes<"b">>
      })",
                {{"b", b}});
    std::vector<int32_t> x, want;
    for (float v : randoms(b * 300))
      x.push_back(v * 100);
    for (int i = 0; i < b; ++i)
      want.push_back(std::min_element(x.begin() + i * 300, x.begin() + i * 300 + 300) - x.begin() -
                     i * 300);
    EXPECT_EQ(k.one<int32_t>({x}), want);
  }
}

TEST(Rows, InPlaceResultsAreStoredAfterAllReads) {
  KernelRun k(R"(
    func.func @f(%x: tensor<9xf32>, %y: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
      %r:2 = nn.kernel "reduction" (%x, %y : tensor<9xf32>, tensor<f32>) -> tensor<f32>, tensor<f32> {
      ^bb0(%0: tensor<9xf32>, %1: tensor<f32>):
        %d = nn.reduce min %0 {dims = array<i64: 0>} : (tensor<9xf32>) -> tensor<f32>
        %s = nn.sub %1, %d : tensor<f32>
        nn.yield %d, %s : tensor<f32>, tensor<f32>
      }
      return %r#0, %r#1 : tensor<f32>, tensor<f32>
    })");
  ASSERT_GE(k.inplace.size(), 2u);
  k.shareInplace = true;
  auto x = randoms(9);
  float least = *std::min_element(x.begin(), x.end());
  auto r = k.call({x, std::vector<float>{7}});
  EXPECT_EQ(r[0].as<float>()[0], least);
  EXPECT_EQ(r[1].as<float>()[0], 7 - least);
}
