// Moves a part of a graph body into a function of its own: what bodies of loops
// and branches are made with. Used by FunctionalizeControlFlow alone.
#ifndef INGOT_COMPILER_PASSES_IMPORT_OUTLINE_H
#define INGOT_COMPILER_PASSES_IMPORT_OUTLINE_H

#include "compiler/dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace ingot {

/// The nodes that compute some values, up to a border.
class GraphSlice {
public:
  /// Maps a data value to the key of the argument that brings it into the
  /// function, or to null if the node that computes it moves along.
  using KeyOf = std::function<mlir::Value(mlir::Value)>;
  /// Whether a node that is reached by a control edge moves along.
  using Moves = std::function<bool(mlir::Operation *)>;

  GraphSlice(KeyOf keyOf, Moves moves) : keyOf(std::move(keyOf)), moves(std::move(moves)) {}

  /// Adds what `roots` need: nodes to `nodes`, keys to `keys`, control edges
  /// that come from outside to `controls`.
  void collect(mlir::ValueRange roots, llvm::SetVector<mlir::Value> &keys);

  /// Makes a private function `keys -> roots` of the collected nodes.
  mlir::func::FuncOp build(llvm::StringRef name, mlir::Location loc, mlir::ValueRange roots,
                           const llvm::SetVector<mlir::Value> &keys, mlir::SymbolTable &symbols);

  llvm::SetVector<mlir::Operation *> nodes;
  llvm::SetVector<mlir::Value> controls;

private:
  KeyOf keyOf;
  Moves moves;
};

/// `list(type)` attribute of tensors.
mlir::ArrayAttr typeListAttr(mlir::MLIRContext *context, mlir::TypeRange types);

/// Unranked tensors of the same element types.
llvm::SmallVector<mlir::Type> unrankedTypes(mlir::TypeRange types);

/// Makes a function's type say what it returns, after its values were replaced.
void updateResultTypes(mlir::func::FuncOp func);

/// Replaces the `Switch`/`Merge` pairs of a body without loops by `If` nodes.
mlir::LogicalResult functionalizeConds(mlir::func::FuncOp func, mlir::SymbolTable &symbols);

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_IMPORT_OUTLINE_H
