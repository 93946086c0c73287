// Lowered GPU kernels to PTX text, in process and without a CUDA toolkit.
#ifndef INGOT_COMPILER_CODEGEN_NVPTX_PTXEMITTER_H
#define INGOT_COMPILER_CODEGEN_NVPTX_PTXEMITTER_H

#include "compiler/codegen/nvptx/GpuTarget.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace ingot {

/// The PTX of a module that lowerToNvvm has made, with the lowest .version that
/// the architecture allows, so that old drivers take it. Equal modules give
/// equal text. Diagnostics are on the module when it fails; a symbol that
/// nothing defines is a failure too.
mlir::FailureOr<std::string> emitPtx(mlir::gpu::GPUModuleOp module, const GpuArch &arch,
                                     std::string *llvm = nullptr);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_NVPTX_PTXEMITTER_H
