// Station 8, host half: rt.program to the functions that docs/abi.md, "Host
// program", names, and one ingot_rt_site for each dispatch.
#ifndef INGOT_COMPILER_CODEGEN_CPU_HOSTPROGRAM_H
#define INGOT_COMPILER_CODEGEN_CPU_HOSTPROGRAM_H

#include "compiler/dialects/Rt/Rt.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include <string>
#include <vector>

namespace ingot {

/// Symbols of one signature's functions.
struct HostSymbols {
  std::string program, arena, shapes,
      bounds; // bounds: empty without data symbols
};

/// A C identifier that resembles `text` (letters, digits, underscores).
std::string makeIdentifier(llvm::StringRef text);

/// Names as they stand in objects. `prefix` is the model's, an identifier.
HostSymbols hostSymbols(llvm::StringRef prefix, rt::ProgramOp program);
std::string kernelSymbol(llvm::StringRef prefix, llvm::StringRef kernel);
std::string siteSymbol(llvm::StringRef prefix, unsigned index);

/// The nested module of GPU kernels. A model that has one runs on the device
/// alone: its buffers are there.
inline llvm::StringRef deviceModuleName() { return "gpu_kernels"; }

struct HostModule {
  mlir::OwningOpRef<mlir::ModuleOp> module; // LLVM dialect and arith
  std::vector<std::string> sites;           // site symbols by index
};

/// Builds the host module for all programs of `module`. Constants are numbered
/// in the order of rt.data, variables in that of nn.variable. With
/// `sanitizeAddress` the arena is poisoned for AddressSanitizer except for the
/// program's slices.
mlir::FailureOr<HostModule> emitHostPrograms(mlir::ModuleOp module, llvm::StringRef prefix,
                                             bool sanitizeAddress = false);

/// Graph nodes that a location names: "a/b, a/c".
std::string describeNodes(mlir::Location location);

/// `--rt-to-llvm`: replaces the module's content by its host module.
std::unique_ptr<mlir::Pass> createRtToLlvmPass();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_HOSTPROGRAM_H
