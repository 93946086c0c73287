// Walks the functions, emits each distinct kernel once, puts dispatches in the
// place of nn.kernel.
#include "compiler/passes/schedule/ScheduleKernels.h"

#include "compiler/passes/schedule/EmitKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot {
namespace {

using schedule::EmittedKernel;
using schedule::Schedule;

FailureOr<Schedule> scheduleOf(KernelOp kernel, const TargetInfo &target) {
  if (auto attr = kernel.getSchedule()) {
    auto s = Schedule::fromAttr(*attr, [&] { return kernel.emitOpError(); });
    if (failed(s) || failed(schedule::verifySchedule(kernel, *s)))
      return failure();
    return s;
  }
  return schedule::chooseSchedule(kernel, target);
}

/// Passes of this station share the choice of the processor.
template <typename Self>
struct TargetPass : PassWrapper<Self, OperationPass<ModuleOp>> {
  TargetPass() = default;
  TargetPass(const TargetPass &o)
      : PassWrapper<Self, OperationPass<ModuleOp>>(o), target(o.target) {}
  explicit TargetPass(const TargetInfo &target) : target(target) {}

  Pass::Option<std::string> cpu{
      *this, "cpu", llvm::cl::desc("Processor (default: the host)")};
  Pass::Option<std::string> triple{
      *this, "triple", llvm::cl::desc("Target triple (default: the host's)")};
  TargetInfo target;

  LogicalResult resolve() {
    if (cpu.empty() && triple.empty() && !target.cpu.empty())
      return success();
    auto named = getTarget(triple, cpu);
    if (!named)
      return this->getOperation().emitError()
             << llvm::toString(named.takeError());
    target = *named;
    return success();
  }
};

struct ChooseSchedules : TargetPass<ChooseSchedules> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseSchedules)
  using TargetPass::TargetPass;
  StringRef getArgument() const final { return "choose-schedules"; }
  StringRef getDescription() const final {
    return "Write the chosen schedule onto each nn.kernel";
  }
  void runOnOperation() override {
    if (failed(resolve()))
      return signalPassFailure();
    auto r = getOperation().walk([&](KernelOp kernel) {
      schedule::expandComposites(kernel);
      auto s = scheduleOf(kernel, target);
      if (failed(s))
        return WalkResult::interrupt();
      kernel.setScheduleAttr(s->toAttr(&getContext()));
      return WalkResult::advance();
    });
    if (r.wasInterrupted())
      signalPassFailure();
  }
};

struct ScheduleKernels : TargetPass<ScheduleKernels> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleKernels)
  using TargetPass::TargetPass;
  StringRef getArgument() const final { return "schedule-kernels"; }
  StringRef getDescription() const final {
    return "Emit kernels as loops over vectors and dispatch them";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
                    math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                    vector::VectorDialect>();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(resolve()))
      return signalPassFailure();
    SmallVector<KernelOp> kernels;
    module.walk([&](KernelOp kernel) { kernels.push_back(kernel); });
    if (kernels.empty())
      return;
    auto nested = module.lookupSymbol<ModuleOp>("kernels");
    if (!nested) {
      OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
      nested = ModuleOp::create(b, module.getLoc(), StringRef("kernels"));
    }
    bool failedAny = false; // report all kernels that cannot be emitted
    for (KernelOp kernel : kernels)
      failedAny |= failed(replace(kernel, nested));
    if (failedAny)
      signalPassFailure();
  }

private:
  llvm::StringMap<EmittedKernel> emitted;
  llvm::StringMap<unsigned> names;
  TargetInfo host = getHostTarget();

  /// A copy whose size symbols are s0, s1... in the order of `symbols`.
  /// Data symbols that it defines become d0, d1...
  OwningOpRef<KernelOp> renamed(KernelOp kernel,
                                ArrayRef<std::string> symbols) {
    OwningOpRef<KernelOp> copy = kernel.clone();
    auto defined = schedule::definedSymbols(kernel);
    copy->getBody().walk([&](NonzeroOp op) {
      op.setSymbol("d" + std::to_string(llvm::find(defined, op.getSymbol()) -
                                        defined.begin()));
    });
    AttrTypeReplacer replacer;
    replacer.addReplacement(
        [&](SizesAttr a) -> std::optional<std::pair<Attribute, WalkResult>> {
          SmallVector<SizeExpr> sizes;
          for (const SizeExpr &e : a.exprs())
            sizes.push_back(
                e.substitute([&](StringRef name) -> std::optional<SizeExpr> {
                  const std::string *it = llvm::find(symbols, name);
                  const std::string *d = llvm::find(ArrayRef(defined), name);
                  if (d != defined.end())
                    return SizeExpr::symbol(
                        "d" + std::to_string(d - defined.begin()));
                  if (it == symbols.end())
                    return std::nullopt;
                  return SizeExpr::symbol("s" +
                                          std::to_string(it - symbols.begin()));
                }));
          return std::pair<Attribute, WalkResult>(
              SizesAttr::get(a.getContext(), sizes), WalkResult::skip());
        });
    replacer.recursivelyReplaceElementsIn(copy->getOperation(), true, false,
                                          true);
    copy->getInputsMutable().clear(); // the body alone says what it computes
    return copy;
  }
  std::string keyOf(KernelOp kernel) {
    std::string key;
    llvm::raw_string_ostream os(key);
    OpPrintingFlags flags;
    flags.printGenericOpForm().useLocalScope();
    kernel->print(os, flags);
    return key;
  }

  LogicalResult replace(KernelOp kernel, ModuleOp nested) {
    auto symbols = schedule::kernelSymbols(kernel);
    OwningOpRef<KernelOp> copy = renamed(kernel, symbols);
    schedule::expandComposites(*copy);
    // Prepare kernels run in this process, whatever the target is.
    const TargetInfo &processor = kernel.getPrepare() ? host : target;
    auto s = scheduleOf(*copy, processor);
    if (failed(s))
      return failure();
    std::string key = keyOf(*copy);
    llvm::raw_string_ostream(key)
        << s->toAttr(&getContext()) << bool(kernel.getPrepare());
    auto it = emitted.find(key);
    if (it == emitted.end()) {
      std::string name =
          (kernel.getKind() + "_" + Twine(names[kernel.getKind()]++)).str();
      // The body must not see the operands of the original.
      auto k = schedule::emitKernel(*copy, *s, processor, nested, name);
      if (failed(k))
        return failure();
      if (failed(verify(k->function)))
        return kernel.emitOpError("was emitted as an invalid function; this is "
                                  "a bug of the compiler");
      it = emitted.try_emplace(key, *k).first;
    }
    const EmittedKernel &k = it->second;
    SmallVector<SizeExpr> sizes;
    for (const std::string &name : symbols)
      sizes.push_back(SizeExpr::symbol(name));
    // The grid was found in the copy's symbols.
    auto original = [&](const SizeExpr &e) {
      return e.substitute([&](StringRef name) -> std::optional<SizeExpr> {
        unsigned i;
        if (!name.consume_front("s") || name.getAsInteger(10, i) ||
            i >= symbols.size())
          return std::nullopt;
        return SizeExpr::symbol(symbols[i]);
      });
    };
    ArrayAttr defines;
    if (auto names = schedule::definedSymbols(kernel); !names.empty())
      defines = Builder(&getContext())
                    .getStrArrayAttr(
                        SmallVector<StringRef>(names.begin(), names.end()));
    OpBuilder b(kernel);
    MLIRContext *ctx = &getContext();
    auto callee = SymbolRefAttr::get(
        ctx, "kernels",
        {FlatSymbolRefAttr::get(ctx, EmittedKernel(k).function.getName())});
    auto dispatch = DispatchOp::create(
        b, kernel.getLoc(), kernel.getResultTypes(), kernel.getInputs(), callee,
        SizesAttr::get(ctx, sizes), SizesAttr::get(ctx, {original(k.grid)}),
        k.chunk, SizesAttr::get(ctx, {original(k.scratch)}), k.inplace, defines,
        kernel.getPrepare());
    kernel.replaceAllUsesWith(dispatch.getResults());
    kernel.erase();
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createScheduleKernelsPass(const TargetInfo &target) {
  return std::make_unique<ScheduleKernels>(target);
}
std::unique_ptr<Pass> createChooseSchedulesPass(const TargetInfo &target) {
  return std::make_unique<ChooseSchedules>(target);
}
void registerSchedulePasses() {
  PassRegistration<ScheduleKernels>();
  PassRegistration<ChooseSchedules>();
}

} // namespace ingot
