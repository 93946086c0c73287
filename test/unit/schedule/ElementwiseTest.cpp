// Elementwise kernels: flat ones, and those that change shapes on the way.
#include "test/unit/schedule/Harness.h"
#include <cmath>
#include <limits>

using namespace ingot::test;

TEST(Elementwise, FlatWithScalarsAndTail) {
  for (int64_t n : {0, 1, 7, 16, 1000, 5003}) {
    KernelRun k(R"(
      func.func @f(%x: tensor<?xf32, #nn.sizes<"n">>, %s: tensor<f32>) -> tensor<?xf32, #nn.sizes<"n">> {
        %r = nn.kernel "elementwise" (%x, %s : tensor<?xf32, #nn.sizes<"n">>, tensor<f32>) -> tensor<?xf32, #nn.sizes<"n">> {
        ^bb0(%a: tensor<?xf32, #nn.sizes<"n">>, %b: tensor<f32>):
          %0 = nn.broadcast %b {dims = array<i64>} : (tensor<f32>) -> tensor<?xf32, #nn.sizes<"n">>
          %1 = nn.mul %a, %0 : tensor<?xf32, #nn.sizes<"n">>
          %2 = nn.relu %1 : tensor<?xf32, #nn.sizes<"n">>
          nn.yield %2 : tensor<?xf32, #nn.sizes<"n">>
        }
        return %r : tensor<?xf32, #nn.sizes<"n">>
      })",
                {{"n", n}});
    auto x = randoms(n);
    if (n > 3)
      x[2] = NAN;
    std::vector<float> want;
    for (float v : x)
      want.push_back(std::isnan(v) ? v : std::max(0.0f, v * 3));
    expectNear(k.one<float>({x, std::vector<float>{3}}), want, 0);
    EXPECT_EQ(k.inplace.size(), 2u);
  }
}

TEST(Elementwise, RankZero) {
  KernelRun k(R"(
    func.func @f(%x: tensor<f32>, %y: tensor<f32>) -> tensor<f32> {
      %r = nn.kernel "elementwise" (%x, %y : tensor<f32>, tensor<f32>) -> tensor<f32> {
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %0 = nn.sub %a, %b : tensor<f32>
        nn.yield %0 : tensor<f32>
      }
      return %r : tensor<f32>
    })");
  EXPECT_EQ(k.one<float>({std::vector<float>{5}, std::vector<float>{3}}), std::vector<float>{2});
}

TEST(Elementwise, BiasBroadcastOfOddWidth) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x7x19xf32, #nn.sizes<"b">>, %y: tensor<19xf32>, %z: tensor<7x1xf32>) -> tensor<?x7x19xf32, #nn.sizes<"b">> {
      %r = nn.kernel "elementwise" (%x, %y, %z : tensor<?x7x19xf32, #nn.sizes<"b">>, tensor<19xf32>, tensor<7x1xf32>) -> tensor<?x7x19xf32, #nn.sizes<"b">> {
      ^bb0(%a: tensor<?x7x19xf32, #nn.sizes<"b">>, %b: tensor<19xf32>, %c: tensor<7x1xf32>):
        %0 = nn.broadcast %b {dims = array<i64: 2>} : (tensor<19xf32>) -> tensor<?x7x19xf32, #nn.sizes<"b">>
        %1 = nn.broadcast %c {dims = array<i64: 1, 2>} : (tensor<7x1xf32>) -> tensor<?x7x19xf32, #nn.sizes<"b">>
        %2 = nn.add %a, %0 : tensor<?x7x19xf32, #nn.sizes<"b">>
        %3 = nn.mul %2, %1 : tensor<?x7x19xf32, #nn.sizes<"b">>
        nn.yield %3 : tensor<?x7x19xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x7x19xf32, #nn.sizes<"b">>
    })",
              {{"b", 5}});
  auto x = randoms(5 * 7 * 19), y = randoms(19, 2), z = randoms(7, 3);
  std::vector<float> want;
  for (int i = 0; i < 5 * 7 * 19; ++i)
    want.push_back((x[i] + y[i % 19]) * z[i / 19 % 7]);
  expectNear(k.one<float>({x, y, z}), want, 1e-6f);
}

TEST(Elementwise, RunTimeBroadcast) {
  for (int64_t n : {1, 6}) {
    KernelRun k(R"mlir(
      func.func @f(%x: tensor<?x20xf32, #nn.sizes<"m">>, %y: tensor<?x20xf32, #nn.sizes<"n">>) -> tensor<?x20xf32, #nn.sizes<"bcast(m, n)">> {
        %r = nn.kernel "elementwise" (%x, %y : tensor<?x20xf32, #nn.sizes<"m">>, tensor<?x20xf32, #nn.sizes<"n">>) -> tensor<?x20xf32, #nn.sizes<"bcast(m, n)">> {
        ^bb0(%a: tensor<?x20xf32, #nn.sizes<"m">>, %b: tensor<?x20xf32, #nn.sizes<"n">>):
          %0 = nn.broadcast %a {dims = array<i64: 0, 1>} : (tensor<?x20xf32, #nn.sizes<"m">>) -> tensor<?x20xf32, #nn.sizes<"bcast(m, n)">>
          %1 = nn.broadcast %b {dims = array<i64: 0, 1>} : (tensor<?x20xf32, #nn.sizes<"n">>) -> tensor<?x20xf32, #nn.sizes<"bcast(m, n)">>
          %2 = nn.sub %0, %1 : tensor<?x20xf32, #nn.sizes<"bcast(m, n)">>
          nn.yield %2 : tensor<?x20xf32, #nn.sizes<"bcast(m, n)">>
        }
        return %r : tensor<?x20xf32, #nn.sizes<"bcast(m, n)">>
      })mlir",
                {{"m", 6}, {"n", n}});
    auto x = randoms(120), y = randoms(n * 20, 2);
    std::vector<float> want;
    for (int i = 0; i < 120; ++i)
      want.push_back(x[i] - y[n == 1 ? i % 20 : i]);
    expectNear(k.one<float>({x, y}), want, 0);
  }
}

TEST(Elementwise, TransposeSlicePadConcatReverse) {
  KernelRun k(R"(
    func.func @f(%x: tensor<9x5xf32>, %y: tensor<5x4xf32>) -> tensor<6x14xf32> {
      %r = nn.kernel "elementwise" (%x, %y : tensor<9x5xf32>, tensor<5x4xf32>) -> tensor<6x14xf32> {
      ^bb0(%a: tensor<9x5xf32>, %b: tensor<5x4xf32>):
        %t = nn.transpose %a {permutation = array<i64: 1, 0>} : (tensor<9x5xf32>) -> tensor<5x9xf32>
        %v = nn.reverse %b {dims = array<i64: 1>} : (tensor<5x4xf32>) -> tensor<5x4xf32>
        %c = nn.concat %t, %v {dim = 1} : (tensor<5x9xf32>, tensor<5x4xf32>) -> tensor<5x13xf32>
        %k = nn.constant dense<7.0> : tensor<f32>
        %p = nn.pad %c, %k {low = #nn.sizes<1, 0>, high = #nn.sizes<0, 1>, interior = array<i64: 0, 0>} : (tensor<5x13xf32>, tensor<f32>) -> tensor<6x14xf32>
        nn.yield %p : tensor<6x14xf32>
      }
      return %r : tensor<6x14xf32>
    })");
  auto x = randoms(45), y = randoms(20, 2);
  std::vector<float> want;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 14; ++j)
      want.push_back(i == 0 || j == 13 ? 7
                     : j < 9           ? x[j * 5 + i - 1]
                                       : y[(i - 1) * 4 + 3 - (j - 9)]);
  expectNear(k.one<float>({x, y}), want, 0);
}

TEST(Elementwise, ReshapeInside) {
  // A computed tensor seen in another shape, and stepped slices of it.
  KernelRun k(R"(
    func.func @f(%x: tensor<?x6x4xf32, #nn.sizes<"b">>) -> tensor<?x4x3xf32, #nn.sizes<"b">> {
      %r = nn.kernel "elementwise" (%x : tensor<?x6x4xf32, #nn.sizes<"b">>) -> tensor<?x4x3xf32, #nn.sizes<"b">> {
      ^bb0(%a: tensor<?x6x4xf32, #nn.sizes<"b">>):
        %n = nn.neg %a : tensor<?x6x4xf32, #nn.sizes<"b">>
        %s = nn.reshape %n : (tensor<?x6x4xf32, #nn.sizes<"b">>) -> tensor<?x8x3xf32, #nn.sizes<"b">>
        %p = nn.slice %s {start = #nn.sizes<0, 1, 0>, strides = array<i64: 1, 2, 1>} : (tensor<?x8x3xf32, #nn.sizes<"b">>) -> tensor<?x4x3xf32, #nn.sizes<"b">>
        nn.yield %p : tensor<?x4x3xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x4x3xf32, #nn.sizes<"b">>
    })",
              {{"b", 3}});
  auto x = randoms(72);
  std::vector<float> want;
  for (int b = 0; b < 3; ++b)
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 3; ++j)
        want.push_back(-x[b * 24 + (2 * i + 1) * 3 + j]);
  expectNear(k.one<float>({x}), want, 0);
}

TEST(Elementwise, TakeChecksItsIndices) {
  const char *text = R"(
    func.func @f(%x: tensor<10x33xf32>, %i: tensor<?xi32, #nn.sizes<"n">>) -> tensor<?x33xf32, #nn.sizes<"n">> {
      %r = nn.kernel "elementwise" (%x, %i : tensor<10x33xf32>, tensor<?xi32, #nn.sizes<"n">>) -> tensor<?x33xf32, #nn.sizes<"n">> {
      ^bb0(%a: tensor<10x33xf32>, %b: tensor<?xi32, #nn.sizes<"n">>):
        %t = nn.take %a, %b {axis = 0} : (tensor<10x33xf32>, tensor<?xi32, #nn.sizes<"n">>) -> tensor<?x33xf32, #nn.sizes<"n">>
        nn.yield %t : tensor<?x33xf32, #nn.sizes<"n">>
      }
      return %r : tensor<?x33xf32, #nn.sizes<"n">>
    })";
  auto x = randoms(330);
  std::vector<int32_t> index{3, 9, 0, 3};
  KernelRun k(text, {{"n", 4}});
  std::vector<float> want;
  for (int32_t i : index)
    want.insert(want.end(), x.begin() + i * 33, x.begin() + i * 33 + 33);
  expectNear(k.one<float>({x, index}), want, 0);
  EXPECT_EQ(k.status, 0);
  k.one<float>({x, std::vector<int32_t>{3, 10, 0, 1}});
  EXPECT_EQ(k.status, 4);
  k.one<float>({x, std::vector<int32_t>{3, -1, 0, 1}});
  EXPECT_EQ(k.status, 4);
}

TEST(Elementwise, IntegerDivisionIsTotal) {
  KernelRun k(R"(
    func.func @f(%x: tensor<5xi32>, %y: tensor<5xi32>) -> (tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>) {
      %r:4 = nn.kernel "elementwise" (%x, %y : tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32> {
      ^bb0(%a: tensor<5xi32>, %b: tensor<5xi32>):
        %0 = nn.div %a, %b : tensor<5xi32>
        %1 = nn.floor_div %a, %b : tensor<5xi32>
        %2 = nn.mod %a, %b : tensor<5xi32>
        %3 = nn.rem %a, %b : tensor<5xi32>
        nn.yield %0, %1, %2, %3 : tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>
      }
      return %r#0, %r#1, %r#2, %r#3 : tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<5xi32>
    })");
  std::vector<int32_t> x{7, -7, -7, INT32_MIN, 6}, y{2, 2, -2, -1, -4};
  auto r = k.call({x, y});
  EXPECT_EQ(k.status, 0);
  EXPECT_EQ(r[0].as<int32_t>(), (std::vector<int32_t>{3, -3, 3, INT32_MIN, -1}));
  EXPECT_EQ(r[1].as<int32_t>(), (std::vector<int32_t>{3, -4, 3, INT32_MIN, -2}));
  EXPECT_EQ(r[2].as<int32_t>(), (std::vector<int32_t>{1, 1, -1, 0, -2}));
  EXPECT_EQ(r[3].as<int32_t>(), (std::vector<int32_t>{1, -1, -1, 0, 2}));
  k.call({x, std::vector<int32_t>{1, 1, 1, 1, 0}});
  EXPECT_EQ(k.status, 5);
}

TEST(Elementwise, CastsOfEveryWidth) {
  KernelRun k(R"(
    func.func @f(%x: tensor<6xf32>) -> (tensor<6xi32>, tensor<6xui8>, tensor<6xi64>, tensor<6xi1>, tensor<6xf16>, tensor<6xf64>) {
      %r:6 = nn.kernel "elementwise" (%x : tensor<6xf32>) -> tensor<6xi32>, tensor<6xui8>, tensor<6xi64>, tensor<6xi1>, tensor<6xf16>, tensor<6xf64> {
      ^bb0(%a: tensor<6xf32>):
        %0 = nn.cast %a : (tensor<6xf32>) -> tensor<6xi32>
        %1 = nn.cast %a : (tensor<6xf32>) -> tensor<6xui8>
        %2 = nn.cast %a : (tensor<6xf32>) -> tensor<6xi64>
        %3 = nn.cast %a : (tensor<6xf32>) -> tensor<6xi1>
        %4 = nn.cast %a : (tensor<6xf32>) -> tensor<6xf16>
        %5 = nn.cast %a : (tensor<6xf32>) -> tensor<6xf64>
        nn.yield %0, %1, %2, %3, %4, %5 : tensor<6xi32>, tensor<6xui8>, tensor<6xi64>, tensor<6xi1>, tensor<6xf16>, tensor<6xf64>
      }
      return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5 : tensor<6xi32>, tensor<6xui8>, tensor<6xi64>, tensor<6xi1>, tensor<6xf16>, tensor<6xf64>
    })");
  std::vector<float> x{1.75f, -2.5f, NAN, 3e9f, 0.0f, 255.0f};
  auto r = k.call({x});
  EXPECT_EQ(r[0].as<int32_t>(), (std::vector<int32_t>{1, -2, INT32_MIN, INT32_MIN, 0, 255}));
  EXPECT_EQ(r[1].as<uint8_t>(), (std::vector<uint8_t>{1, 254, 0, 0, 0, 255}));
  EXPECT_EQ(r[2].as<int64_t>(), (std::vector<int64_t>{1, -2, INT64_MIN, 3000000000, 0, 255}));
  EXPECT_EQ(r[3].as<uint8_t>(), (std::vector<uint8_t>{1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(r[4].as<uint16_t>()[0], 0x3f00);
  EXPECT_EQ(r[4].as<uint16_t>()[3], 0x7c00);
  EXPECT_EQ(r[5].as<double>()[1], -2.5);
}

TEST(Elementwise, BoolsAreBytes) {
  KernelRun k(R"(
    func.func @f(%x: tensor<100xf32>, %m: tensor<100xi1>) -> tensor<100xi1> {
      %r = nn.kernel "elementwise" (%x, %m : tensor<100xf32>, tensor<100xi1>) -> tensor<100xi1> {
      ^bb0(%a: tensor<100xf32>, %b: tensor<100xi1>):
        %z = nn.constant dense<0.0> : tensor<100xf32>
        %c = nn.compare gt %a, %z : (tensor<100xf32>, tensor<100xf32>) -> tensor<100xi1>
        %d = nn.xor %c, %b : tensor<100xi1>
        nn.yield %d : tensor<100xi1>
      }
      return %r : tensor<100xi1>
    })");
  auto x = randoms(100);
  std::vector<uint8_t> m(100), want;
  for (int i = 0; i < 100; ++i) {
    m[i] = i % 3 == 0;
    want.push_back((x[i] > 0) ^ m[i]);
  }
  EXPECT_EQ(k.one<uint8_t>({x, m}), want);
}

TEST(Elementwise, Halves) {
  KernelRun k(R"(
    func.func @f(%x: tensor<50xbf16>) -> tensor<50xbf16> {
      %r = nn.kernel "elementwise" (%x : tensor<50xbf16>) -> tensor<50xbf16> {
      ^bb0(%a: tensor<50xbf16>):
        %0 = nn.mul %a, %a : tensor<50xbf16>
        %1 = nn.add %0, %a : tensor<50xbf16>
        nn.yield %1 : tensor<50xbf16>
      }
      return %r : tensor<50xbf16>
    })");
  auto bits = [](float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return uint16_t((u + 0x7fff + ((u >> 16) & 1)) >> 16);
  };
  auto value = [](uint16_t b) {
    uint32_t u = uint32_t(b) << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
  };
  std::vector<uint16_t> x, want;
  for (float f : randoms(50)) {
    x.push_back(bits(f));
    float v = value(x.back());
    want.push_back(bits(v * v + v));
  }
  auto got = k.one<uint16_t>({x});
  for (int i = 0; i < 50; ++i)
    EXPECT_NEAR(value(got[i]), value(want[i]), 0.01f);
}

TEST(Elementwise, QuantilesAndGamma) {
  KernelRun k(R"(
    func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
      %r:4 = nn.kernel "elementwise" (%x : tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32> {
      ^bb0(%a: tensor<4xf32>):
        %0 = nn.ndtri %a : tensor<4xf32>
        %1 = nn.erfinv %a : tensor<4xf32>
        %2 = nn.lgamma %a : tensor<4xf32>
        %3 = nn.digamma %a : tensor<4xf32>
        nn.yield %0, %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
      }
      return %r#0, %r#1, %r#2, %r#3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    })");
  std::vector<float> x{0.975f, 0.5f, 0.1f, 0.999f};
  auto r = k.call({x});
  expectNear(r[0].as<float>(), {1.959964f, 0, -1.2815516f, 3.0902366f}, 1e-4f);
  expectNear(r[1].as<float>(), {1.5849f, 0.476936f, 0.088856f, 2.3267538f}, 1e-3f);
  std::vector<float> gamma;
  for (float v : x)
    gamma.push_back(std::lgamma(v));
  expectNear(r[2].as<float>(), gamma, 1e-6f);
  expectNear(r[3].as<float>(), {-0.619071f, -1.9635100f, -10.423755f, -0.578862f}, 1e-4f);
}

TEST(Elementwise, ExtremesKeepNaN) {
  // 21 elements: whole vectors and a rest.
  KernelRun k(R"(
    func.func @f(%x: tensor<21xf32>, %y: tensor<21xf32>) -> (tensor<21xf32>, tensor<21xf32>, tensor<21xf32>) {
      %r:3 = nn.kernel "elementwise" (%x, %y : tensor<21xf32>, tensor<21xf32>) -> tensor<21xf32>, tensor<21xf32>, tensor<21xf32> {
      ^bb0(%a: tensor<21xf32>, %b: tensor<21xf32>):
        %0 = nn.max %a, %b : tensor<21xf32>
        %1 = nn.min %a, %b : tensor<21xf32>
        %2 = nn.relu %a : tensor<21xf32>
        nn.yield %0, %1, %2 : tensor<21xf32>, tensor<21xf32>, tensor<21xf32>
      }
      return %r#0, %r#1, %r#2 : tensor<21xf32>, tensor<21xf32>, tensor<21xf32>
    })");
  auto x = randoms(21), y = randoms(21, 2);
  for (int i : {0, 17})
    x[i] = NAN;
  for (int i : {1, 18})
    y[i] = NAN;
  x[2] = y[2] = NAN;
  x[3] = -0.0f;
  auto r = k.call({x, y});
  std::vector<float> max, min, relu;
  for (int i = 0; i < 21; ++i) {
    bool nan = std::isnan(x[i]) || std::isnan(y[i]);
    max.push_back(nan ? NAN : std::max(x[i], y[i]));
    min.push_back(nan ? NAN : std::min(x[i], y[i]));
    relu.push_back(std::isnan(x[i]) ? NAN : x[i] > 0 ? x[i] : 0);
  }
  expectNear(r[0].as<float>(), max, 0);
  expectNear(r[1].as<float>(), min, 0);
  expectNear(r[2].as<float>(), relu, 0);
  EXPECT_FALSE(std::signbit(r[2].as<float>()[3]));
}

TEST(Elementwise, CastsThroughHalvesRoundToNearestEven) {
  // Nothing is stored in 16 bits here, and yet each cast rounds.
  KernelRun k(R"(
    func.func @f(%x: tensor<21xf32>) -> (tensor<21xf32>, tensor<21xf32>) {
      %r:2 = nn.kernel "elementwise" (%x : tensor<21xf32>) -> tensor<21xf32>, tensor<21xf32> {
      ^bb0(%a: tensor<21xf32>):
        %0 = nn.cast %a : (tensor<21xf32>) -> tensor<21xf16>
        %1 = nn.cast %0 : (tensor<21xf16>) -> tensor<21xf32>
        %2 = nn.cast %a : (tensor<21xf32>) -> tensor<21xbf16>
        %3 = nn.cast %2 : (tensor<21xbf16>) -> tensor<21xf32>
        nn.yield %1, %3 : tensor<21xf32>, tensor<21xf32>
      }
      return %r#0, %r#1 : tensor<21xf32>, tensor<21xf32>
    })");
  std::vector<float> x, half, brain;
  auto nearest = [](double v, int mantissa) {
    int e;
    std::frexp(v, &e);
    return static_cast<float>(
        std::ldexp(std::nearbyint(std::ldexp(v, mantissa + 1 - e)), e - mantissa - 1));
  };
  for (int i = 0; i < 21; ++i) { // ties of both formats, and numbers beside them
    double step = std::ldexp(1.0, i < 10 ? -12 : -9);
    x.push_back(static_cast<float>((1 + (i % 10) * step) * (i % 2 ? -3 : 1)));
    half.push_back(nearest(x.back(), 10));
    brain.push_back(nearest(x.back(), 7));
  }
  auto r = k.call({x});
  EXPECT_EQ(r[0].as<float>(), half);
  EXPECT_EQ(r[1].as<float>(), brain);
}

TEST(Elementwise, TakeChecksEveryLane) {
  KernelRun k(R"(
    func.func @f(%x: tensor<50xf32>, %i: tensor<37xi32>) -> tensor<37xf32> {
      %r = nn.kernel "elementwise" (%x, %i : tensor<50xf32>, tensor<37xi32>) -> tensor<37xf32> {
      ^bb0(%a: tensor<50xf32>, %b: tensor<37xi32>):
        %t = nn.take %a, %b {axis = 0} : (tensor<50xf32>, tensor<37xi32>) -> tensor<37xf32>
        nn.yield %t : tensor<37xf32>
      }
      return %r : tensor<37xf32>
    })");
  auto x = randoms(50);
  std::vector<int32_t> index;
  std::vector<float> want;
  for (int i = 0; i < 37; ++i) {
    index.push_back(i * 7 % 50);
    want.push_back(x[index.back()]);
  }
  expectNear(k.one<float>({x, index}), want, 0);
  EXPECT_EQ(k.status, 0);
  for (int at : {0, 5, 31, 36})
    for (int32_t wrong : {-1, 50, INT32_MIN}) {
      auto broken = index;
      broken[at] = wrong;
      k.one<float>({x, broken});
      EXPECT_EQ(k.status, 4) << wrong << " in lane " << at;
    }
}

TEST(Elementwise, PanelsOfAnyWidth) {
  for (int n : {37, 32, 5}) { // the last panel is partly empty, or all are full
    int tile = 16, panels = (n + tile - 1) / tile, rows = 6;
    std::string X = "tensor<" + std::to_string(rows) + "x" + std::to_string(n) + "xf32>",
                P = "tensor<" + std::to_string(panels) + "x" + std::to_string(rows) + "x16xf32>";
    KernelRun k("func.func @f(%x: " + X + ") -> " + P +
                " {\n%r = nn.kernel \"elementwise\" (%x : " + X + ") -> " + P +
                " {\n^bb0(%0: " + X + "):\n%p = nn.pack %0 {dim = 1, tile = 16} : (" + X + ") -> " +
                P + "\nnn.yield %p : " + P + "\n}\nreturn %r : " + P + "\n}");
    auto x = randoms(rows * n);
    std::vector<float> want(panels * rows * tile);
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < n; ++j)
        want[(j / tile * rows + i) * tile + j % tile] = x[i * n + j];
    expectNear(k.one<float>({x}), want, 0);
  }
}

TEST(Elementwise, TransposesOfThreeDimensions) {
  KernelRun k(R"(
    func.func @f(%x: tensor<3x4x18xf32>) -> tensor<18x3x4xf32> {
      %r = nn.kernel "elementwise" (%x : tensor<3x4x18xf32>) -> tensor<18x3x4xf32> {
      ^bb0(%0: tensor<3x4x18xf32>):
        %t = nn.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x18xf32>) -> tensor<18x3x4xf32>
        nn.yield %t : tensor<18x3x4xf32>
      }
      return %r : tensor<18x3x4xf32>
    })");
  auto x = randoms(216);
  std::vector<float> want;
  for (int c = 0; c < 18; ++c)
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 4; ++b)
        want.push_back(x[(a * 4 + b) * 18 + c]);
  expectNear(k.one<float>({x}), want, 0);
}

TEST(Elementwise, WhatReadsElsewhereIsNotInPlace) {
  for (const char *op : {"nn.transpose %0 {permutation = array<i64: 1, 0>}",
                         "nn.reverse %0 {dims = array<i64: 0>}"}) {
    std::string X = "tensor<19x19xf32>";
    KernelRun k("func.func @f(%x: " + X + ", %y: " + X + ") -> " + X +
                " {\n%r = nn.kernel \"elementwise\" (%x, %y : " + X + ", " + X + ") -> " + X +
                " {\n^bb0(%0: " + X + ", %1: " + X + "):\n%t = " + op + " : (" + X + ") -> " + X +
                "\n%s = nn.add %t, %1 : " + X + "\nnn.yield %s : " + X + "\n}\nreturn %r : " + X +
                "\n}");
    EXPECT_EQ(k.inplace, (std::vector<int64_t>{0, 1})) << op;
  }
}
