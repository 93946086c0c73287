// Verification of a program with a wrong kernel: three kernels are compiled, the
// code of one is changed, and the report must blame that one and no other.
#include "compiler/verify/Verify.h"
#include "compiler/codegen/artifact/LoadedArtifact.h"
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/dialects/Rt/Rt.h"
#include "compiler/passes/program/Program.h"
#include "compiler/passes/schedule/ScheduleKernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <random>

using namespace ingot;
using namespace mlir;

namespace {

// shift, dense, softmax: x + b, relu(h . w), softmax.
constexpr const char *text = R"(
func.func @f(%x: tensor<?x40xf32, #nn.sizes<"batch">> {ingot.input = "x"}, %b: tensor<40xf32> {ingot.input = "b"}, %w: tensor<40x19xf32> {ingot.input = "w"}) -> (tensor<?x19xf32, #nn.sizes<"batch">> {ingot.output = "y"}) attributes {ingot.signature = "serving_default"} {
  %h = nn.kernel "elementwise" (%x, %b : tensor<?x40xf32, #nn.sizes<"batch">>, tensor<40xf32>) -> tensor<?x40xf32, #nn.sizes<"batch">> {
  ^bb0(%0: tensor<?x40xf32, #nn.sizes<"batch">>, %1: tensor<40xf32>):
    %2 = nn.broadcast %1 {dims = array<i64: 1>} : (tensor<40xf32>) -> tensor<?x40xf32, #nn.sizes<"batch">>
    %3 = nn.add %0, %2 : tensor<?x40xf32, #nn.sizes<"batch">>
    nn.yield %3 : tensor<?x40xf32, #nn.sizes<"batch">>
  } loc("model/shift")
  %d = nn.kernel "contraction" (%h, %w : tensor<?x40xf32, #nn.sizes<"batch">>, tensor<40x19xf32>) -> tensor<?x19xf32, #nn.sizes<"batch">> {
  ^bb0(%0: tensor<?x40xf32, #nn.sizes<"batch">>, %1: tensor<40x19xf32>):
    %2 = nn.dot_general %0, %1 {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (tensor<?x40xf32, #nn.sizes<"batch">>, tensor<40x19xf32>) -> tensor<?x19xf32, #nn.sizes<"batch">>
    %3 = nn.relu %2 : tensor<?x19xf32, #nn.sizes<"batch">>
    nn.yield %3 : tensor<?x19xf32, #nn.sizes<"batch">>
  } loc("model/dense")
  %s = nn.kernel "row" (%d : tensor<?x19xf32, #nn.sizes<"batch">>) -> tensor<?x19xf32, #nn.sizes<"batch">> {
  ^bb0(%0: tensor<?x19xf32, #nn.sizes<"batch">>):
    %1 = nn.softmax %0 : tensor<?x19xf32, #nn.sizes<"batch">>
    nn.yield %1 : tensor<?x19xf32, #nn.sizes<"batch">>
  } loc("model/softmax")
  return %s : tensor<?x19xf32, #nn.sizes<"batch">>
})";

/// Changes the code of a kernel; says whether it found what to change.
using Plant = bool (*)(func::FuncOp kernel);

template <typename From, typename To> bool replaceAll(func::FuncOp kernel) {
  bool found = false;
  kernel.walk([&](From op) {
    OpBuilder b(op);
    op.getResult().replaceAllUsesWith(
        To::create(b, op.getLoc(), op.getLhs(), op.getRhs()).getResult());
    op.erase();
    found = true;
  });
  return found;
}
/// Every store goes one element further.
bool shiftStores(func::FuncOp kernel) {
  bool found = false;
  auto shift = [&](Operation *op, unsigned operand) {
    OpBuilder b(op);
    Value one = arith::ConstantIndexOp::create(b, op->getLoc(), 1);
    op->setOperand(operand, arith::AddIOp::create(b, op->getLoc(), op->getOperand(operand), one));
    found = true;
  };
  kernel.walk([&](vector::StoreOp op) { shift(op, 2); });
  kernel.walk([&](vector::MaskedStoreOp op) { shift(op, 1); });
  return found;
}
/// Every store goes to the first operand.
bool storeToOperand(func::FuncOp kernel) {
  Value operand;
  kernel.walk(
      [&](UnrealizedConversionCastOp op) { operand = operand ? operand : op.getResult(0); });
  bool found = false;
  kernel.walk([&](vector::StoreOp op) {
    op.getBaseMutable().assign(operand);
    found = true;
  });
  kernel.walk([&](vector::MaskedStoreOp op) {
    op.getBaseMutable().assign(operand);
    found = true;
  });
  return found;
}
/// Sums leave out their last term.
bool shortenSums(func::FuncOp kernel) {
  bool found = false;
  kernel.walk([&](math::FmaOp op) {
    auto loop = op->getParentOfType<scf::ForOp>();
    if (!loop || loop.getInitArgs().empty() || loop->hasAttr("short"))
      return;
    OpBuilder b(loop);
    Value one = arith::ConstantIndexOp::create(b, loop.getLoc(), 1);
    loop.setUpperBound(arith::SubIOp::create(b, loop.getLoc(), loop.getUpperBound(), one));
    loop->setAttr("short", b.getUnitAttr());
    found = true;
  });
  return found;
}
/// One part in a thousand too much.
bool scaleQuotients(func::FuncOp kernel) {
  bool found = false;
  kernel.walk([&](arith::DivFOp op) {
    OpBuilder b(op);
    b.setInsertionPointAfter(op);
    TypedAttr factor = b.getF32FloatAttr(1.001f);
    if (auto type = dyn_cast<VectorType>(op.getType()))
      factor = DenseElementsAttr::get(type, 1.001f);
    Value k = arith::ConstantOp::create(b, op.getLoc(), factor);
    Value scaled = arith::MulFOp::create(b, op.getLoc(), op.getResult(), k);
    op.getResult().replaceAllUsesExcept(scaled, scaled.getDefiningOp());
    found = true;
  });
  return found;
}

struct Verify : ::testing::Test {
  Verify() {
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    registry.insert<nn::NnDialect, rt::RtDialect, func::FuncDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  static std::vector<float> numbers(size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> in(-1, 1);
    std::vector<float> r(n);
    for (float &v : r)
      v = in(random);
    return r;
  }
  static ingot_tensor tensor(std::vector<float> &data, std::vector<int64_t> shape) {
    ingot_tensor t = {};
    t.data = data.data();
    t.capacity = data.size() * sizeof(float);
    t.dtype = INGOT_F32;
    t.rank = shape.size();
    std::copy(shape.begin(), shape.end(), t.shape);
    return t;
  }

  /// Verifies the program with a mistake in kernel `index`; none if negative.
  void verify(int index, Plant plant) {
    auto kernels = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    ASSERT_TRUE(kernels);
    OwningOpRef<ModuleOp> loops = kernels->clone();
    PassManager passes(&context);
    passes.addPass(createScheduleKernelsPass(getHostTarget()));
    ASSERT_TRUE(succeeded(passes.run(*loops)));
    loops->walk([&](nn::DispatchOp op) {
      names.push_back(op.getCallee().getLeafReference().str());
      auto f = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(*loops, op.getCallee());
      if (static_cast<int>(names.size()) == index + 1)
        EXPECT_TRUE(plant(f)) << "nothing to change in " << names.back();
    });
    ASSERT_EQ(names.size(), 3u);
    OwningOpRef<ModuleOp> planned = loops->clone();
    ASSERT_TRUE(succeeded(planPrograms(*planned)));
    auto program = compileProgram(*planned, getHostTarget(), ProgramOptions());
    ASSERT_TRUE(succeeded(program));
    auto loaded = LoadedArtifact::create((*program)->spec);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());

    verify::Forms forms{*kernels, *loops, getHostTarget(), (*loaded)->module(), 1};
    std::vector<float> x = numbers(5 * 40, 1), b = numbers(40, 2), w = numbers(40 * 19, 3);
    ingot_tensor inputs[] = {tensor(x, {5, 40}), tensor(b, {40}), tensor(w, {40, 19})};
    if (auto e = verify::compareSignature(forms, 0, inputs, 1, report))
      FAIL() << llvm::toString(std::move(e));
    if (auto e = verify::compareKernels(forms, 0, inputs, report))
      FAIL() << llvm::toString(std::move(e));
  }
  /// The one kernel that the report blames.
  const KernelComparison *blamed() {
    const KernelComparison *found = nullptr;
    for (const KernelComparison &k : report.kernels) {
      bool good = k.problem.empty() &&
                  llvm::all_of(k.results, [](const Comparison &c) { return c.wrong == 0; });
      EXPECT_TRUE(good || !found) << "also " << k.kernel << ": " << k.problem;
      found = good ? found : &k;
    }
    return found;
  }

  MLIRContext context;
  std::vector<std::string> names;
  VerifyReport report;
};

TEST_F(Verify, GoodKernels) {
  verify(-1, nullptr);
  ASSERT_EQ(report.outputs.size(), 1u);
  EXPECT_EQ(report.outputs[0].name, "y");
  EXPECT_EQ(report.outputs[0].elements, 5u * 19);
  EXPECT_EQ(report.outputs[0].wrong, 0u) << report.outputs[0].worst;
  ASSERT_EQ(report.kernels.size(), 3u);
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_EQ(report.kernels[i].kernel, names[i]);
  EXPECT_EQ(blamed(), nullptr);
}

struct Case {
  int kernel;
  const char *node;
  Plant plant;
  const char *problem; // nullptr: wrong elements
};

TEST_F(Verify, NamesTheWrongKernel) {
  for (const Case &c : {
           Case{0, "model/shift", replaceAll<arith::AddFOp, arith::SubFOp>, nullptr},
           Case{1, "model/dense", shortenSums, nullptr},
           Case{2, "model/softmax", scaleQuotients, nullptr},
           Case{2, "model/softmax", replaceAll<arith::DivFOp, arith::MulFOp>, nullptr},
           Case{0, "model/shift", shiftStores, "it wrote behind a result"},
           Case{1, "model/dense", shiftStores, "it wrote behind a result"},
           Case{0, "model/shift", storeToOperand, "it wrote to an operand"},
       }) {
    SCOPED_TRACE(testing::Message() << c.node << (c.problem ? c.problem : ""));
    names.clear();
    report = {};
    verify(c.kernel, c.plant);
    ASSERT_EQ(report.outputs.size(), 1u);
    EXPECT_GT(report.outputs[0].wrong, 0u);
    const KernelComparison *k = blamed();
    ASSERT_NE(k, nullptr);
    EXPECT_EQ(k->kernel, names[c.kernel]);
    EXPECT_EQ(k->nodes, c.node);
    if (c.problem) {
      EXPECT_EQ(k->problem, c.problem);
    } else {
      ASSERT_EQ(k->results.size(), 1u);
      EXPECT_GT(k->results[0].wrong, 0u);
      EXPECT_NE(k->results[0].worst.find("expected"), std::string::npos);
    }
  }
}

TEST_F(Verify, FormsOfOtherModelsAreRefused) {
  auto kernels = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  ASSERT_TRUE(kernels);
  // Kernels, and a module without any code of kernels.
  verify::Forms forms{*kernels, *kernels, getHostTarget(), nullptr, 1};
  auto e = verify::compareKernels(forms, 0, {}, report);
  ASSERT_TRUE(bool(e));
  EXPECT_EQ(llvm::toString(std::move(e)), "the kernels and the compiled code are not of one model");
}

} // namespace
