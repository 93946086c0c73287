// Grouping changes no number: functions before and after station 5 in the
// reference evaluator, which holds floats as f64 here, so that nothing hides in
// rounding.
#include "compiler/passes/group/Passes.h"
#include "test/unit/evaluate/NnTest.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include <random>

using namespace ingot;
using namespace ingot::test;
using namespace mlir;

namespace {

std::vector<float> numbers(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> r(n);
  for (float &v : r)
    v = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 512.0f;
  return r;
}
/// A constant of reproducible numbers.
std::string constant(std::vector<int64_t> dims, unsigned seed) {
  size_t n = 1;
  std::string shape;
  for (int64_t d : dims) {
    n *= d;
    shape += std::to_string(d) + "x";
  }
  auto values = numbers(n, seed);
  llvm::StringRef bytes(reinterpret_cast<const char *>(values.data()), n * sizeof(float));
  return "nn.constant dense<\"0x" + llvm::toHex(bytes) + "\"> : tensor<" + shape + "f32>\n";
}

constexpr const char *conv = " {strides = array<i64: 1, 1>, pad_low = #nn.sizes<1, 1>, pad_high = "
                             "#nn.sizes<1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = "
                             "array<i64: 1, 1>, groups = 1} : (!x, tensor<3x3x4x4xf32>) -> !x\n";
constexpr const char *channels = " {dims = array<i64: 3>} : (tensor<4xf32>) -> !x\n";

struct Group : NnTest {
  /// Evaluates `text` with inputs of batch 3 before and after the passes; the
  /// kernels that are left must be of these kinds.
  void check(const std::string &text, std::vector<std::string> kinds) {
    func::FuncOp f = parse(text);
    ASSERT_TRUE(f);
    std::vector<evaluate::HostTensor> inputs;
    for (Type type : f.getArgumentTypes()) {
      auto t = cast<RankedTensorType>(type);
      std::vector<int64_t> dims(t.getShape());
      for (int64_t &d : dims)
        d = d < 0 ? 3 : d;
      std::vector<float> values = numbers(evaluate::countOf(dims), 99 + inputs.size());
      inputs.push_back(evaluate::HostTensor::fromValues(
          t.getElementType(), dims, std::vector<double>(values.begin(), values.end())));
    }
    evaluate::Options exactly;
    exactly.exact = true;
    evaluate::Result before = evaluate::evaluate(f, inputs, exactly);
    ASSERT_TRUE(bool(before)) << before.message;

    PassManager passes(&context);
    passes.addPass(createHoistLoopInvariantsPass());
    passes.addPass(createSinkReshapesPass());
    passes.addPass(createFoldScalesPass());
    passes.addPass(createChooseLayoutsPass(getHostTarget()));
    passes.addPass(createHoistLoopInvariantsPass());
    passes.addPass(createFormKernelsPass());
    ASSERT_TRUE(succeeded(passes.run(*modules.back())));
    evaluate::Result after = evaluate::evaluate(f, inputs, exactly);
    ASSERT_TRUE(bool(after)) << after.message;
    ASSERT_EQ(before.outputs.size(), after.outputs.size());
    for (auto [a, b] : llvm::zip(before.outputs, after.outputs))
      expectNear(b.read<double>(), a.read<double>(), 1e-12);
    std::vector<std::string> found;
    f.walk([&](nn::KernelOp kernel) {
      if (!kernel.getPrepare())
        found.push_back(kernel.getKind().str());
    });
    EXPECT_EQ(found, kinds);
  }
};

// What Keras exports for convolution, BatchNorm and a residual block.
TEST_F(Group, ScalesAndBiasesFoldIntoConvolutions) {
  check("!x = tensor<?x6x7x4xf32, #nn.sizes<\"batch\">>\nfunc.func @f(%x: !x) -> !x {\n%w = " +
            constant({3, 3, 4, 4}, 1) + "%b = " + constant({4}, 2) + "%m = " + constant({4}, 3) +
            "%b2 = " + constant({4}, 4) + "%c = nn.conv %x, %w" + conv + "%bb = nn.broadcast %b" +
            channels + "%mb = nn.broadcast %m" + channels + "%b2b = nn.broadcast %b2" + channels +
            R"(%0 = nn.add %c, %bb : !x
      %1 = nn.mul %0, %mb : !x
      %2 = nn.add %1, %b2b : !x
      %3 = nn.add %2, %x : !x
      %4 = nn.relu %3 : !x
      return %4 : !x
    })",
        {"contraction"});
}

TEST_F(Group, BiasStaysBeforeItsActivation) {
  check("!x = tensor<?x6x7x4xf32, #nn.sizes<\"batch\">>\nfunc.func @f(%x: !x) -> !x {\n%w = " +
            constant({3, 3, 4, 4}, 1) + "%b = " + constant({4}, 2) + "%m = " + constant({4}, 3) +
            "%c = nn.conv %x, %w" + conv + "%bb = nn.broadcast %b" + channels +
            "%mb = nn.broadcast %m" + channels + R"(%0 = nn.add %c, %bb : !x
      %1 = nn.relu %0 : !x
      %2 = nn.mul %1, %mb : !x
      return %2 : !x
    })",
        {"contraction"});
}

TEST_F(Group, ZeroPaddingFoldsIntoAConvolution) {
  check("!x = tensor<?x6x7x4xf32, #nn.sizes<\"batch\">>\n!p = tensor<?x9x10x4xf32, "
        "#nn.sizes<\"batch\">>\n!y = tensor<?x4x4x5xf32, #nn.sizes<\"batch\">>\nfunc.func @f(%x: "
        "!x) -> !y {\n%w = " +
            constant({3, 3, 4, 5}, 1) + R"(%z = nn.constant dense<0.0> : tensor<f32>
      %p = nn.pad %x, %z {low = #nn.sizes<0, 1, 2, 0>, high = #nn.sizes<0, 2, 1, 0>, interior = array<i64: 0, 0, 0, 0>} : (!x, tensor<f32>) -> !p
      %c = nn.conv %p, %w {strides = array<i64: 2, 2>, pad_low = #nn.sizes<0, 0>, pad_high = #nn.sizes<0, 0>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1} : (!p, tensor<3x3x4x5xf32>) -> !y
      return %c : !y
    })",
        {"contraction"});
}

TEST_F(Group, DenseLayersBecomeMatrices) {
  check(
      "!x = tensor<?x5x6xf32, #nn.sizes<\"batch\">>\n!y = tensor<?x5x7xf32, "
      "#nn.sizes<\"batch\">>\nfunc.func @f(%x: !x) -> !y {\n%w = " +
          constant({6, 7}, 1) + "%b = " + constant({7}, 2) + "%m = " + constant({7}, 3) +
          R"(%d = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 2>, rhs_contract = array<i64: 0>} : (!x, tensor<6x7xf32>) -> !y
      %bb = nn.broadcast %b {dims = array<i64: 2>} : (tensor<7xf32>) -> !y
      %mb = nn.broadcast %m {dims = array<i64: 2>} : (tensor<7xf32>) -> !y
      %0 = nn.add %d, %bb : !y
      %1 = nn.mul %0, %mb : !y
      %2 = nn.tanh %1 : !y
      return %2 : !y
    })",
      {"contraction"});
}

// A transposed right operand is packed; so is one whose width no panel divides.
TEST_F(Group, PackedOperandsAreTheSame) {
  check(
      "!x = tensor<?x6xf32, #nn.sizes<\"batch\">>\n!y = tensor<?x37xf32, "
      "#nn.sizes<\"batch\">>\nfunc.func @f(%x: !x, %v: tensor<37x6xf32>) -> (!y, !y) {\n%w = " +
          constant({6, 37}, 1) +
          R"(%0 = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!x, tensor<6x37xf32>) -> !y
      %1 = nn.dot_general %x, %v {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 1>} : (!x, tensor<37x6xf32>) -> !y
      return %0, %1 : !y, !y
    })",
      {"contraction", "elementwise", "contraction"});
}

// The product with an element of a sequence leaves the loop as one matrix product.
TEST_F(Group, ProjectionsLeaveLoops) {
  check("!h = tensor<2x5xf32>\nfunc.func @f(%xs: tensor<4x2x3xf32>, %h0: !h) -> !h {\n%w = " +
            constant({3, 5}, 1) + "%u = " + constant({5, 5}, 2) +
            R"(%z = nn.constant dense<0> : tensor<i32>
      %r = nn.for #nn.sizes<4> (%h0 : !h) {
      ^bb0(%i: tensor<i32>, %h: !h):
        %s = nn.dynamic_slice %xs, %i, %z, %z : (tensor<4x2x3xf32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x2x3xf32>
        %x = nn.reshape %s : (tensor<1x2x3xf32>) -> tensor<2x3xf32>
        %a = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> !h
        %b = nn.dot_general %h, %u {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!h, tensor<5x5xf32>) -> !h
        %c = nn.add %a, %b : !h
        %t = nn.tanh %c : !h
        nn.yield %t : !h
      }
      return %r : !h
    })",
        {"contraction", "contraction"});
}

} // namespace
