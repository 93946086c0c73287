// Station 8 as one call: a planned module to the objects and tables of an
// artifact, and what the report says of each kernel.
#ifndef INGOT_COMPILER_CODEGEN_CPU_COMPILEPROGRAM_H
#define INGOT_COMPILER_CODEGEN_CPU_COMPILEPROGRAM_H

#include "compiler/codegen/artifact/Artifact.h"
#include "compiler/codegen/cpu/CompileKernels.h"
#include "compiler/codegen/cpu/ConstantBytes.h"

namespace ingot {

/// One kernel, for `--report`.
struct KernelReport {
  CodeReport code;
  std::string name, kind, schedule; // as station 6 named them
  std::string nodes;                // graph nodes of its first dispatch
  unsigned dispatches = 0;
  std::string flops, bytes; // size expressions of one dispatch, the first one's
};

/// The code of a GPU as an object, see docs/abi.md, "Devices".
struct DeviceCode {
  std::string object, symbol; // symbol of the ingot_rt_device in it
  std::vector<KernelReport> kernels;
};

struct ProgramOptions {
  std::string model = "model";        // name of the model in C
  EmitOptions emit;                   // sanitizer; texts for --emit llvm|asm
  unsigned threads = 0;               // 0: all processors
  const DeviceCode *device = nullptr; // of the kernels in deviceModuleName()
};

struct CompiledProgram {
  ArtifactSpec spec; // objects included; constants point into `store` and the module
  std::vector<KernelReport> kernels;
  std::string llvm, assembly; // of all functions, if asked for
  ByteStore store;
};

/// Compiles a module after `plan-program`. It must outlive the result, whose
/// constants are the module's. Diagnostics on failure.
mlir::FailureOr<std::unique_ptr<CompiledProgram>>
compileProgram(mlir::ModuleOp module, const TargetInfo &target, const ProgramOptions &options);

/// The type of an element as the C ABI names it; INGOT_INVALID_DTYPE if it has
/// none.
ingot_dtype dtypeOf(mlir::Type element);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_COMPILEPROGRAM_H
