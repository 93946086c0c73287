// One nn.kernel and its GPU schedule to one gpu.func. Values are pulled by the
// same Emitter as on the CPU, with one thread's elements as its lanes.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUEMITTER_H
#define INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUEMITTER_H

#include "compiler/passes/schedule/Emitter.h"
#include "compiler/passes/schedule/gpu/GpuSchedule.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace ingot::schedule {

/// An emitted kernel: blocks of a one-dimensional grid, in the symbols of the
/// nn.kernel that was given.
struct EmittedGpuKernel {
  mlir::gpu::GPUFuncOp function;
  nn::SizeExpr grid;
};

/// Emits into `module`: `gpu.func @name(buffers..., sizes...)`, pointers to global
/// memory and 64-bit integers, sizes in the order of kernelSymbols.
mlir::FailureOr<EmittedGpuKernel> emitGpuKernel(nn::KernelOp kernel, const GpuSchedule &schedule,
                                                mlir::gpu::GPUModuleOp module,
                                                llvm::StringRef name);

/// What the loops of a kernel work with.
struct GpuKernel {
  Emitter &e;
  Ir &ir;
  nn::KernelOp kernel;
  const GpuSchedule &schedule;
  mlir::gpu::GPUFuncOp function;
  mlir::Value block, thread; ///< index

  /// Yielded values in order.
  mlir::OperandRange yields() { return kernel.getBody().front().getTerminator()->getOperands(); }
  /// Coordinates of a position in the row-major sequence of a space; the last one
  /// gets the lane where several are computed at a time.
  Coords delinearize(Coord position, llvm::ArrayRef<Extent> space);
  Extent product(llvm::ArrayRef<Extent> space);
  /// Memory that the threads of a block share.
  mlir::Value shared(int64_t elements, mlir::Type element);
  void barrier();
  /// The value of the thread whose number in the warp differs in the bits of
  /// `mask`; every thread of the warp must call it.
  mlir::Value exchange(mlir::Value v, int64_t mask);
  mlir::Value isLess(mlir::Value x, mlir::Value y);
};

/// Each emits the body and returns the number of blocks.
nn::SizeExpr emitGpuFlat(GpuKernel &k);
nn::SizeExpr emitGpuPoints(GpuKernel &k);
nn::SizeExpr emitGpuRows(GpuKernel &k);
nn::SizeExpr emitGpuMatmul(GpuKernel &k);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUEMITTER_H
