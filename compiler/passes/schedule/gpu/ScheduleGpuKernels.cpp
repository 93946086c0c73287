// Walks the functions, emits each distinct kernel once, puts dispatches in the
// place of nn.kernel.
#include "compiler/passes/schedule/gpu/ScheduleGpuKernels.h"

#include "compiler/passes/schedule/Dispatch.h"
#include "compiler/passes/schedule/EmitKernel.h"
#include "compiler/passes/schedule/gpu/GpuEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
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

using namespace schedule;

struct ScheduleGpuKernels : PassWrapper<ScheduleGpuKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleGpuKernels)
  StringRef getArgument() const final { return "schedule-gpu-kernels"; }
  StringRef getDescription() const final {
    return "Emit kernels as GPU functions and dispatch them";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect,
                    memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect>();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    emitted.clear();
    names.clear();
    SmallVector<KernelOp> kernels;
    module.walk([&](KernelOp kernel) {
      if (!kernel.getPrepare())
        kernels.push_back(kernel);
    });
    if (kernels.empty())
      return;
    auto nested = module.lookupSymbol<gpu::GPUModuleOp>(moduleName);
    if (!nested) {
      OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
      nested = gpu::GPUModuleOp::create(b, module.getLoc(), moduleName);
    }
    bool failedAny = false; // report all kernels that cannot be emitted
    for (KernelOp kernel : kernels)
      failedAny |= failed(replace(kernel, nested));
    if (failedAny)
      signalPassFailure();
  }

private:
  static constexpr llvm::StringLiteral moduleName = "gpu_kernels";
  struct Emitted {
    EmittedGpuKernel kernel;
    int64_t threads;
  };
  llvm::StringMap<Emitted> emitted;
  llvm::StringMap<unsigned> names;

  FailureOr<GpuSchedule> scheduleOf(KernelOp kernel) {
    auto attr = kernel.getSchedule();
    if (!attr)
      return chooseGpuSchedule(kernel);
    auto s = GpuSchedule::fromAttr(*attr, [&] { return kernel.emitOpError(); });
    if (failed(s) || failed(verifyGpuSchedule(kernel, *s)))
      return failure();
    return s;
  }

  LogicalResult replace(KernelOp kernel, gpu::GPUModuleOp nested) {
    if (!definedSymbols(kernel).empty())
      return kernel.emitError(
          "a result of data-dependent size has no GPU schedule yet; compile this model with "
          "--target cpu");
    IsolatedKernel isolated = isolateKernel(kernel);
    auto s = scheduleOf(*isolated.kernel);
    if (failed(s))
      return failure();
    std::string key = isolated.key();
    llvm::raw_string_ostream(key) << s->toAttr(&getContext());
    auto it = emitted.find(key);
    if (it == emitted.end()) {
      std::string name = (kernel.getKind() + "_" + Twine(names[kernel.getKind()]++)).str();
      auto k = emitGpuKernel(*isolated.kernel, *s, nested, name);
      if (failed(k))
        return failure();
      if (failed(verify(k->function)))
        return kernel.emitOpError(
            "was emitted as an invalid function; this is a bug of the compiler");
      it = emitted.try_emplace(key, Emitted{*k, s->threads}).first;
    }
    Emitted &e = it->second;
    replaceByDispatch(kernel, isolated, moduleName, e.kernel.function.getName(),
                      {e.kernel.grid, SizeExpr(0), e.threads, {}});
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createScheduleGpuKernelsPass() {
  return std::make_unique<ScheduleGpuKernels>();
}
void registerGpuSchedulePasses() { PassRegistration<ScheduleGpuKernels>(); }

} // namespace ingot
