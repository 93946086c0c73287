// Finds the value of each variable of a SavedModel. Names do not identify a
// variable: captures of functions are bound through the object graph,
// TensorFlow 1 variables through the saver's restore operations, then by name.
#ifndef INGOT_COMPILER_FRONTEND_VARIABLEBINDER_H
#define INGOT_COMPILER_FRONTEND_VARIABLEBINDER_H

#include "compiler/frontend/TensorBundle.h"
#include "compiler/frontend/proto/saved_model.pb.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>

namespace ingot::frontend {

/// Binds the handle nodes of the main graph to `graph.variable` symbols.
class VariableBinder {
public:
  /// `meta` and `bundle` may be null: a GraphDef has neither.
  VariableBinder(const proto::MetaGraphDef *meta, TensorBundle *bundle, const Reporter &report)
      : meta(meta), bundle(bundle), report(report) {}

  /// Creates the variables and sets `ingot.variable` on their handle nodes.
  mlir::LogicalResult bind(mlir::func::FuncOp main);

private:
  struct Binding {
    std::string key;   ///< in the checkpoint; empty if none is known
    std::string slice; ///< of a partitioned variable, as a saver writes it
    int object = -1;   ///< node of the object graph
    bool trainable = false;
  };

  mlir::LogicalResult collectCaptures();
  mlir::LogicalResult mapObjects(std::vector<int> &toCheckpoint,
                                 proto::TrackableObjectGraph &checkpoint);
  mlir::LogicalResult collectRestores();
  void collectTrainable();
  mlir::LogicalResult createVariable(mlir::Operation *handle, mlir::SymbolTable &symbols,
                                     mlir::OpBuilder &builder);

  const proto::MetaGraphDef *meta;
  TensorBundle *bundle;
  const Reporter &report;
  std::map<std::string, Binding> bindings;          ///< by handle node
  std::map<std::string, bool> trainable;            ///< TensorFlow 1, by name
  std::map<std::string, mlir::StringAttr> symbolOf; ///< by identity
};

/// True for the ops that make a handle or reference of a variable.
bool isVariableHandle(llvm::StringRef op);

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_VARIABLEBINDER_H
