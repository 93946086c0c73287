// From nn.kernel to nn.dispatch, for every target: kernels that compute the
// same are found by their text, with size symbols renamed by first use.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_DISPATCH_H
#define INGOT_COMPILER_PASSES_SCHEDULE_DISPATCH_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/OwningOpRef.h"

namespace ingot::schedule {

/// A copy of a kernel without its operands, composites expanded, whose size
/// symbols are s0, s1... in the order of `symbols` (those of the original);
/// data symbols that it defines are d0, d1...
struct IsolatedKernel {
  mlir::OwningOpRef<nn::KernelOp> kernel;
  llvm::SmallVector<std::string> symbols;
  /// Equal for kernels that compute the same.
  std::string key() const;
};
IsolatedKernel isolateKernel(nn::KernelOp kernel);

/// What a dispatch says besides the callee; sizes in the copy's symbols.
struct DispatchShape {
  nn::SizeExpr grid, scratch;
  int64_t chunk = 1;
  llvm::ArrayRef<int64_t> inplace;
};
/// Replaces `kernel` by a dispatch of @MODULE::@NAME.
void replaceByDispatch(nn::KernelOp kernel, const IsolatedKernel &isolated, llvm::StringRef module,
                       llvm::StringRef name, const DispatchShape &shape);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_DISPATCH_H
