// Station 8, GPU half: the kernels of a planned module as PTX images in an object
// that is linked into the artifact.
#ifndef INGOT_COMPILER_CODEGEN_NVPTX_DEVICECODE_H
#define INGOT_COMPILER_CODEGEN_NVPTX_DEVICECODE_H

#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/nvptx/GpuTarget.h"

namespace ingot {

/// Compiles the GPU kernels of `module` (which keeps them as they are) for every
/// architecture of `gpu`; `host` is what the object is for. `ptx` receives the
/// text of all images. Null if the module has no GPU kernel.
mlir::FailureOr<std::unique_ptr<DeviceCode>>
compileDevice(mlir::ModuleOp module, const GpuTarget &gpu, const TargetInfo &host,
              llvm::StringRef model, std::string *ptx = nullptr);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_NVPTX_DEVICECODE_H
