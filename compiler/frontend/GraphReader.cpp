// See GraphReader.h.
#include "compiler/frontend/GraphReader.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/BodyReader.h"
#include "compiler/frontend/Types.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

TensorName TensorName::parse(llvm::StringRef text) {
  TensorName name;
  auto [node, suffix] = text.rsplit(':');
  int output = 0;
  if (!suffix.empty() && !suffix.getAsInteger(10, output) && output >= 0) {
    name.node = node.str();
    name.output = output;
  } else {
    name.node = text.str();
  }
  return name;
}

void GraphContext::request(llvm::StringRef name) {
  if (seen.insert(name.str()).second)
    pending.push_back(name.str());
}

const proto::OpDef *GraphContext::signatureOf(llvm::StringRef op) {
  auto function = library.find(op);
  return function != library.end() ? &function->second->signature() : opDefs.lookup(op);
}

GraphReader::GraphReader(ModuleOp module, const proto::GraphDef &graph, GraphContext &shared)
    : module(module), graph(graph), shared(shared) {
  for (const proto::FunctionDef &def : graph.library().function())
    shared.library[def.signature().name()] = &def;
}

LogicalResult GraphReader::reportUnknownOps() {
  if (shared.unknownOps.empty())
    return success();
  auto diag = shared.report.error();
  diag << "has " << shared.unknownOps.size()
       << " nodes with ops that neither the model nor Ingot knows:";
  for (const auto &[op, node] : shared.unknownOps)
    diag << " " << op << " (node '" << node << "')";
  return diag;
}

FailureOr<func::FuncOp> GraphReader::readMain(ArrayRef<TensorName> roots,
                                              ArrayRef<FedTensor> feeds) {
  OpBuilder builder(module.getBodyRegion());
  BodyReader body(graph.node(), "", shared);
  for (const FedTensor &feed : feeds)
    body.addFeed(feed);
  std::vector<std::string> names;
  for (const TensorName &root : roots)
    names.push_back(root.str());
  if (failed(body.index()) || failed(body.markLive(names)) || failed(body.resolve()))
    return failure();

  std::string symbol = "main";
  while (shared.library.count(symbol))
    symbol += "_";
  auto main = func::FuncOp::create(builder, NameLoc::get(builder.getStringAttr("main")), symbol,
                                   builder.getFunctionType({}, {}));
  main.setPrivate();
  OpBuilder inner = OpBuilder::atBlockBegin(main.addEntryBlock());
  if (shared.unknownOps.empty()) {
    for (const TensorName &root : roots) {
      int outputs = body.numOutputs(root.node);
      bool fed = llvm::any_of(
          feeds, [&](const FedTensor &feed) { return feed.tensor.str() == root.str(); });
      if (!fed && root.output >= outputs) {
        shared.report.error() << "node '" << root.node << "' has " << outputs << " outputs, "
                              << root.node << ":" << root.output << " is asked for";
        return failure();
      }
    }
    if (failed(body.sort()) || failed(body.emit(inner, ValueRange())))
      return failure();
  }
  func::ReturnOp::create(inner, main.getLoc());

  // Functions request further functions while they are read.
  for (size_t i = 0; i < shared.pending.size(); ++i) {
    const std::string name = shared.pending[i];
    auto found = shared.library.find(name);
    if (found == shared.library.end()) {
      shared.report.error() << "calls the function '" << name
                            << "', which its library does not hold";
      return failure();
    }
    if (failed(readFunction(*found->second)))
      return failure();
  }
  if (failed(reportUnknownOps()))
    return failure();
  return main;
}

/// Attributes of a function or of its argument, as one dictionary.
static FailureOr<DictionaryAttr>
readAttrs(const google::protobuf::Map<std::string, proto::AttrValue> &map, llvm::StringRef function,
          GraphContext &shared) {
  NamedAttrList attrs;
  for (const auto &[name, value] : map) {
    shared.attributes.error.clear();
    Attribute attr = shared.attributes.read(value, function);
    if (!attr) {
      shared.report.error() << "function '" << function << "': attribute '" << name
                            << "': " << shared.attributes.error;
      return failure();
    }
    attrs.set(name, attr);
  }
  return attrs.getDictionary(shared.report.getContext());
}

LogicalResult GraphReader::readFunction(const proto::FunctionDef &def) {
  const proto::OpDef &signature = def.signature();
  llvm::StringRef name = signature.name();
  MLIRContext *context = shared.report.getContext();
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(module.getBody());
  BodyReader body(def.node_def(), name, shared);

  SmallVector<Type> argTypes;
  for (const auto &arg : signature.input_arg()) {
    Type type = elementType(context, arg.type());
    if (!type)
      return shared.report.error() << "function '" << name << "': argument '" << arg.name()
                                   << "' has the unknown dtype " << static_cast<int>(arg.type());
    body.addArgument(arg.name(), type);
    argTypes.push_back(UnrankedTensorType::get(type));
  }
  if (failed(body.index()) || failed(body.markLive({})) || failed(body.resolve()))
    return failure();
  if (!shared.unknownOps.empty())
    return success();
  for (const std::string &control : signature.control_output()) {
    auto node = def.control_ret().find(control);
    if (node == def.control_ret().end())
      return shared.report.error()
             << "function '" << name << "' lacks its control output '" << control << "'";
    if (failed(body.requestControl(node->second)))
      return failure();
  }
  auto func = func::FuncOp::create(builder, NameLoc::get(builder.getStringAttr(name)), name,
                                   builder.getFunctionType(argTypes, {}));
  func.setPrivate();
  OpBuilder inner = OpBuilder::atBlockBegin(func.addEntryBlock());
  if (failed(body.sort()) || failed(body.emit(inner, func.getArguments())))
    return failure();

  SmallVector<Value> returned;
  SmallVector<Attribute> resultNames;
  for (const auto &result : signature.output_arg()) {
    auto found = def.ret().find(result.name());
    if (found == def.ret().end())
      return shared.report.error()
             << "function '" << name << "' lacks its output '" << result.name() << "'";
    auto value = body.valueOf(found->second);
    if (failed(value))
      return failure();
    returned.push_back(*value);
    resultNames.push_back(builder.getStringAttr(result.name()));
  }
  for (const std::string &control : signature.control_output()) {
    returned.push_back(*body.controlOf(def.control_ret().at(control)));
    resultNames.push_back(builder.getStringAttr(control));
  }
  func::ReturnOp::create(inner, func.getLoc(), returned);
  func.setFunctionType(builder.getFunctionType(argTypes, ValueRange(returned).getTypes()));

  for (int i = 0, e = signature.input_arg_size(); i < e; ++i) {
    func.setArgAttr(i, "graph.name", builder.getStringAttr(signature.input_arg(i).name()));
    auto attrs = def.arg_attr().find(i);
    if (attrs == def.arg_attr().end())
      continue;
    auto dictionary = readAttrs(attrs->second.attr(), name, shared);
    if (failed(dictionary))
      return failure();
    func.setArgAttr(i, "graph.attrs", *dictionary);
  }
  for (auto [i, resultName] : llvm::enumerate(resultNames))
    func.setResultAttr(i, "graph.name", resultName);
  auto attrs = readAttrs(def.attr(), name, shared);
  if (failed(attrs))
    return failure();
  if (!attrs->empty())
    func->setAttr("graph.attrs", *attrs);
  if (signature.is_stateful())
    func->setAttr("graph.stateful", builder.getUnitAttr());
  return success();
}
