// Matrix products, convolutions and windows against plain loops.
#include "test/unit/schedule/Harness.h"
#include "test/unit/schedule/Texts.h"
#include <cmath>
#include <limits>

using namespace ingot::test;

namespace {

std::vector<float> dense(const std::vector<float> &x, const std::vector<float> &w,
                         const std::vector<float> &b, int m, int k, int n, float (*f)(float)) {
  std::vector<float> y(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double s = b[j];
      for (int c = 0; c < k; ++c)
        s += double(x[i * k + c]) * w[c * n + j];
      y[i * n + j] = f(float(s));
    }
  return y;
}
float relu(float v) { return v > 0 ? v : 0; }

} // namespace

TEST(Contraction, DenseShapes) {
  struct Case {
    int m, k, n, tile;
    bool dynamic;
  } cases[] = {{1, 20, 10, 0, false},   {5, 33, 17, 0, true},    {1, 64, 100, 32, false},
               {29, 40, 100, 32, true}, {37, 96, 70, 32, false}, {128, 50, 64, 0, false},
               {3, 7, 1, 0, true},      {60, 16, 33, 16, true},  {0, 5, 8, 0, true},
               {1, 100, 300, 32, true}};
  for (const Case &c : cases) {
    SCOPED_TRACE(testing::Message() << c.m << "x" << c.n << "x" << c.k << " tile " << c.tile);
    KernelRun k(denseText(c.dynamic ? "batch" : std::to_string(c.m), c.k, c.n, c.tile),
                {{"batch", c.m}});
    auto x = randoms(c.m * c.k), w = randoms(c.k * c.n, 2), b = randoms(c.n, 3);
    expectNear(k.one<float>({x, c.tile ? packed(w, c.k, c.n, c.tile) : w, b}),
               dense(x, w, b, c.m, c.k, c.n, relu), 2e-5f);
  }
}

TEST(Contraction, HeavyEpilogueIsRolled) {
  for (const char *m : {"batch", "31"}) { // strips found at run time, and at fixed places
    KernelRun k(denseText(m, 40, 50, 0, "tanh"), {{"batch", 31}});
    EXPECT_TRUE(k.schedule.rolledEpilogue);
    auto x = randoms(31 * 40), w = randoms(40 * 50, 2), b = randoms(50, 3);
    expectNear(k.one<float>({x, w, b}),
               dense(x, w, b, 31, 40, 50, [](float v) { return std::tanh(v); }), 2e-5f);
  }
}

TEST(Contraction, RowsDoNotDependOnTheBatch) {
  auto x = randoms(45 * 64), w = randoms(64 * 48, 2), b = randoms(48, 3);
  KernelRun all(denseText("batch", 64, 48, 0), {{"batch", 45}}),
      one(denseText("batch", 64, 48, 0), {{"batch", 1}});
  auto y = all.one<float>({x, w, b});
  for (int r : {0, 13, 14, 44}) {
    auto row =
        one.one<float>({std::vector<float>(x.begin() + r * 64, x.begin() + r * 64 + 64), w, b});
    for (int j = 0; j < 48; ++j)
      EXPECT_EQ(row[j], y[r * 48 + j]);
  }
}

TEST(Contraction, OtherProcessors) {
  for (const char *cpu : {"haswell", "x86-64-v2"}) {
    KernelRun k(denseText("batch", 40, 50, 0), {{"batch", 31}}, cpu);
    auto x = randoms(31 * 40), w = randoms(40 * 50, 2), b = randoms(50, 3);
    expectNear(k.one<float>({x, w, b}), dense(x, w, b, 31, 40, 50, relu), 2e-5f);
  }
}

TEST(Contraction, BatchedWithTransposedOperand) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>, %y: tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>) -> tensor<?x12x?x?xf32, #nn.sizes<"b", "t", "t">> {
      %r = nn.kernel "contraction" (%x, %y : tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>, tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>) -> tensor<?x12x?x?xf32, #nn.sizes<"b", "t", "t">> {
      ^bb0(%0: tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>, %1: tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>):
        %d = nn.dot_general %0, %1 {lhs_batch = array<i64: 0, 1>, rhs_batch = array<i64: 0, 1>, lhs_contract = array<i64: 3>, rhs_contract = array<i64: 3>} : (tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>, tensor<?x12x?x8xf32, #nn.sizes<"b", "t">>) -> tensor<?x12x?x?xf32, #nn.sizes<"b", "t", "t">>
        nn.yield %d : tensor<?x12x?x?xf32, #nn.sizes<"b", "t", "t">>
      }
      return %r : tensor<?x12x?x?xf32, #nn.sizes<"b", "t", "t">>
    })",
              {{"b", 2}, {"t", 19}});
  int B = 24, T = 19;
  auto x = randoms(B * T * 8), y = randoms(B * T * 8, 2);
  std::vector<float> want;
  for (int b = 0; b < B; ++b)
    for (int i = 0; i < T; ++i)
      for (int j = 0; j < T; ++j) {
        double s = 0;
        for (int c = 0; c < 8; ++c)
          s += x[(b * T + i) * 8 + c] * y[(b * T + j) * 8 + c];
        want.push_back(s);
      }
  expectNear(k.one<float>({x, y}), want, 1e-5f);
}

TEST(Contraction, SeveralDimensionsInAnyOrder) {
  // sum over i, k of x[i, m, k] y[k, i, n].
  KernelRun k(R"(
    func.func @f(%x: tensor<3x7x5xf32>, %y: tensor<5x3x18xf32>) -> tensor<7x18xf32> {
      %r = nn.kernel "contraction" (%x, %y : tensor<3x7x5xf32>, tensor<5x3x18xf32>) -> tensor<7x18xf32> {
      ^bb0(%0: tensor<3x7x5xf32>, %1: tensor<5x3x18xf32>):
        %d = nn.dot_general %0, %1 {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 0, 2>, rhs_contract = array<i64: 1, 0>} : (tensor<3x7x5xf32>, tensor<5x3x18xf32>) -> tensor<7x18xf32>
        nn.yield %d : tensor<7x18xf32>
      }
      return %r : tensor<7x18xf32>
    })");
  auto x = randoms(105), y = randoms(270, 2);
  std::vector<float> want;
  for (int m = 0; m < 7; ++m)
    for (int n = 0; n < 18; ++n) {
      double s = 0;
      for (int i = 0; i < 3; ++i)
        for (int c = 0; c < 5; ++c)
          s += x[(i * 7 + m) * 5 + c] * y[(c * 3 + i) * 18 + n];
      want.push_back(s);
    }
  expectNear(k.one<float>({x, y}), want, 1e-5f);
}

namespace {
void testConv(const Conv &c, bool dynamicImage = false) {
  SCOPED_TRACE(testing::Message() << c.h << "x" << c.w << "x" << c.c << " " << c.kh << "x" << c.kw
                                  << " to " << c.f << " stride " << c.stride << " groups "
                                  << c.groups << " base " << c.base);
  KernelRun k(c.text(dynamicImage), {{"batch", c.n}, {"h", c.h}, {"w", c.w}});
  auto x = randoms(c.n * c.h * c.w * c.c), f = randoms(c.kh * c.kw * c.c / c.groups * c.f, 2);
  std::vector<float> want;
  int cg = c.c / c.groups, fg = c.f / c.groups;
  for (int n = 0; n < c.n; ++n)
    for (int oh = 0; oh < c.outH(); ++oh)
      for (int ow = 0; ow < c.outW(); ++ow)
        for (int o = 0; o < c.f; ++o) {
          double sum = 0;
          for (int i = 0; i < c.kh; ++i)
            for (int j = 0; j < c.kw; ++j)
              for (int q = 0; q < cg; ++q) {
                int y = oh * c.stride + i * c.dilation - c.lowH,
                    z = ow * c.stride + j * c.dilation - c.lowW;
                if (y < 0 || z < 0 || y % c.base || z % c.base || y / c.base >= c.h ||
                    z / c.base >= c.w)
                  continue;
                sum +=
                    double(x[((n * c.h + y / c.base) * c.w + z / c.base) * c.c + o / fg * cg + q]) *
                    f[((i * c.kw + j) * cg + q) * c.f + o];
              }
          want.push_back(sum);
        }
  expectNear(k.one<float>({x, f}), want, 2e-5f);
}
} // namespace

TEST(Convolution, Shapes) {
  testConv({2, 9, 30, 5, 3, 3, 20, 1, 1, 1, 1, 1, 1});
  testConv({1, 7, 7, 16, 3, 3, 40, 1, 1, 1, 1, 1, 1});
  testConv({2, 11, 12, 3, 5, 5, 8, 2, 1, 2, 2, 1, 2});
  testConv({1, 14, 33, 4, 7, 7, 32, 2, 1, 3, 3, 3, 3});
  testConv({3, 8, 20, 6, 1, 1, 17, 1, 1, 0, 0, 0, 0});
  testConv({1, 12, 25, 4, 3, 3, 16, 1, 2, 2, 2, 2, 2});
  testConv({2, 5, 16, 4, 3, 3, 16, 1, 1, 0, 0, 0, 0});
  testConv({4, 1, 1, 30, 1, 1, 20, 1, 1, 0, 0, 0, 0});
}
TEST(Convolution, Groups) {
  testConv({2, 9, 20, 24, 3, 3, 24, 1, 1, 1, 1, 1, 1, 24}); // depthwise
  testConv({1, 9, 10, 8, 3, 3, 16, 2, 1, 0, 1, 0, 1, 8});   // two filters a channel
  testConv({1, 6, 18, 32, 3, 3, 64, 1, 1, 1, 1, 1, 1, 2});
}
TEST(Convolution, Transposed) { testConv({2, 5, 6, 4, 3, 3, 8, 1, 1, 1, 2, 1, 2, 1, 2}); }
TEST(Convolution, TransposedOfOddShapes) {
  testConv({1, 5, 6, 4, 3, 3, 40, 1, 1, 1, 1, 1, 1, 1, 2});
  testConv({9, 4, 7, 5, 4, 4, 17, 1, 1, 2, 3, 3, 2, 1, 3});
  testConv({2, 6, 5, 6, 3, 3, 6, 1, 1, 1, 2, 1, 2, 6, 2});
  testConv({2, 5, 6, 4, 2, 2, 8, 1, 1, 1, 1, 1, 1, 1, 2}, false);
}
TEST(Convolution, UnknownImage) {
  testConv({2, 9, 31, 4, 3, 3, 20, 1, 1, 1, 1, 1, 1}, true);
  testConv({1, 3, 2, 4, 5, 5, 20, 1, 1, 2, 2, 2, 2}, true);
  testConv({1, 12, 33, 3, 7, 7, 16, 2, 1, 3, 3, 3, 3}, true);
}

TEST(Convolution, FilterGradient) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x9x10x5xf32, #nn.sizes<"b">>, %g: tensor<?x5x5x20xf32, #nn.sizes<"b">>) -> tensor<3x3x5x20xf32> {
      %r = nn.kernel "contraction" (%x, %g : tensor<?x9x10x5xf32, #nn.sizes<"b">>, tensor<?x5x5x20xf32, #nn.sizes<"b">>) -> tensor<3x3x5x20xf32> {
      ^bb0(%0: tensor<?x9x10x5xf32, #nn.sizes<"b">>, %1: tensor<?x5x5x20xf32, #nn.sizes<"b">>):
        %d = "nn.conv_filter_grad"(%0, %1) <{strides = array<i64: 2, 2>, pad_low = #nn.sizes<1, 0>, pad_high = #nn.sizes<1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1 : i64}> : (tensor<?x9x10x5xf32, #nn.sizes<"b">>, tensor<?x5x5x20xf32, #nn.sizes<"b">>) -> tensor<3x3x5x20xf32>
        nn.yield %d : tensor<3x3x5x20xf32>
      }
      return %r : tensor<3x3x5x20xf32>
    })",
              {{"b", 3}});
  auto x = randoms(3 * 9 * 10 * 5), g = randoms(3 * 5 * 5 * 20, 2);
  std::vector<float> want;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int c = 0; c < 5; ++c)
        for (int f = 0; f < 20; ++f) {
          double s = 0;
          for (int b = 0; b < 3; ++b)
            for (int y = 0; y < 5; ++y)
              for (int z = 0; z < 5; ++z) {
                int h = 2 * y + i - 1, w = 2 * z + j;
                if (h >= 0 && h < 9 && w < 10)
                  s += x[((b * 9 + h) * 10 + w) * 5 + c] * g[((b * 5 + y) * 5 + z) * 20 + f];
              }
          want.push_back(s);
        }
  expectNear(k.one<float>({x, g}), want, 2e-5f);
}

TEST(Window, MaxPoolKeepsNaNAndIgnoresPadding) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x11x13x20xf32, #nn.sizes<"b">>) -> tensor<?x6x7x20xf32, #nn.sizes<"b">> {
      %r = nn.kernel "window" (%x : tensor<?x11x13x20xf32, #nn.sizes<"b">>) -> tensor<?x6x7x20xf32, #nn.sizes<"b">> {
      ^bb0(%0: tensor<?x11x13x20xf32, #nn.sizes<"b">>):
        %d = nn.reduce_window max %0 {window = array<i64: 1, 3, 3, 1>, strides = array<i64: 1, 2, 2, 1>, dilations = array<i64: 1, 1, 1, 1>, base_dilations = array<i64: 1, 1, 1, 1>, pad_low = #nn.sizes<0, 1, 1, 0>, pad_high = #nn.sizes<0, 1, 1, 0>} : (tensor<?x11x13x20xf32, #nn.sizes<"b">>) -> tensor<?x6x7x20xf32, #nn.sizes<"b">>
        nn.yield %d : tensor<?x6x7x20xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x6x7x20xf32, #nn.sizes<"b">>
    })",
              {{"b", 3}});
  auto x = randoms(3 * 11 * 13 * 20);
  for (float &v : x)
    v -= 2; // padding would win if it counted as 0
  x[777] = NAN;
  std::vector<float> want;
  for (int b = 0; b < 3; ++b)
    for (int y = 0; y < 6; ++y)
      for (int z = 0; z < 7; ++z)
        for (int c = 0; c < 20; ++c) {
          float m = -INFINITY;
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
              int h = 2 * y + i - 1, w = 2 * z + j - 1;
              if (h < 0 || w < 0 || h >= 11 || w >= 13)
                continue;
              float v = x[((b * 11 + h) * 13 + w) * 20 + c];
              m = std::isnan(m) || std::isnan(v) ? NAN : std::max(m, v);
            }
          want.push_back(m);
        }
  expectNear(k.one<float>({x}), want, 0);
}

TEST(Window, LanesAlongTheWindow) {
  // One-dimensional pooling over the innermost dimension: strided lanes.
  KernelRun k(R"(
    func.func @f(%x: tensor<5x37xf32>) -> tensor<5x19xf32> {
      %r = nn.kernel "window" (%x : tensor<5x37xf32>) -> tensor<5x19xf32> {
      ^bb0(%0: tensor<5x37xf32>):
        %d = nn.reduce_window sum %0 {window = array<i64: 1, 3>, strides = array<i64: 1, 2>, dilations = array<i64: 1, 1>, base_dilations = array<i64: 1, 1>, pad_low = #nn.sizes<0, 1>, pad_high = #nn.sizes<0, 1>} : (tensor<5x37xf32>) -> tensor<5x19xf32>
        nn.yield %d : tensor<5x19xf32>
      }
      return %r : tensor<5x19xf32>
    })");
  auto x = randoms(5 * 37);
  std::vector<float> want;
  for (int i = 0; i < 5; ++i)
    for (int o = 0; o < 19; ++o) {
      float s = 0;
      for (int j = 0; j < 3; ++j)
        if (int p = 2 * o + j - 1; p >= 0 && p < 37)
          s += x[i * 37 + p];
      want.push_back(s);
    }
  expectNear(k.one<float>({x}), want, 1e-6f);
}
