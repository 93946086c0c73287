// Kernels that read complex tensors as parts and write parts as complex tensors:
// contiguous, strided, gathered, in tails, one element, in place.
#include "test/unit/schedule/Harness.h"
#include <complex>

using namespace ingot::test;
using Complex = std::complex<float>;

namespace {
std::vector<Complex> complexes(size_t n, unsigned seed = 1) {
  auto parts = randoms(2 * n, seed);
  std::vector<Complex> r;
  for (size_t i = 0; i < n; ++i)
    r.push_back({parts[2 * i], parts[2 * i + 1]});
  return r;
}
} // namespace

TEST(ComplexKernels, FlatInPlace) {
  for (int64_t n : {0, 1, 7, 16, 1000, 5003}) {
    KernelRun k(R"(
      !c = tensor<?xcomplex<f32>, #nn.sizes<"n">>
      !f = tensor<?xf32, #nn.sizes<"n">>
      func.func @f(%x: !c) -> !c {
        %r = nn.kernel "elementwise" (%x : !c) -> !c {
        ^bb0(%a: !c):
          %0 = nn.real %a : (!c) -> !f
          %1 = nn.imag %a : (!c) -> !f
          %2 = nn.neg %0 : !f
          %3 = nn.complex %1, %2 : (!f, !f) -> !c
          nn.yield %3 : !c
        }
        return %r : !c
      })",
                {{"n", n}});
    auto x = complexes(n);
    std::vector<Complex> want;
    for (Complex c : x)
      want.push_back({c.imag(), -c.real()});
    EXPECT_EQ(k.schedule.loops, ingot::schedule::Schedule::Loops::flat);
    EXPECT_EQ(k.one<Complex>({x}), want);
    ASSERT_EQ(k.inplace.size(), 2u);
    k.shareInplace = true;
    EXPECT_EQ(k.one<Complex>({x}), want);
  }
}

TEST(ComplexKernels, RankZero) {
  KernelRun k(R"(
    !c = tensor<complex<f64>>
    func.func @f(%x: !c) -> !c {
      %r = nn.kernel "elementwise" (%x : !c) -> !c {
      ^bb0(%a: !c):
        %0 = nn.real %a : (!c) -> tensor<f64>
        %1 = nn.imag %a : (!c) -> tensor<f64>
        %2 = nn.complex %1, %0 : (tensor<f64>, tensor<f64>) -> !c
        nn.yield %2 : !c
      }
      return %r : !c
    })");
  using Z = std::complex<double>;
  EXPECT_EQ(k.one<Z>({std::vector<Z>{{3, 5}}}), (std::vector<Z>{{5, 3}}));
}

TEST(ComplexKernels, TransposedRowAndTwoResults) {
  // Lanes run along the result's rows: the operand is read with a stride, the bias
  // as single numbers; the second result is real.
  KernelRun k(R"(
    !x = tensor<21x?xcomplex<f32>, #nn.sizes<"n">>
    !p = tensor<21x?xf32, #nn.sizes<"n">>
    !t = tensor<?x21xf32, #nn.sizes<"n">>
    !y = tensor<?x21xcomplex<f32>, #nn.sizes<"n">>
    func.func @f(%x: !x, %b: tensor<complex<f32>>) -> (!y, !t) {
      %r:2 = nn.kernel "elementwise" (%x, %b : !x, tensor<complex<f32>>) -> !y, !t {
      ^bb0(%a: !x, %c: tensor<complex<f32>>):
        %0 = nn.real %a : (!x) -> !p
        %1 = nn.imag %a : (!x) -> !p
        %2 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (!p) -> !t
        %3 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (!p) -> !t
        %4 = nn.imag %c : (tensor<complex<f32>>) -> tensor<f32>
        %5 = nn.broadcast %4 {dims = array<i64>} : (tensor<f32>) -> !t
        %6 = nn.add %2, %5 : !t
        %7 = nn.complex %6, %3 : (!t, !t) -> !y
        nn.yield %7, %3 : !y, !t
      }
      return %r#0, %r#1 : !y, !t
    })",
              {{"n", 11}});
  auto x = complexes(21 * 11);
  auto got = k.call({x, std::vector<Complex>{{9, 2}}});
  std::vector<Complex> want;
  std::vector<float> imaginary;
  for (int i = 0; i < 11; ++i)
    for (int j = 0; j < 21; ++j) {
      want.push_back(x[j * 11 + i] + 2.0f);
      imaginary.push_back(x[j * 11 + i].imag());
    }
  EXPECT_EQ(got[0].as<Complex>(), want);
  EXPECT_EQ(got[1].as<float>(), imaginary);
}

TEST(ComplexKernels, RowsAndGathers) {
  KernelRun k(R"(
    !x = tensor<5x37xcomplex<f32>>
    !p = tensor<5x37xf32>
    func.func @f(%x: !x, %i: tensor<5xi32>) -> tensor<5xcomplex<f32>> {
      %r = nn.kernel "reduction" (%x, %i : !x, tensor<5xi32>) -> tensor<5xcomplex<f32>> {
      ^bb0(%a: !x, %b: tensor<5xi32>):
        %0 = nn.real %a : (!x) -> !p
        %1 = nn.imag %a : (!x) -> !p
        %2 = nn.take %1, %b {axis = 0 : i64} : (!p, tensor<5xi32>) -> !p
        %3 = nn.reduce sum %0 {dims = array<i64: 1>} : (!p) -> tensor<5xf32>
        %4 = nn.reduce sum %2 {dims = array<i64: 1>} : (!p) -> tensor<5xf32>
        %5 = nn.complex %3, %4 : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xcomplex<f32>>
        nn.yield %5 : tensor<5xcomplex<f32>>
      }
      return %r : tensor<5xcomplex<f32>>
    })");
  auto x = complexes(5 * 37);
  std::vector<int32_t> rows{3, 0, 4, 4, 1};
  auto got = k.one<Complex>({x, rows});
  for (int i = 0; i < 5; ++i) {
    Complex want;
    for (int j = 0; j < 37; ++j)
      want += Complex(x[i * 37 + j].real(), x[rows[i] * 37 + j].imag());
    EXPECT_NEAR(std::abs(got[i] - want), 0, 1e-5);
  }
}
