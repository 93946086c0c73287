// From kernels (func, scf, vector, memref, arith, math on bare pointers) and
// from the host program to the LLVM dialect: one greedy sweep that removes what
// has no direct counterpart, then one combined conversion instead of a dozen
// passes.
#ifndef INGOT_COMPILER_CODEGEN_CPU_LOWERTOLLVM_H
#define INGOT_COMPILER_CODEGEN_CPU_LOWERTOLLVM_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace ingot {

/// Rewrites `module` to the LLVM dialect in place. Besides the upstream
/// dialects it takes `builtin.unrealized_conversion_cast %p : !llvm.ptr to
/// memref<?xT>` (any static or dynamic 1-D memref with identity layout): the
/// memref view of a kernel's buffer. A size that is dynamic has no meaning:
/// never ask for it. Buffers of booleans are memref<?xi8>: a vector of i1 in
/// memory is bit-packed.
mlir::LogicalResult lowerToLlvmDialect(mlir::ModuleOp module, const TargetInfo &target);

/// The pattern for those views; GPU kernels have them too.
void populateBufferViewPatterns(const mlir::LLVMTypeConverter &types,
                                mlir::RewritePatternSet &patterns);

/// Dialects and translations that lowering and emission need.
void registerCpuCodegenDialects(mlir::DialectRegistry &registry);

/// `--lower-to-llvm`: lowerToLlvmDialect for the processor of the option `cpu`.
std::unique_ptr<mlir::Pass> createLowerToLlvmPass(const TargetInfo &target);
void registerCpuCodegenPasses();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_LOWERTOLLVM_H
