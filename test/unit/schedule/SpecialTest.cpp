// Updates, scatters, scans, nonzero, the gradient of max pooling, composites.
#include "test/unit/schedule/Harness.h"
#include <cmath>

using namespace ingot::test;

TEST(Special, DynamicUpdateClampsItsStart) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x20xf32, #nn.sizes<"t">>, %u: tensor<2x20xf32>, %i: tensor<i32>, %j: tensor<i32>) -> tensor<?x20xf32, #nn.sizes<"t">> {
      %r = nn.kernel "other" (%x, %u, %i, %j : tensor<?x20xf32, #nn.sizes<"t">>, tensor<2x20xf32>, tensor<i32>, tensor<i32>) -> tensor<?x20xf32, #nn.sizes<"t">> {
      ^bb0(%0: tensor<?x20xf32, #nn.sizes<"t">>, %1: tensor<2x20xf32>, %2: tensor<i32>, %3: tensor<i32>):
        %d = nn.dynamic_update_slice %0, %1, %2, %3 : (tensor<?x20xf32, #nn.sizes<"t">>, tensor<2x20xf32>, tensor<i32>, tensor<i32>) -> tensor<?x20xf32, #nn.sizes<"t">>
        nn.yield %d : tensor<?x20xf32, #nn.sizes<"t">>
      }
      return %r : tensor<?x20xf32, #nn.sizes<"t">>
    })",
              {{"t", 7}});
  auto x = randoms(140), u = randoms(40, 2);
  for (int32_t at : {0, 3, 6, -5}) {
    int start = std::clamp(at, 0, 5);
    auto want = x;
    std::copy(u.begin(), u.end(), want.begin() + start * 20);
    expectNear(k.one<float>({x, u, std::vector<int32_t>{at}, std::vector<int32_t>{0}}), want, 0);
  }
  EXPECT_EQ(k.inplace, (std::vector<int64_t>{0, 0}));
}

TEST(Special, ScatterAddsInOrderAndChecks) {
  KernelRun k(R"(
    func.func @f(%x: tensor<9x5xf32>, %i: tensor<?x1xi64, #nn.sizes<"n">>, %u: tensor<?x5xf32, #nn.sizes<"n">>) -> tensor<9x5xf32> {
      %r = nn.kernel "other" (%x, %i, %u : tensor<9x5xf32>, tensor<?x1xi64, #nn.sizes<"n">>, tensor<?x5xf32, #nn.sizes<"n">>) -> tensor<9x5xf32> {
      ^bb0(%0: tensor<9x5xf32>, %1: tensor<?x1xi64, #nn.sizes<"n">>, %2: tensor<?x5xf32, #nn.sizes<"n">>):
        %d = "nn.scatter"(%0, %1, %2) <{kind = #nn<scatter_kind add>}> : (tensor<9x5xf32>, tensor<?x1xi64, #nn.sizes<"n">>, tensor<?x5xf32, #nn.sizes<"n">>) -> tensor<9x5xf32>
        nn.yield %d : tensor<9x5xf32>
      }
      return %r : tensor<9x5xf32>
    })",
              {{"n", 4}});
  auto x = randoms(45), u = randoms(20, 2);
  std::vector<int64_t> at{2, 8, 2, 0};
  auto want = x;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 5; ++j)
      want[at[i] * 5 + j] += u[i * 5 + j];
  expectNear(k.one<float>({x, at, u}), want, 0);
  EXPECT_EQ(k.status, 0);
  k.one<float>({x, std::vector<int64_t>{2, 9, 2, 0}, u});
  EXPECT_EQ(k.status, 4);
}

TEST(Special, Scans) {
  for (int dim : {0, 1, 2})
    for (const char *flags : {"", ", exclusive", ", reverse", ", exclusive, reverse"}) {
      std::string f = flags, d = std::to_string(dim), X = "tensor<3x4x19xf32>";
      KernelRun k("func.func @f(%x: " + X + ") -> " + X +
                  " {\n%r = nn.kernel \"other\" (%x : " + X + ") -> " + X + " {\n^bb0(%0: " + X +
                  "):\n%d = nn.scan sum %0 {dim = " + d + f + "} : (" + X + ") -> " + X +
                  "\nnn.yield %d : " + X + "\n}\nreturn %r : " + X + "\n}");
      auto x = randoms(3 * 4 * 19);
      int n = dim == 0 ? 3 : dim == 1 ? 4 : 19, stride = dim == 0 ? 76 : dim == 1 ? 19 : 1;
      bool exclusive = f.find("exclusive") != f.npos, reverse = f.find("reverse") != f.npos;
      std::vector<float> want(x.size());
      for (int i = 0; i < int(x.size()); ++i) {
        if (i / stride % n)
          continue;
        float s = 0;
        for (int j = 0; j < n; ++j) {
          int at = i + (reverse ? n - 1 - j : j) * stride;
          want[at] = exclusive ? s : s + x[at];
          s += x[at];
        }
      }
      expectNear(k.one<float>({x}), want, 1e-6f);
    }
}

TEST(Special, NonzeroDefinesASize) {
  KernelRun k(R"(
    func.func @f(%x: tensor<4x?xi1, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">> {
      %r = nn.kernel "other" (%x : tensor<4x?xi1, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">> {
      ^bb0(%0: tensor<4x?xi1, #nn.sizes<"n">>):
        %d = "nn.nonzero"(%0) <{symbol = "nz"}> : (tensor<4x?xi1, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">>
        nn.yield %d : tensor<?x2xi64, #nn.sizes<"nz">>
      }
      return %r : tensor<?x2xi64, #nn.sizes<"nz">>
    })",
              {{"n", 3}, {"nz", 4}});
  std::vector<uint8_t> x{0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1};
  EXPECT_EQ(k.one<int64_t>({x}), (std::vector<int64_t>{0, 1, 2, 0, 2, 2, 3, 2}));
  EXPECT_EQ(k.definedSize, 4);
}

TEST(Special, NonzeroOfWhatIsComputed) {
  // Lanes behind the end of a row are no elements, although 0 > -0.5.
  for (int n : {1, 5, 16, 37, 100}) {
    KernelRun k(R"(
      func.func @f(%x: tensor<3x?xf32, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">> {
        %r = nn.kernel "other" (%x : tensor<3x?xf32, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">> {
        ^bb0(%0: tensor<3x?xf32, #nn.sizes<"n">>):
          %k = nn.constant dense<-0.5> : tensor<f32>
          %b = nn.broadcast %k {dims = array<i64>} : (tensor<f32>) -> tensor<3x?xf32, #nn.sizes<"n">>
          %c = nn.compare gt %0, %b : (tensor<3x?xf32, #nn.sizes<"n">>, tensor<3x?xf32, #nn.sizes<"n">>) -> tensor<3x?xi1, #nn.sizes<"n">>
          %d = "nn.nonzero"(%c) <{symbol = "nz"}> : (tensor<3x?xi1, #nn.sizes<"n">>) -> tensor<?x2xi64, #nn.sizes<"nz">>
          nn.yield %d : tensor<?x2xi64, #nn.sizes<"nz">>
        }
        return %r : tensor<?x2xi64, #nn.sizes<"nz">>
      })",
                {{"n", n}, {"nz", 3 * n}});
    auto x = randoms(3 * n);
    std::fill(x.begin(), x.begin() + n, -1.0f); // a row without any
    std::vector<int64_t> want;
    for (int i = 0; i < 3 * n; ++i)
      if (x[i] > -0.5f) {
        want.push_back(i / n);
        want.push_back(i % n);
      }
    auto got = k.one<int64_t>({x});
    EXPECT_EQ(k.definedSize, static_cast<int64_t>(want.size() / 2));
    got.resize(want.size());
    EXPECT_EQ(got, want);
    EXPECT_GT(k.schedule.lanes, 1);
  }
}

TEST(Special, MaxPoolGradGoesToTheFirstMaximum) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x9x8x20xf32, #nn.sizes<"b">>, %g: tensor<?x5x4x20xf32, #nn.sizes<"b">>) -> tensor<?x9x8x20xf32, #nn.sizes<"b">> {
      %r = nn.kernel "other" (%x, %g : tensor<?x9x8x20xf32, #nn.sizes<"b">>, tensor<?x5x4x20xf32, #nn.sizes<"b">>) -> tensor<?x9x8x20xf32, #nn.sizes<"b">> {
      ^bb0(%0: tensor<?x9x8x20xf32, #nn.sizes<"b">>, %1: tensor<?x5x4x20xf32, #nn.sizes<"b">>):
        %d = "nn.max_pool_grad"(%0, %1) <{window = array<i64: 1, 3, 3, 1>, strides = array<i64: 1, 2, 2, 1>, pad_low = #nn.sizes<0, 1, 0, 0>, pad_high = #nn.sizes<0, 1, 1, 0>}> : (tensor<?x9x8x20xf32, #nn.sizes<"b">>, tensor<?x5x4x20xf32, #nn.sizes<"b">>) -> tensor<?x9x8x20xf32, #nn.sizes<"b">>
        nn.yield %d : tensor<?x9x8x20xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x9x8x20xf32, #nn.sizes<"b">>
    })",
              {{"b", 2}});
  auto x = randoms(2 * 9 * 8 * 20), g = randoms(2 * 5 * 4 * 20, 2);
  for (float &v : x)
    v = std::round(v * 3); // many ties
  std::vector<float> want(x.size());
  for (int b = 0; b < 2; ++b)
    for (int y = 0; y < 5; ++y)
      for (int z = 0; z < 4; ++z)
        for (int c = 0; c < 20; ++c) {
          int best = -1;
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
              int h = 2 * y + i - 1, w = 2 * z + j;
              if (h < 0 || h >= 9 || w >= 8)
                continue;
              int at = ((b * 9 + h) * 8 + w) * 20 + c;
              if (best < 0 || x[at] > x[best])
                best = at;
            }
          want[best] += g[((b * 5 + y) * 4 + z) * 20 + c];
        }
  expectNear(k.one<float>({x, g}), want, 1e-5f);
}

TEST(Special, SoftmaxInsideARowKernel) {
  KernelRun k(R"(
    func.func @f(%x: tensor<?x5x37xf32, #nn.sizes<"b">>) -> tensor<?x5x37xf32, #nn.sizes<"b">> {
      %r = nn.kernel "row" (%x : tensor<?x5x37xf32, #nn.sizes<"b">>) -> tensor<?x5x37xf32, #nn.sizes<"b">> {
      ^bb0(%0: tensor<?x5x37xf32, #nn.sizes<"b">>):
        %1 = nn.neg %0 : tensor<?x5x37xf32, #nn.sizes<"b">>
        %d = nn.log_softmax %1 : tensor<?x5x37xf32, #nn.sizes<"b">>
        nn.yield %d : tensor<?x5x37xf32, #nn.sizes<"b">>
      }
      return %r : tensor<?x5x37xf32, #nn.sizes<"b">>
    })",
              {{"b", 2}});
  auto x = randoms(2 * 5 * 37);
  std::vector<float> want;
  for (int i = 0; i < 10; ++i) {
    double s = 0;
    for (int j = 0; j < 37; ++j)
      s += std::exp(-x[i * 37 + j]);
    for (int j = 0; j < 37; ++j)
      want.push_back(-x[i * 37 + j] - std::log(s));
  }
  expectNear(k.one<float>({x}), want, 2e-6f);
}
