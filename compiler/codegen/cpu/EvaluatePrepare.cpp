// Compile-time evaluation: prepare kernels (packed, folded, transformed
// weights) run here once, for the host, and leave constants.
#include "compiler/codegen/cpu/CompileKernels.h"
#include "compiler/codegen/cpu/ConstantBytes.h"
#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/loader/Loader.h"
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>

using namespace mlir;

namespace ingot {
namespace {

constexpr llvm::StringLiteral prefix = "prepare";
constexpr size_t alignment = 64;

struct Free {
  void operator()(char *memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Free>;
Memory allocate(size_t bytes) {
  return Memory(static_cast<char *>(
      std::aligned_alloc(alignment, llvm::alignTo(std::max<size_t>(bytes, 1), alignment))));
}

class Evaluator {
public:
  explicit Evaluator(ModuleOp module) : module(module) {}

  LogicalResult run(unsigned threads) {
    SmallVector<nn::DispatchOp> dispatches;
    module.walk([&](nn::DispatchOp op) {
      if (op.getPrepare())
        dispatches.push_back(op);
    });
    if (dispatches.empty())
      return success();
    if (failed(load(dispatches, threads)))
      return failure();
    for (nn::DispatchOp op : dispatches)
      if (llvm::all_of(op.getInputs(), isConstant) && failed(evaluate(op)))
        return failure();
    eraseUnused();
    return success();
  }

private:
  static bool isConstant(Value value) { return source(value) != nullptr; }
  /// The constant behind a value, seen through reshapes.
  static ElementsAttr source(Value value) {
    while (auto reshape = value.getDefiningOp<nn::ReshapeOp>())
      value = reshape.getX();
    auto constant = value.getDefiningOp<nn::ConstantOp>();
    return constant ? constant.getValue() : ElementsAttr();
  }

  LogicalResult load(ArrayRef<nn::DispatchOp> dispatches, unsigned threads) {
    llvm::SetVector<func::FuncOp> kernels;
    for (nn::DispatchOp op : dispatches) {
      auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(module, op.getCallee());
      if (!kernel)
        return op.emitError() << "calls " << op.getCallee() << ", which does not exist";
      kernels.insert(kernel);
    }
    TargetInfo host = getHostTarget();
    auto objects =
        compileKernels(module, kernels.getArrayRef(), host, prefix, EmitOptions(), threads);
    if (failed(objects))
      return failure();
    auto made = Loader::create();
    if (!made)
      return module.emitError() << llvm::toString(made.takeError());
    loader = std::move(*made);
    for (const EmittedObject &object : *objects)
      if (llvm::Error error = loader->addObject(object.object))
        return module.emitError() << llvm::toString(std::move(error));
    return success();
  }

  LogicalResult evaluate(nn::DispatchOp op) {
    auto sizes = op.getSizes().constants();
    auto grid = op.getGrid().constants(), scratch = op.getScratch().constants();
    if (!sizes || !grid || !scratch)
      return op.emitError("prepares constants but has a size that is not known");
    auto kernel = loader->function<KernelFunction>(
        kernelSymbol(prefix, op.getCallee().getLeafReference().getValue()));
    if (!kernel)
      return op.emitError() << llvm::toString(kernel.takeError());
    SmallVector<void *> buffers;
    for (Value operand : op.getInputs()) {
      auto bytes = constantBytes(source(operand), store);
      if (failed(bytes))
        return op.emitError("prepares a constant whose bytes are not here");
      buffers.push_back(const_cast<char *>(bytes->data()));
    }
    SmallVector<Memory> memory;
    SmallVector<size_t> resultBytes;
    for (Value result : op.getResults()) {
      auto type = cast<RankedTensorType>(result.getType());
      if (!type.hasStaticShape())
        return op.emitError("prepares a result whose size is not known");
      resultBytes.push_back(type.getNumElements() * nn::elementBytes(type.getElementType()));
      memory.push_back(allocate(resultBytes.back()));
      buffers.push_back(memory.back().get());
    }
    Memory work = (*scratch)[0] > 0 ? allocate((*scratch)[0]) : nullptr;
    int32_t status = (*kernel)(buffers.data(), sizes->data(), 0, (*grid)[0], work.get());
    if (status != 0)
      return leave(op, status);
    OpBuilder b(op);
    for (auto [i, result] : llvm::enumerate(op.getResults())) {
      ElementsAttr value = makeConstant(cast<RankedTensorType>(result.getType()),
                                        ArrayRef<char>(memory[i].get(), resultBytes[i]),
                                        ("prepared" + Twine(count++)).str());
      Value constant = nn::ConstantOp::create(b, op.getLoc(), result.getType(), value);
      result.replaceAllUsesWith(constant);
    }
    op.erase();
    return success();
  }

  /// A kernel that fails (an index out of range, a division by zero) runs with
  /// the model: it may stand in a loop or a branch that never does.
  LogicalResult leave(nn::DispatchOp op, int32_t status) {
    if (module.lookupSymbol(deviceModuleName()))
      return op.emitError() << "fails on constants with status " << status
                            << ", and kernels that can fail have no GPU schedule yet; compile "
                               "this model with --target cpu";
    op.removePrepareAttr();
    return success();
  }

  void eraseUnused() {
    llvm::DenseSet<StringAttr> used;
    module.walk([&](nn::DispatchOp op) { used.insert(op.getCallee().getLeafReference()); });
    ModuleOp kernels = findKernels(module);
    if (!kernels)
      return;
    // Calls between functions of the module count, too.
    for (func::FuncOp kernel : kernels.getOps<func::FuncOp>())
      if (auto uses = SymbolTable::getSymbolUses(kernel))
        for (const SymbolTable::SymbolUse &use : *uses)
          used.insert(use.getSymbolRef().getLeafReference());
    for (func::FuncOp kernel : llvm::make_early_inc_range(kernels.getOps<func::FuncOp>()))
      if (!used.contains(kernel.getSymNameAttr()))
        kernel.erase();
  }

  ModuleOp module;
  std::unique_ptr<Loader> loader;
  ByteStore store;
  unsigned count = 0;
};

struct EvaluatePreparePass : PassWrapper<EvaluatePreparePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EvaluatePreparePass)
  StringRef getArgument() const final { return "evaluate-prepare"; }
  StringRef getDescription() const final {
    return "Run prepare kernels now and keep their results as constants";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<nn::NnDialect>();
  }
  void runOnOperation() override {
    if (failed(evaluatePrepare(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult evaluatePrepare(ModuleOp module, unsigned threads) {
  return Evaluator(module).run(threads);
}

std::unique_ptr<Pass> createEvaluatePreparePass() {
  return std::make_unique<EvaluatePreparePass>();
}
void registerEvaluatePreparePass() { PassRegistration<EvaluatePreparePass>(); }

} // namespace ingot
