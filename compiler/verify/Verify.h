// Compiled code against the reference evaluator: whole signatures first, then
// each kernel alone on the inputs it has in the reference.
#ifndef INGOT_VERIFY_VERIFY_H
#define INGOT_VERIFY_VERIFY_H

#include "compiler/Compiler.h"
#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace ingot::verify {

/// The forms of one model that verification compares.
struct Forms {
  mlir::ModuleOp kernels; ///< after station 5: what each kernel computes
  mlir::ModuleOp loops;   ///< after station 6: the same kernels, in the same order, as code
  TargetInfo target;
  const ingot_module *module = nullptr; ///< the compiled model in this process
  unsigned compilerThreads = 0;
};

/// Compares one call of a signature. An error is what kept it from comparing.
llvm::Error compareSignature(const Forms &forms, uint32_t signature,
                             llvm::ArrayRef<ingot_tensor> inputs, int threads,
                             VerifyReport &report);

/// Compares every kernel that the call runs; of a kernel in a loop the first
/// calls.
llvm::Error compareKernels(const Forms &forms, uint32_t signature,
                           llvm::ArrayRef<ingot_tensor> inputs, VerifyReport &report);

} // namespace ingot::verify

#endif // INGOT_VERIFY_VERIFY_H
