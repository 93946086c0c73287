// Turns the nodes of a graph and the functions it calls into graph.node
// operations: names are resolved, everything is validated, nodes are put in an
// order that respects data and control edges.
#ifndef INGOT_COMPILER_FRONTEND_GRAPHREADER_H
#define INGOT_COMPILER_FRONTEND_GRAPHREADER_H

#include "compiler/frontend/Attributes.h"
#include "compiler/frontend/OpDefs.h"
#include "compiler/frontend/Reporter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <set>

namespace ingot::frontend {

/// One tensor of the main graph: `node:output`.
struct TensorName {
  std::string node;
  int output = 0;

  /// Reads `node` or `node:1`.
  static TensorName parse(llvm::StringRef text);
  std::string str() const { return output ? node + ":" + std::to_string(output) : node; }
  bool operator<(const TensorName &other) const {
    return std::tie(node, output) < std::tie(other.node, other.output);
  }
};

/// A tensor that the user feeds, with the element type if it was given.
struct FedTensor {
  TensorName tensor;
  mlir::Type elementType;
};

/// State shared by all bodies of one import.
struct GraphContext {
  const Reporter &report;
  OpDefs &opDefs;
  AttributeReader &attributes;
  llvm::StringMap<const proto::FunctionDef *> library;
  /// Functions already read or waiting.
  std::set<std::string> seen;
  std::vector<std::string> pending;
  /// Nodes whose op nothing knows: (op, node).
  std::vector<std::pair<std::string, std::string>> unknownOps;

  /// Queues a function for reading.
  void request(llvm::StringRef name);
  /// The signature of an op or of a function used as one; null if unknown.
  const proto::OpDef *signatureOf(llvm::StringRef op);
};

/// Reads graphs into `module`. Functions are read when something live calls
/// them.
class GraphReader {
public:
  GraphReader(mlir::ModuleOp module, const proto::GraphDef &graph, GraphContext &shared);

  /// Reads the part of the main graph that `roots` need, cut at `feeds`, as the
  /// private function `main`, and all functions it calls.
  mlir::FailureOr<mlir::func::FuncOp> readMain(llvm::ArrayRef<TensorName> roots,
                                               llvm::ArrayRef<FedTensor> feeds);

private:
  mlir::LogicalResult readFunction(const proto::FunctionDef &def);
  mlir::LogicalResult reportUnknownOps();

  mlir::ModuleOp module;
  const proto::GraphDef &graph;
  GraphContext &shared;
};

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_GRAPHREADER_H
