// The nodes of one graph body (the main graph, or one function) on their way
// into MLIR. Used by GraphReader alone.
#ifndef INGOT_COMPILER_FRONTEND_BODYREADER_H
#define INGOT_COMPILER_FRONTEND_BODYREADER_H

#include "compiler/frontend/GraphReader.h"
#include "mlir/IR/Builders.h"

namespace ingot::frontend {

/// Reads one body. Steps, in order: `index`, `markLive`, `resolve`, `sort`,
/// `emit`.
class BodyReader {
public:
  /// `function` is empty for the main graph; there `node:1` counts outputs,
  /// while functions say `node:output_arg:index`.
  BodyReader(const google::protobuf::RepeatedPtrField<proto::NodeDef> &nodes,
             llvm::StringRef function, GraphContext &shared);

  /// Declares the arguments of a function before `index`.
  void addArgument(llvm::StringRef name, mlir::Type elementType);
  /// Declares a cut in the main graph.
  void addFeed(const FedTensor &feed) { feeds.push_back(feed); }

  mlir::LogicalResult index();
  /// Marks what the given nodes need; all nodes if `roots` is empty.
  mlir::LogicalResult markLive(llvm::ArrayRef<std::string> roots);
  mlir::LogicalResult resolve();
  mlir::LogicalResult sort();
  mlir::LogicalResult emit(mlir::OpBuilder &builder, mlir::ValueRange arguments);

  /// After `emit`: the value of an input text such as `MatMul:product:0`.
  mlir::FailureOr<mlir::Value> valueOf(llvm::StringRef text);
  /// After `emit`: the control result of a node.
  mlir::FailureOr<mlir::Value> controlOf(llvm::StringRef node);
  /// Before `emit`: the node will be asked for by `controlOf`.
  mlir::LogicalResult requestControl(llvm::StringRef node);
  /// How many outputs a node has, or -1 if there is no such node.
  int numOutputs(llvm::StringRef node) const;

private:
  /// A parsed input: an argument, a fed tensor or an output of a node.
  struct Input {
    enum Kind { Argument, Feed, Node } kind = Node;
    int index = 0;  ///< of the argument, feed or node
    int output = 0; ///< flat output number of a node
    bool control = false;
    bool backedge = false;
  };
  struct Output {
    llvm::StringRef arg; ///< name of the output argument
    int first = 0, count = 0;
  };
  struct Node {
    const proto::NodeDef *def = nullptr;
    const proto::OpDef *op = nullptr;
    bool live = false, needsControl = false;
    llvm::SmallVector<Input> inputs;
    llvm::SmallVector<mlir::Type> inputTypes, outputTypes;
    llvm::SmallVector<Output> outputs;
    mlir::Operation *operation = nullptr;
  };

  mlir::InFlightDiagnostic error(const Node &node) const;
  const proto::AttrValue *attrOf(const Node &node, llvm::StringRef name) const;
  mlir::LogicalResult
  expandArgs(const Node &node, const google::protobuf::RepeatedPtrField<proto::OpDef::ArgDef> &args,
             llvm::SmallVectorImpl<mlir::Type> &types, llvm::SmallVectorImpl<Output> *outputs);
  mlir::LogicalResult resolveSignature(Node &node);
  mlir::LogicalResult resolveInputs(Node &node);
  mlir::FailureOr<Input> parseInput(const Node &node, llvm::StringRef text);
  mlir::FailureOr<int> outputNumber(const Node &node, const Node &source, llvm::StringRef suffix);
  /// The name part of an input, and what follows it.
  static std::pair<llvm::StringRef, llvm::StringRef> splitInput(llvm::StringRef text);
  int findFeed(llvm::StringRef name, llvm::StringRef suffix) const;
  void requestFunctions(const proto::AttrValue &value);
  mlir::Type typeOf(const Input &input) const;
  mlir::FailureOr<mlir::DictionaryAttr> attributesOf(const Node &node);
  mlir::LogicalResult emitNode(mlir::OpBuilder &builder, Node &node);
  mlir::LogicalResult emitFeeds(mlir::OpBuilder &builder);
  mlir::LogicalResult reportCycle(llvm::ArrayRef<int> stack, int again);
  mlir::Location locationOf(llvm::StringRef node) const;

  GraphContext &shared;
  mlir::MLIRContext *context;
  std::string function;
  std::vector<Node> nodes;
  llvm::StringMap<int> byName;
  llvm::StringMap<int> arguments;
  llvm::SmallVector<mlir::Type> argumentTypes;
  llvm::SmallVector<FedTensor> feeds;
  llvm::SmallVector<mlir::Value> feedValues, argumentValues;
  std::vector<int> order;
};

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_BODYREADER_H
