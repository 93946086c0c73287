// Walks the functions, emits each distinct kernel once, puts dispatches in the
// place of nn.kernel.
#include "compiler/passes/schedule/ScheduleKernels.h"

#include "compiler/passes/schedule/Dispatch.h"
#include "compiler/passes/schedule/EmitKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
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
template <typename Self> struct TargetPass : PassWrapper<Self, OperationPass<ModuleOp>> {
  TargetPass() = default;
  TargetPass(const TargetPass &o)
      : PassWrapper<Self, OperationPass<ModuleOp>>(o), target(o.target) {}
  explicit TargetPass(const TargetInfo &target) : target(target) {}

  Pass::Option<std::string> cpu{*this, "cpu", llvm::cl::desc("Processor (default: the host)")};
  Pass::Option<std::string> triple{*this, "triple",
                                   llvm::cl::desc("Target triple (default: the host's)")};
  TargetInfo target;

  LogicalResult resolve() {
    if (cpu.empty() && triple.empty() && !target.cpu.empty())
      return success();
    auto named = getTarget(triple, cpu);
    if (!named)
      return this->getOperation().emitError() << llvm::toString(named.takeError());
    target = *named;
    return success();
  }
};

struct ChooseSchedules : TargetPass<ChooseSchedules> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseSchedules)
  using TargetPass::TargetPass;
  StringRef getArgument() const final { return "choose-schedules"; }
  StringRef getDescription() const final { return "Write the chosen schedule onto each nn.kernel"; }
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
    registry.insert<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                    memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect>();
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

  LogicalResult replace(KernelOp kernel, ModuleOp nested) {
    schedule::IsolatedKernel isolated = schedule::isolateKernel(kernel);
    // Prepare kernels run in this process, whatever the target is.
    const TargetInfo &processor = kernel.getPrepare() ? host : target;
    auto s = scheduleOf(*isolated.kernel, processor);
    if (failed(s))
      return failure();
    std::string key = isolated.key();
    llvm::raw_string_ostream(key) << s->toAttr(&getContext()) << bool(kernel.getPrepare());
    auto it = emitted.find(key);
    if (it == emitted.end()) {
      std::string name = (kernel.getKind() + "_" + Twine(names[kernel.getKind()]++)).str();
      auto k = schedule::emitKernel(*isolated.kernel, *s, processor, nested, name);
      if (failed(k))
        return failure();
      if (failed(verify(k->function)))
        return kernel.emitOpError("was emitted as an invalid function; this is "
                                  "a bug of the compiler");
      it = emitted.try_emplace(key, *k).first;
    }
    EmittedKernel &k = it->second;
    schedule::replaceByDispatch(kernel, isolated, "kernels", k.function.getName(),
                                {k.grid, k.scratch, k.chunk, k.inplace});
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
