// See Exporter.h.
#include "compiler/frontend/Exporter.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Attributes.h"
#include "compiler/frontend/OpDefs.h"
#include "compiler/frontend/Types.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;
using graph::NodeOp;

namespace {

using NodeList = google::protobuf::RepeatedPtrField<proto::NodeDef>;

/// Writes one body: the main graph or a function.
class BodyWriter {
public:
  BodyWriter(func::FuncOp func, bool isMain, OpDefs &opDefs, NodeList &nodes)
      : func(func), isMain(isMain), opDefs(opDefs), nodes(nodes) {}

  LogicalResult run();
  /// How a value is written as an input of a node or as a result.
  FailureOr<std::string> inputText(Value value);
  std::string uniqueName(StringRef wanted);
  void setArgument(unsigned index, StringRef name) {
    names[func.getArgument(index)] = name.str();
    taken.insert(name);
  }

private:
  LogicalResult writeNode(NodeOp node);
  FailureOr<std::string> outputSuffix(NodeOp node, unsigned result);
  int64_t argCount(NodeOp node, const proto::OpDef::ArgDef &arg);

  func::FuncOp func;
  bool isMain;
  OpDefs &opDefs;
  NodeList &nodes;
  llvm::DenseMap<Value, std::string> names; ///< of arguments
  llvm::DenseMap<Operation *, std::string> nodeNames;
  llvm::StringSet<> taken;
};

std::string BodyWriter::uniqueName(StringRef wanted) {
  std::string name = wanted.empty() ? "node" : wanted.str();
  for (unsigned i = 1; !taken.insert(name).second; ++i)
    name = (wanted + "_" + Twine(i)).str();
  return name;
}

int64_t BodyWriter::argCount(NodeOp node, const proto::OpDef::ArgDef &arg) {
  if (!arg.type_list_attr().empty()) {
    auto list = node.attrOfType<ArrayAttr>(arg.type_list_attr());
    return list ? list.size() : -1;
  }
  if (!arg.number_attr().empty())
    return node.intAttr(arg.number_attr()).value_or(-1);
  return 1;
}

FailureOr<std::string> BodyWriter::outputSuffix(NodeOp node, unsigned result) {
  if (isMain)
    return result == 0 ? std::string() : ":" + std::to_string(result);
  const proto::OpDef *op = opDefs.lookup(node.getOp());
  if (!op) {
    // A function used as an op names its outputs itself.
    auto callee = func->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(node.getOp());
    auto name = callee && result < callee.getNumResults()
                    ? callee.getResultAttrOfType<StringAttr>(result, "graph.name")
                    : StringAttr();
    if (name)
      return ":" + name.getValue().str() + ":0";
  } else {
    int64_t first = 0;
    for (const auto &arg : op->output_arg()) {
      int64_t count = argCount(node, arg);
      if (count < 0)
        break;
      if (result < first + count)
        return ":" + arg.name() + ":" + std::to_string(result - first);
      first += count;
    }
  }
  node.emitError() << "op '" << node.getOp() << "' has no known output " << result;
  return failure();
}

FailureOr<std::string> BodyWriter::inputText(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return names.lookup(argument);
  if (auto back = value.getDefiningOp<graph::BackedgeOp>()) {
    for (auto node : func.getOps<NodeOp>())
      if (node.getName() == back.getNode()) {
        auto suffix = outputSuffix(node, back.getIndex());
        if (failed(suffix))
          return failure();
        return node.getName().str() + *suffix;
      }
    back.emitError() << "names no node";
    return failure();
  }
  auto node = value.getDefiningOp<NodeOp>();
  if (!node) {
    mlir::emitError(value.getLoc()) << "only graph nodes go into a GraphDef";
    return failure();
  }
  if (graph::isControl(value))
    return "^" + nodeNames[node];
  auto suffix = outputSuffix(node, cast<OpResult>(value).getResultNumber());
  if (failed(suffix))
    return failure();
  return nodeNames[node] + *suffix;
}

LogicalResult BodyWriter::writeNode(NodeOp node) {
  proto::NodeDef &def = *nodes.Add();
  def.set_name(nodeNames[node]);
  def.set_op(node.getOp().str());
  if (auto device = node.getDevice())
    def.set_device(device->str());
  for (Value operand : node->getOperands()) {
    auto text = inputText(operand);
    if (failed(text))
      return failure();
    def.add_input(*text);
  }
  for (NamedAttribute attr : node.getAttrs())
    if (!writeAttribute(attr.getValue(), (*def.mutable_attr())[attr.getName().str()]))
      return node.emitError() << "attribute '" << attr.getName().getValue()
                              << "' has no form in a GraphDef: " << attr.getValue();
  return success();
}

LogicalResult BodyWriter::run() {
  for (auto node : func.getOps<NodeOp>())
    nodeNames[node] = uniqueName(node.getName());
  for (auto node : func.getOps<NodeOp>())
    if (failed(writeNode(node)))
      return failure();
  return success();
}

/// The value of the variable an argument stands for.
ElementsAttr variableValue(func::FuncOp func, FlatSymbolRefAttr symbol) {
  Operation *variable = SymbolTable::lookupNearestSymbolFrom(func, symbol);
  return variable ? variable->getAttrOfType<ElementsAttr>("value") : ElementsAttr();
}

/// A node for an argument of a signature: placeholder or constant.
LogicalResult writeArgument(func::FuncOp func, unsigned index, BodyWriter &writer,
                            NodeList &nodes) {
  auto type = dyn_cast<RankedTensorType>(func.getArgument(index).getType());
  auto input = func.getArgAttrOfType<StringAttr>(index, "ingot.input");
  auto symbol = func.getArgAttrOfType<FlatSymbolRefAttr>(index, "ingot.variable");
  if (!type || (!input && !symbol))
    return func.emitError() << "argument " << index << " is neither an input nor a variable";
  StringRef wanted = input ? input.getValue() : symbol.getValue();
  std::string name = writer.uniqueName(wanted);
  writer.setArgument(index, name);
  proto::NodeDef &def = *nodes.Add();
  def.set_name(name);
  (*def.mutable_attr())["dtype"].set_type(dtypeOf(type.getElementType()));
  if (input) {
    def.set_op("Placeholder");
    auto &shape = *(*def.mutable_attr())["shape"].mutable_shape();
    for (int64_t dim : type.getShape())
      shape.add_dim()->set_size(ShapedType::isDynamic(dim) ? -1 : dim);
    return success();
  }
  def.set_op("Const");
  ElementsAttr value = variableValue(func, symbol);
  if (!value || !writeTensor(value, *(*def.mutable_attr())["value"].mutable_tensor()))
    return func.emitError() << "variable " << symbol << " has no value";
  return success();
}

LogicalResult writeMain(func::FuncOp func, OpDefs &opDefs, proto::GraphDef &graph) {
  BodyWriter writer(func, /*isMain=*/true, opDefs, *graph.mutable_node());
  // Names of outputs are reserved for the nodes that stand for them.
  std::vector<std::string> outputs;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "ingot.output");
    outputs.push_back(name ? writer.uniqueName(name.getValue()) : "");
  }
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    if (failed(writeArgument(func, i, writer, *graph.mutable_node())))
      return failure();
  if (failed(writer.run()))
    return failure();
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    if (outputs[i].empty())
      continue;
    auto text = writer.inputText(value);
    if (failed(text))
      return failure();
    proto::NodeDef &def = *graph.add_node();
    def.set_name(outputs[i]);
    def.set_op("Identity");
    def.add_input(*text);
    (*def.mutable_attr())["T"].set_type(dtypeOf(graph::elementTypeOf(value)));
  }
  return success();
}

LogicalResult writeAttrs(DictionaryAttr attrs, func::FuncOp func,
                         google::protobuf::Map<std::string, proto::AttrValue> &map) {
  if (!attrs)
    return success();
  for (NamedAttribute attr : attrs)
    if (!writeAttribute(attr.getValue(), map[attr.getName().str()]))
      return func.emitError() << "attribute '" << attr.getName().getValue()
                              << "' has no form in a GraphDef";
  return success();
}

LogicalResult writeFunction(func::FuncOp func, OpDefs &opDefs, proto::FunctionDef &def) {
  proto::OpDef &signature = *def.mutable_signature();
  signature.set_name(func.getName().str());
  if (func->hasAttr("graph.stateful"))
    signature.set_is_stateful(true);
  BodyWriter writer(func, /*isMain=*/false, opDefs, *def.mutable_node_def());
  auto dtype = [](Type type) { return dtypeOf(cast<TensorType>(type).getElementType()); };
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i) {
    auto name = func.getArgAttrOfType<StringAttr>(i, "graph.name");
    std::string text = writer.uniqueName(name ? name.getValue().str() : "arg" + std::to_string(i));
    writer.setArgument(i, text);
    auto &arg = *signature.add_input_arg();
    arg.set_name(text);
    arg.set_type(dtype(func.getArgument(i).getType()));
    auto attrs = func.getArgAttrOfType<DictionaryAttr>(i, "graph.attrs");
    if (attrs && failed(writeAttrs(attrs, func, *(*def.mutable_arg_attr())[i].mutable_attr())))
      return failure();
  }
  if (failed(writer.run()))
    return failure();
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "graph.name");
    std::string text = name ? name.getValue().str() : "result" + std::to_string(i);
    auto source = writer.inputText(value);
    if (failed(source))
      return failure();
    if (graph::isControl(value)) {
      signature.add_control_output(text);
      (*def.mutable_control_ret())[text] = source->substr(1);
      continue;
    }
    auto &arg = *signature.add_output_arg();
    arg.set_name(text);
    arg.set_type(dtype(value.getType()));
    (*def.mutable_ret())[text] = *source;
  }
  return writeAttrs(func->getAttrOfType<DictionaryAttr>("graph.attrs"), func, *def.mutable_attr());
}

std::string serialize(const proto::GraphDef &graph) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  graph.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

} // namespace

FailureOr<std::string> ingot::exportGraphDef(ModuleOp module) {
  proto::GraphDef graph;
  OpDefs opDefs;
  func::FuncOp main;
  if (auto symbol = module->getAttrOfType<FlatSymbolRefAttr>("graph.main"))
    main = module.lookupSymbol<func::FuncOp>(symbol.getValue());
  for (auto func : module.getOps<func::FuncOp>())
    if (!main && func->hasAttr("ingot.signature"))
      main = func;
  if (!main) {
    module.emitError("has neither a main graph nor a signature");
    return failure();
  }
  if (failed(writeMain(main, opDefs, graph)))
    return failure();
  for (auto func : module.getOps<func::FuncOp>())
    if (func != main && func.isPrivate() && !func.isExternal() &&
        failed(writeFunction(func, opDefs, *graph.mutable_library()->add_function())))
      return failure();
  auto versions = module->getAttrOfType<DictionaryAttr>("graph.versions");
  auto number = [&](StringRef name) {
    auto value = versions ? versions.getAs<IntegerAttr>(name) : IntegerAttr();
    return value ? value.getInt() : 0;
  };
  graph.mutable_versions()->set_producer(number("producer"));
  graph.mutable_versions()->set_min_consumer(number("min_consumer"));
  if (graph.ByteSizeLong() > INT32_MAX) {
    module.emitError("is larger than 2 GiB as a GraphDef");
    return failure();
  }
  return serialize(graph);
}
