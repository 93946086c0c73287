// What the two comparisons share: the reference function of a signature, its
// inputs as host tensors, and how long the sums of a piece of it are.
#ifndef INGOT_VERIFY_REFERENCE_H
#define INGOT_VERIFY_REFERENCE_H

#include "compiler/evaluate/Evaluate.h"
#include "compiler/verify/Verify.h"

namespace ingot::verify {

/// The function of that signature; an error if there is none.
llvm::Expected<mlir::func::FuncOp> findFunction(mlir::ModuleOp module, llvm::StringRef signature);

/// Its arguments: the caller's inputs, and the initial values of variables.
llvm::Expected<std::vector<evaluate::HostTensor>>
makeArguments(mlir::ModuleOp module, mlir::func::FuncOp function,
              llvm::ArrayRef<ingot_tensor> inputs);

/// Terms of the longest sum that one element needs, given the named sizes.
double longestSum(mlir::Operation *root, const llvm::StringMap<int64_t> &sizes);

/// The error that a failed evaluation stands for.
llvm::Error toError(const evaluate::Result &result);

} // namespace ingot::verify

#endif // INGOT_VERIFY_REFERENCE_H
