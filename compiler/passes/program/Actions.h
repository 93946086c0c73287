// First half of planning: a signature function becomes a tree of actions on
// resources. A resource is what wants a place in memory: a value and its views,
// or what a loop carries. Every move of data is an explicit copy here; liveness
// and coalescing (Buffers.h) then remove those that need not happen.
#ifndef INGOT_PASSES_PROGRAM_ACTIONS_H
#define INGOT_PASSES_PROGRAM_ACTIONS_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace ingot::program {

/// Where a resource must be, if not anywhere in the arena.
enum class Place { Arena, Input, Output, Variable, Constant };

struct Resource {
  Place place = Place::Arena;
  int64_t index = 0;           // of the input or output
  mlir::StringAttr variable;   // of a variable
  mlir::ElementsAttr constant; // of a constant
  bool readOnly = false;       // inputs, constants, variables nobody updates
  nn::SizeExpr bytes;          // upper bound in entry symbols
};

struct Action {
  enum Kind { Dispatch, Copy, For, While, If } kind;
  mlir::Operation *op;               // for location and attributes
  llvm::SmallVector<unsigned> uses;  // dispatch operands, copy source, if's flag
  llvm::SmallVector<unsigned> defs;  // dispatch results, copy target, for's counter
  std::vector<Action> first, second; // for body; while cond, body; then, else
  unsigned flag = 0;                 // while: resource its condition is read from
  nn::SizeExpr copyBytes;            // actual bytes (may use data symbols)
};

struct Actions {
  std::vector<Resource> resources;
  std::vector<Action> body;
  llvm::SmallVector<unsigned> liveAtExit; // outputs and updated variables
  bool writesState = false;
};

/// Upper bounds of data symbols of a function, resolved to entry symbols.
struct SizeSymbols {
  llvm::SmallVector<std::string> entry; // in order of binding
  llvm::SmallVector<int64_t> bindings;  // pairs (input, dim)
  llvm::SmallVector<std::string> data;
  llvm::SmallVector<nn::SizeExpr> bounds;
  /// Pairs of sizes that the model assumes to be equal (`nn.requires`).
  llvm::SmallVector<std::pair<nn::SizeExpr, nn::SizeExpr>> required;

  nn::SizeExpr bounded(const nn::SizeExpr &size) const;
};

/// Collects and checks the symbols of a function; diagnostics on failure.
mlir::FailureOr<SizeSymbols> collectSymbols(mlir::func::FuncOp function);

/// Builds the actions of a signature function; diagnostics on failure.
mlir::FailureOr<Actions> buildActions(mlir::func::FuncOp function, const SizeSymbols &symbols);

} // namespace ingot::program

#endif // INGOT_PASSES_PROGRAM_ACTIONS_H
