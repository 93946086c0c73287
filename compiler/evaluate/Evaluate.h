// The reference evaluator: what a function of nn operations computes, in plain
// C++ that shares nothing with the lowerings.
//
// Sums and transcendental functions run in double and are rounded once, so a
// result is at least as exact as any compiled one. With `exact`, every float
// tensor is held as f64 throughout: the reference of error bounds.
#ifndef INGOT_EVALUATE_EVALUATE_H
#define INGOT_EVALUATE_EVALUATE_H

#include "compiler/dialects/Nn/Nn.h"
#include "compiler/evaluate/HostTensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <memory>
#include <string>

namespace ingot::evaluate {

/// Run-time statuses, as compiled code returns them (include/ingot/ingot.h).
enum class Status { Ok = 0, Invalid = 1, ShapeMismatch = 2, OutOfRange = 4, DivideByZero = 5 };

struct Options {
  /// Hold every float tensor as f64 (complex as c128). Results are f64 too.
  bool exact = false;
  /// Iterations after which an nn.while is taken to be endless.
  int64_t whileLimit = 10'000'000;
  /// Values of named sizes beyond those that the inputs' types bind.
  llvm::StringMap<int64_t> sizes;
  /// Called with every evaluated operation and its results, innermost first.
  std::function<void(mlir::Operation *, llvm::ArrayRef<HostTensor>)> observe;
  /// Called before every nn.kernel with its operands and the sizes known by then.
  std::function<void(nn::KernelOp, llvm::ArrayRef<std::shared_ptr<const HostTensor>>,
                     const llvm::StringMap<int64_t> &)>
      atKernel;
};

struct Result {
  Status status = Status::Ok;
  std::string message; ///< why, if the status is not Ok
  std::vector<HostTensor> outputs;
  llvm::StringMap<int64_t> sizes; ///< values of the named sizes at the end
  explicit operator bool() const { return status == Status::Ok; }
};

/// Evaluates a function of nn operations.
Result evaluate(mlir::func::FuncOp func, llvm::ArrayRef<HostTensor> inputs,
                const Options &options = {});
/// Evaluates a region of one block (a kernel's body) on its arguments. Values
/// from outside of it are an error.
Result evaluate(mlir::Region &region, llvm::ArrayRef<HostTensor> inputs,
                const Options &options = {});
/// Evaluates one operation on its operands.
Result evaluate(mlir::Operation *op, llvm::ArrayRef<HostTensor> operands,
                const Options &options = {});

/// True if the evaluator has a rule for the operation.
bool hasRule(mlir::Operation *op);

} // namespace ingot::evaluate

#endif // INGOT_EVALUATE_EVALUATE_H
