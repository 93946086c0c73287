// LLVM dialect to relocatable object: translation, the short list of LLVM
// passes that kernels need, code generation, and what the report says of each
// function.
#ifndef INGOT_COMPILER_CODEGEN_CPU_OBJECTEMITTER_H
#define INGOT_COMPILER_CODEGEN_CPU_OBJECTEMITTER_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/IR/BuiltinOps.h"
#include <memory>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace ingot {

struct EmitOptions {
  /// Instrument loads and stores for AddressSanitizer (`--sanitize=address`).
  bool sanitizeAddress = false;
  /// Also keep the optimized LLVM IR / the assembly as text.
  bool wantLlvm = false, wantAssembly = false;
};

/// What a function became; spills as the register allocator counts them.
struct CodeReport {
  std::string name;
  unsigned vectorBytes = 0; // widest vector in the code, 0 if all is scalar
  unsigned spills = 0, loopSpills = 0;
  uint64_t textBytes = 0;
};

struct EmittedObject {
  std::string object, llvm, assembly;
  std::vector<CodeReport> functions; // external functions, by name
};

/// One for each thread: owns a TargetMachine. Equal modules give equal bytes.
class ObjectEmitter {
public:
  static llvm::Expected<std::unique_ptr<ObjectEmitter>> create(const TargetInfo &target);
  ~ObjectEmitter();

  /// Emits a module of the LLVM dialect (see lowerToLlvmDialect). Diagnostics
  /// are on the module when it fails.
  mlir::FailureOr<EmittedObject> emit(mlir::ModuleOp module, const EmitOptions &options = {});

private:
  ObjectEmitter(const TargetInfo &target, std::unique_ptr<llvm::TargetMachine> machine);
  void optimize(llvm::Module &module, bool sanitizeAddress);

  TargetInfo target;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_OBJECTEMITTER_H
