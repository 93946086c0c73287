// One nn.kernel and its schedule to one function of the kernel ABI.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_EMITKERNEL_H
#define INGOT_COMPILER_PASSES_SCHEDULE_EMITKERNEL_H

#include "compiler/passes/schedule/Schedule.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace ingot::schedule {

/// An emitted kernel and what a dispatch of it says. Sizes are in the symbols
/// of the nn.kernel that was given.
struct EmittedKernel {
  mlir::func::FuncOp function;
  nn::SizeExpr grid, scratch;
  int64_t chunk = 1;
  /// Pairs (result, operand) that may be one buffer.
  llvm::SmallVector<int64_t> inplace;
};

/// Rewrites composite operations of the body (softmax) to simpler ones;
/// schedules are chosen and kernels emitted after it.
void expandComposites(nn::KernelOp kernel);

/// Bytes read and written, for reports (operations: see nn::countFlops).
nn::SizeExpr countBytes(nn::KernelOp kernel);

/// Data symbols that the kernel defines at run time.
llvm::SmallVector<std::string> definedSymbols(nn::KernelOp kernel);

/// Symbols of the kernel's types and attributes by first use: the order of the
/// kernel's `sizes`. Data symbols that it defines itself are none of them.
llvm::SmallVector<std::string> kernelSymbols(nn::KernelOp kernel);

/// Emits into `module`. The function's sizes are those of kernelSymbols.
mlir::FailureOr<EmittedKernel> emitKernel(nn::KernelOp kernel, const Schedule &schedule,
                                          const TargetInfo &target, mlir::ModuleOp module,
                                          llvm::StringRef name);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_EMITKERNEL_H
