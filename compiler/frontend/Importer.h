// Station 1: a model file becomes a module of the graph dialect.
//
// The module holds the main graph as the private function named by the module
// attribute `graph.main`, the functions it calls, the variables as
// `graph.variable`, and `graph.signatures`, a list of
//   {name, inputs = [{name, node, index, shape, type}], outputs = [{name, node,
//   index}]}
// where `shape` is a list of integers and size names. Station 2 makes a
// function of each signature.
#ifndef INGOT_COMPILER_FRONTEND_IMPORTER_H
#define INGOT_COMPILER_FRONTEND_IMPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>
#include <vector>

namespace ingot {

/// What to import. Texts are as on the command line.
struct ImportOptions {
  std::string path;                    ///< .pb, .pbtxt or SavedModel directory
  std::string tag = "serve";           ///< of the meta graph
  std::vector<std::string> signatures; ///< empty: all that users call
  std::vector<std::string> feeds;      ///< NAME[:DIMSxDTYPE]; cuts the graph
  std::vector<std::string> fetches;    ///< NAME
  std::vector<std::string> shapes;     ///< NAME=batchx784, NAME=1x224x224x3
};

/// A model in the graph dialect. Large constants point into the model's files,
/// which the module's resources keep alive.
struct ImportedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Reads a model. Everything wrong with it is told to the context's diagnostic
/// engine.
mlir::FailureOr<ImportedModel> importModel(mlir::MLIRContext &context,
                                           const ImportOptions &options);

} // namespace ingot

#endif // INGOT_COMPILER_FRONTEND_IMPORTER_H
