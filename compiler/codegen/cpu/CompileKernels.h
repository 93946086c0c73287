// Kernels of the nested module @kernels to objects, spread over the cores.
// Bytes and diagnostics do not depend on the number of threads.
#ifndef INGOT_COMPILER_CODEGEN_CPU_COMPILEKERNELS_H
#define INGOT_COMPILER_CODEGEN_CPU_COMPILEKERNELS_H

#include "compiler/codegen/cpu/ObjectEmitter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace ingot {

/// The nested module that holds kernels; null if there are none.
mlir::ModuleOp findKernels(mlir::ModuleOp module);

/// One object for each of `kernels`, whose symbol becomes kernelSymbol(prefix,
/// name). The functions themselves are left as they are.
mlir::FailureOr<std::vector<EmittedObject>>
compileKernels(mlir::ModuleOp module, llvm::ArrayRef<mlir::func::FuncOp> kernels,
               const TargetInfo &target, llvm::StringRef prefix, const EmitOptions &options,
               unsigned threads = 0);

/// Runs every dispatch marked `prepare` whose operands are constants, on this
/// machine, and replaces it by its results as constants. Kernels that nothing
/// calls any more are erased.
mlir::LogicalResult evaluatePrepare(mlir::ModuleOp module, unsigned threads = 0);

/// `--evaluate-prepare`.
std::unique_ptr<mlir::Pass> createEvaluatePreparePass();
void registerEvaluatePreparePass();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_COMPILEKERNELS_H
