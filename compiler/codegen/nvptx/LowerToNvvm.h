// From GPU kernels (gpu, scf, vector, memref, arith, math) to the NVVM and LLVM
// dialects, without libdevice: transcendental functions are the arithmetic that
// CPU kernels use too.
#ifndef INGOT_COMPILER_CODEGEN_NVPTX_LOWERTONVVM_H
#define INGOT_COMPILER_CODEGEN_NVPTX_LOWERTONVVM_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/Pass.h"

namespace ingot {

/// Rewrites the functions of `module` in place. Kernels take pointers to global
/// memory (`!llvm.ptr<1>`) and integers; `builtin.unrealized_conversion_cast`
/// from such a pointer to a 1-D memref is the view of a buffer.
mlir::LogicalResult lowerToNvvm(mlir::gpu::GPUModuleOp module);

/// Dialects and translations that lowering and emission need.
void registerGpuCodegenDialects(mlir::DialectRegistry &registry);

/// `--lower-to-nvvm`: lowerToNvvm for every gpu.module.
std::unique_ptr<mlir::Pass> createLowerToNvvmPass();

/// `--emit-ptx`: replaces the module's content by the PTX of its gpu.module, for
/// tests of code generation by hand.
void registerGpuCodegenPasses();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_NVPTX_LOWERTONVVM_H
