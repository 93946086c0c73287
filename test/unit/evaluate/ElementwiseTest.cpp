// Elementwise operations on special values, against TensorFlow 2.21's results.
#include "NnTest.h"

using namespace ingot;
using namespace ingot::test;

namespace {

struct Case {
  const char *op;
  std::vector<double> expected;
};
const std::vector<double> kX = {NaN, Inf, -Inf, 0.0, -0.0, 1.0, -2.5, 0.5, 2.5, 7.0};
const std::vector<Case> kUnary = {
    {"sign", {NaN, 1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 1.0, 1.0, 1.0}},
    {"relu", {NaN, Inf, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5, 2.5, 7.0}},
    {"relu6", {NaN, 6.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5, 2.5, 6.0}},
    {"elu", {NaN, Inf, -1.0, 0.0, -0.0, 1.0, -0.9179149866104126, 0.5, 2.5, 7.0}},
    {"selu",
     {NaN, Inf, -1.7580993175506592, 0.0, -0.0, 1.0507010221481323, -1.613785743713379,
      0.5253505110740662, 2.6267526149749756, 7.354907035827637}},
    {"softplus",
     {NaN, Inf, 0.0, 0.6931471824645996, 0.6931471824645996, 1.31326162815094, 0.07888974249362946,
      0.9740769267082214, 2.578889846801758, 7.000911712646484}},
    {"softsign",
     {NaN, NaN, NaN, 0.0, -0.0, 0.5, -0.7142857313156128, 0.3333333432674408, 0.7142857313156128,
      0.875}},
    {"sigmoid",
     {NaN, 1.0, 0.0, 0.5, 0.5, 0.7310585379600525, 0.07585816830396652, 0.622459352016449,
      0.9241418242454529, 0.9990889430046082}},
    {"tanh",
     {NaN, 1.0, -1.0, 0.0, -0.0, 0.7615941762924194, -0.9866143465042114, 0.46211713552474976,
      0.9866143465042114, 0.9999983310699463}},
    {"rsqrt",
     {NaN, 0.0, NaN, Inf, -Inf, 1.0, NaN, 1.4142135381698608, 0.6324555277824402,
      0.37796449661254883}},
    {"sqrt",
     {NaN, Inf, NaN, 0.0, -0.0, 1.0, NaN, 0.7071067690849304, 1.5811388492584229,
      2.6457512378692627}},
    {"log",
     {NaN, Inf, NaN, -Inf, -Inf, 0.0, NaN, -0.6931471824645996, 0.9162907600402832,
      1.945910096168518}},
    {"log1p",
     {NaN, Inf, NaN, 0.0, -0.0, 0.6931471824645996, NaN, 0.40546509623527527, 1.252763032913208,
      2.079441547393799}},
    {"expm1",
     {NaN, Inf, -1.0, 0.0, -0.0, 1.7182817459106445, -0.9179149866104126, 0.6487212777137756,
      11.182494163513184, 1095.6331787109375}},
    {"round", {NaN, Inf, -Inf, 0.0, -0.0, 1.0, -2.0, 0.0, 2.0, 7.0}},
    {"erf",
     {NaN, 1.0, -1.0, 0.0, -0.0, 0.8427008390426636, -0.9995929598808289, 0.5204998850822449,
      0.9995929598808289, 1.0}},
    {"lgamma",
     {NaN, Inf, Inf, Inf, Inf, 0.0, -0.056243713945150375, 0.5723649263381958, 0.28468286991119385,
      6.579251289367676}},
    {"digamma",
     {NaN, Inf, NaN, NaN, NaN, -0.5772159099578857, 1.1031568050384521, -1.9635107517242432,
      0.7031568288803101, 1.8727843761444092}},
    {"reciprocal",
     {NaN, 0.0, -0.0, Inf, -Inf, 0.9999999403953552, -0.3999999761581421, 1.9999998807907104,
      0.4000000059604645, 0.1428571492433548}},
    {"floor", {NaN, Inf, -Inf, 0.0, -0.0, 1.0, -3.0, 0.0, 2.0, 7.0}},
    {"is_finite", {0, 0, 0, 1, 1, 1, 1, 1, 1, 1}},
    {"acosh", {NaN, Inf, NaN, NaN, NaN, 0.0, NaN, NaN, 1.566799283027649, 2.633915901184082}},
    {"atanh", {NaN, NaN, NaN, 0.0, -0.0, Inf, NaN, 0.5493061542510986, NaN, NaN}},
};
const std::vector<double> kA = {NaN, 1, 5, -5, 5, -5, 0, Inf, 2, 0},
                          kB = {1, NaN, 3, 3, -3, -3, 0, Inf, 0, -0.0};
const std::vector<Case> kBinary = {
    {"max", {NaN, NaN, 5.0, 3.0, 5.0, -3.0, 0.0, Inf, 2.0, 0.0}},
    {"min", {NaN, NaN, 3.0, -5.0, -3.0, -5.0, 0.0, Inf, 0.0, 0.0}},
    {"mod", {NaN, NaN, 2.0, 1.0, -1.0, -2.0, NaN, NaN, NaN, NaN}},
    {"rem", {NaN, NaN, 2.0, -2.0, 2.0, -2.0, NaN, NaN, NaN, NaN}},
    {"floor_div", {NaN, NaN, 1.0, -2.0, -2.0, 1.0, NaN, NaN, Inf, NaN}},
    {"div",
     {NaN, NaN, 1.6666666269302368, -1.6666666269302368, -1.6666666269302368, 1.6666666269302368,
      NaN, NaN, Inf, NaN}},
    {"div_no_nan",
     {NaN, NaN, 1.6666666269302368, -1.6666666269302368, -1.6666666269302368, 1.6666666269302368,
      0.0, NaN, 0.0, 0.0}},
    {"mul_no_nan", {NaN, NaN, 15.0, -15.0, -15.0, 15.0, 0.0, Inf, 0.0, 0.0}},
    {"xlogy", {NaN, NaN, 5.493061542510986, -5.493061542510986, NaN, NaN, 0.0, Inf, -Inf, 0.0}},
    {"xlog1py", {NaN, NaN, 6.931471824645996, -6.931471824645996, NaN, NaN, 0.0, Inf, 0.0, 0.0}},
    {"xdivy",
     {NaN, NaN, 1.6666666269302368, -1.6666666269302368, -1.6666666269302368, 1.6666666269302368,
      0.0, NaN, Inf, 0.0}},
    {"pow",
     {NaN, 1.0, 125.0, -125.0, 0.00800000037997961, -0.00800000037997961, 1.0, Inf, 1.0, 1.0}},
    {"atan2",
     {NaN, NaN, 1.03037691116333, -1.03037691116333, 2.111215829849243, -2.111215829849243, 0.0,
      0.7853981256484985, 1.5707963705062866, 3.1415927410125732}},
    {"squared_difference", {NaN, NaN, 4.0, 64.0, 64.0, 4.0, 0.0, NaN, 4.0, 0.0}},
};
const std::vector<double> kIntA = {7, -7, 7, -7, -2147483648.0, 5}, kIntB = {2, 2, -2, -2, 3, 7};
const std::vector<Case> kInteger = {
    {"div", {3.0, -3.0, -3.0, 3.0, -715827882.0, 0.0}},
    {"floor_div", {3.0, -4.0, -4.0, 3.0, -715827883.0, 0.0}},
    {"mod", {1.0, 1.0, -1.0, -1.0, 1.0, 5.0}},
    {"rem", {1.0, -1.0, 1.0, -1.0, -2.0, 5.0}},
};
// From {NaN, Inf, -Inf, 3.7, -3.7, 1e10, -1e10, 300, -1} in f32.
const std::vector<Case> kCast = {
    {"i8", {0, 0, 0, 3, -3, 0, 0, 44, -1}},
    {"ui8", {0, 0, 0, 3, 253, 0, 0, 44, 255}},
    {"i16", {0, 0, 0, 3, -3, 0, 0, 300, -1}},
    {"ui16", {0, 0, 0, 3, 65533, 0, 0, 300, 65535}},
    {"i32",
     {-2147483648.0, -2147483648.0, -2147483648.0, 3, -3, -2147483648.0, -2147483648.0, 300, -1}},
    {"i64", {-0x1p63, -0x1p63, -0x1p63, 3, -3, 1e10, -1e10, 300, -1}},
    {"i1", {1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"f16", {NaN, Inf, -Inf, 3.69921875, -3.69921875, Inf, -Inf, 300, -1}},
    {"bf16", {NaN, Inf, -Inf, 3.703125, -3.703125, 9999220736.0, -9999220736.0, 300, -1}},
};

class Elementwise : public NnTest {
protected:
  mlir::func::FuncOp binary(const std::string &op, const std::string &t) {
    return parse("func.func @f(%a: tensor<" + t + ">, %b: tensor<" + t + ">) -> tensor<" + t +
                 "> {\n %r = nn." + op + " %a, %b : tensor<" + t + ">\n return %r : tensor<" + t +
                 ">\n}");
  }
};

TEST_F(Elementwise, UnaryAsTensorFlow) {
  for (const Case &c : kUnary) {
    std::string op = c.op;
    bool test = op == "is_finite";
    std::string r = test ? "tensor<10xi1>" : "tensor<10xf32>";
    auto f = parse("func.func @f(%x: tensor<10xf32>) -> " + r + " {\n %r = nn." + op +
                   " %x : " + (test ? "(tensor<10xf32>) -> tensor<10xi1>" : "tensor<10xf32>") +
                   "\n return %r : " + r + "\n}");
    // TensorFlow's own float32 formulas are off by up to 4 ulp.
    expectNear(run(f, {tensor("10xf32", kX)})[0], c.expected, 3e-6, op);
  }
}
TEST_F(Elementwise, InverseDistributionsAsTensorFlow) {
  std::vector<double> p = {0, 1, 0.5, 0.975, 0.01, -0.3, 1e-10};
  auto ndtri = parse(
      "func.func @f(%x: tensor<7xf32>) -> tensor<7xf32> {\n %r = nn.ndtri %x : tensor<7xf32>\n "
      "return %r : tensor<7xf32>\n}");
  expectNear(run(ndtri, {tensor("7xf32", p)})[0],
             {-Inf, Inf, 0.0, 1.959964394569397, -2.326347827911377, NaN, -6.3613409996032715},
             1e-6);
  auto erfinv = parse(
      "func.func @f(%x: tensor<7xf32>) -> tensor<7xf32> {\n %r = nn.erfinv %x : tensor<7xf32>\n "
      "return %r : tensor<7xf32>\n}");
  expectNear(run(erfinv, {tensor("7xf32", p)})[0],
             {0.0, Inf, 0.47693631052970886, 1.5849113464355469, 0.008862492628395557,
              -0.27246272563934326, 8.86e-11},
             1e-6);
}
TEST_F(Elementwise, BinaryAsTensorFlow) {
  for (const Case &c : kBinary)
    expectNear(run(binary(c.op, "10xf32"), {tensor("10xf32", kA), tensor("10xf32", kB)})[0],
               c.expected, 1e-6, c.op);
}
TEST_F(Elementwise, IntegersAsTensorFlow) {
  for (const Case &c : kInteger)
    expectNear(run(binary(c.op, "6xi32"), {tensor("6xi32", kIntA), tensor("6xi32", kIntB)})[0],
               c.expected, 0, c.op);
  auto a = tensor("4xi32", {1, -8, -8, 5}), b = tensor("4xi32", {40, 1, -3, 31});
  expectNear(run(binary("shift_left", "4xi32"), {a, b})[0], {-2147483648.0, -16, -8, -2147483648.0},
             0);
  expectNear(run(binary("shift_right", "4xi32"), {a, b})[0], {0, -4, -8, 0}, 0);
}
TEST_F(Elementwise, CastsAsTensorFlow) {
  for (const Case &c : kCast) {
    std::string r = std::string("tensor<9x") + c.op + ">";
    auto f =
        parse("func.func @f(%x: tensor<9xf32>) -> " + r +
              " {\n %r = nn.cast %x : (tensor<9xf32>) -> " + r + "\n return %r : " + r + "\n}");
    expectNear(run(f, {tensor("9xf32", {NaN, Inf, -Inf, 3.7, -3.7, 1e10, -1e10, 300, -1})})[0],
               c.expected, 0, c.op);
  }
}
TEST_F(Elementwise, DivisionByZeroIsAnError) {
  auto r = evaluate::evaluate(binary("div", "1xi32"), {tensor("1xi32", {1}), tensor("1xi32", {0})});
  EXPECT_EQ(r.status, evaluate::Status::DivideByZero);
  r = evaluate::evaluate(binary("pow", "1xi32"), {tensor("1xi32", {2}), tensor("1xi32", {-1})});
  EXPECT_EQ(r.status, evaluate::Status::Invalid);
}
TEST_F(Elementwise, SixteenBitFormatsRoundToNearestEven) {
  // 1 + 2^-11 lies between two halves, 1 + 2^-8 between two bfloat16s.
  expectNear(tensor("3xf16", {1 + 0x1p-11, 1 + 3 * 0x1p-11, 65520}).read<double>(),
             {1, 1 + 0x1p-9, Inf}, 0);
  expectNear(tensor("2xbf16", {1 + 0x1p-8, 1 + 3 * 0x1p-8}).read<double>(), {1, 1 + 0x1p-6}, 0);
}
TEST_F(Elementwise, ExactModeKeepsDoubles) {
  auto f = binary("add", "1xf32");
  evaluate::Options options;
  options.exact = true;
  auto a = tensor("1xf64", {1}), b = tensor("1xf64", {1e-12});
  auto r = evaluate::evaluate(f, {a, b}, options);
  ASSERT_TRUE(bool(r)) << r.message;
  EXPECT_EQ(r.outputs[0].read<double>()[0], 1 + 1e-12);
}

} // namespace
