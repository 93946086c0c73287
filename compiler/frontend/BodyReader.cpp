// See BodyReader.h. Loops over nodes are iterative: a graph may be a chain of
// a hundred thousand nodes.
#include "compiler/frontend/BodyReader.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Types.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

/// The most outputs a single node may declare: a bound against corrupt counts.
static constexpr int64_t kMaxArgs = 1 << 20;

BodyReader::BodyReader(const google::protobuf::RepeatedPtrField<proto::NodeDef> &defs,
                       llvm::StringRef function, GraphContext &shared)
    : shared(shared), context(shared.report.getContext()), function(function) {
  nodes.reserve(defs.size());
  for (const proto::NodeDef &def : defs)
    nodes.emplace_back().def = &def;
}

InFlightDiagnostic BodyReader::error(const Node &node) const {
  auto diag = shared.report.error(node.def->name(), node.def->op());
  if (!function.empty())
    diag << "in function '" << function << "': ";
  return diag;
}

void BodyReader::addArgument(llvm::StringRef name, Type elementType) {
  arguments[name] = argumentTypes.size();
  argumentTypes.push_back(elementType);
}

LogicalResult BodyReader::index() {
  for (int i = 0, e = nodes.size(); i < e; ++i) {
    const proto::NodeDef &def = *nodes[i].def;
    if (def.op().empty() || def.name().empty())
      return shared.report.error()
             << "has a node without " << (def.op().empty() ? "an op" : "a name") << " (number " << i
             << "): it is not a GraphDef, or corrupt";
    if (!byName.try_emplace(def.name(), i).second || arguments.count(def.name()))
      return error(nodes[i]) << "another node has the same name";
  }
  return success();
}

std::pair<llvm::StringRef, llvm::StringRef> BodyReader::splitInput(llvm::StringRef text) {
  text.consume_front("^");
  return text.split(':');
}

int BodyReader::findFeed(llvm::StringRef name, llvm::StringRef suffix) const {
  int output = 0;
  if (!suffix.empty() && suffix.getAsInteger(10, output))
    return -1;
  for (int i = 0, e = feeds.size(); i < e; ++i)
    if (feeds[i].tensor.node == name && feeds[i].tensor.output == output)
      return i;
  return -1;
}

LogicalResult BodyReader::markLive(ArrayRef<std::string> roots) {
  std::vector<int> work;
  auto mark = [&](int i) {
    if (!nodes[i].live) {
      nodes[i].live = true;
      work.push_back(i);
    }
  };
  if (roots.empty())
    for (int i = 0, e = nodes.size(); i < e; ++i)
      mark(i);
  for (const std::string &root : roots) {
    auto [name, suffix] = splitInput(root);
    if (findFeed(name, suffix) >= 0)
      continue;
    auto found = byName.find(name);
    if (found == byName.end())
      return shared.report.error() << "has no node '" << name << "'";
    mark(found->second);
  }
  while (!work.empty()) {
    int i = work.back();
    work.pop_back();
    for (const std::string &text : nodes[i].def->input()) {
      auto [name, suffix] = splitInput(text);
      bool control = llvm::StringRef(text).starts_with("^");
      if (arguments.count(name) || findFeed(name, control ? llvm::StringRef() : suffix) >= 0)
        continue;
      auto found = byName.find(name);
      if (found == byName.end())
        return error(nodes[i]) << "input '" << text << "' names no node of the graph";
      mark(found->second);
    }
  }
  return success();
}

const proto::AttrValue *BodyReader::attrOf(const Node &node, llvm::StringRef name) const {
  auto found = node.def->attr().find(name.str());
  if (found != node.def->attr().end())
    return &found->second;
  for (const auto &attr : node.op->attr())
    if (attr.name() == name && attr.has_default_value())
      return &attr.default_value();
  return nullptr;
}

LogicalResult
BodyReader::expandArgs(const Node &node,
                       const google::protobuf::RepeatedPtrField<proto::OpDef::ArgDef> &args,
                       SmallVectorImpl<Type> &types, SmallVectorImpl<Output> *outputs) {
  auto missing = [&](const std::string &name) {
    return error(node) << "lacks the attribute '" << name << "'";
  };
  for (const auto &arg : args) {
    int first = types.size();
    auto add = [&](proto::DataType dtype) -> LogicalResult {
      if (dtype > 100)
        dtype = static_cast<proto::DataType>(dtype - 100);
      Type type = elementType(context, dtype);
      if (!type)
        return error(node) << "argument '" << arg.name() << "' has the unknown "
                           << "dtype " << static_cast<int>(dtype);
      types.push_back(type);
      return success();
    };
    if (!arg.type_list_attr().empty()) {
      const auto *list = attrOf(node, arg.type_list_attr());
      if (!list)
        return missing(arg.type_list_attr());
      for (int dtype : list->list().type())
        if (failed(add(static_cast<proto::DataType>(dtype))))
          return failure();
    } else {
      proto::DataType dtype = arg.type();
      int64_t count = 1;
      if (!arg.type_attr().empty()) {
        const auto *type = attrOf(node, arg.type_attr());
        if (!type)
          return missing(arg.type_attr());
        dtype = type->type();
      }
      if (!arg.number_attr().empty()) {
        const auto *number = attrOf(node, arg.number_attr());
        if (!number)
          return missing(arg.number_attr());
        count = number->i();
      }
      if (count < 0 || count > kMaxArgs)
        return error(node) << "attribute '" << arg.number_attr() << "' is " << count
                           << ", not a number of tensors";
      for (int64_t i = 0; i < count; ++i)
        if (failed(add(dtype)))
          return failure();
    }
    if (outputs)
      outputs->push_back({arg.name(), first, static_cast<int>(types.size()) - first});
  }
  return success();
}

void BodyReader::requestFunctions(const proto::AttrValue &value) {
  if (value.has_func() && !value.func().name().empty())
    shared.request(value.func().name());
  for (const auto &func : value.list().func())
    shared.request(func.name());
}

LogicalResult BodyReader::resolveSignature(Node &node) {
  node.op = shared.signatureOf(node.def->op());
  for (const auto &[name, value] : node.def->attr())
    requestFunctions(value);
  if (!node.op) {
    shared.unknownOps.emplace_back(node.def->op(), node.def->name());
    return success();
  }
  if (shared.library.count(node.def->op()))
    shared.request(node.def->op());
  if (failed(expandArgs(node, node.op->input_arg(), node.inputTypes, nullptr)))
    return failure();
  return expandArgs(node, node.op->output_arg(), node.outputTypes, &node.outputs);
}

FailureOr<int> BodyReader::outputNumber(const Node &node, const Node &source,
                                        llvm::StringRef suffix) {
  int number = 0;
  auto bad = [&]() -> FailureOr<int> {
    error(node) << "input '" << source.def->name() << ":" << suffix << "' names no output of "
                << source.def->op() << " '" << source.def->name() << "', which has "
                << source.outputTypes.size();
    return failure();
  };
  if (suffix.empty() && source.outputTypes.size() > 0)
    return 0;
  auto [arg, rest] = suffix.split(':');
  if (!function.empty() && arg.getAsInteger(10, number)) {
    for (const Output &output : source.outputs) {
      if (output.arg != arg)
        continue;
      if (rest.getAsInteger(10, number) || number < 0 || number >= output.count)
        return bad();
      return output.first + number;
    }
    return bad();
  }
  if (suffix.getAsInteger(10, number) || number < 0 ||
      number >= static_cast<int>(source.outputTypes.size()))
    return bad();
  return number;
}

FailureOr<BodyReader::Input> BodyReader::parseInput(const Node &node, llvm::StringRef text) {
  Input input;
  input.control = text.starts_with("^");
  auto [name, suffix] = splitInput(text);
  auto arg = arguments.find(name);
  if (arg != arguments.end()) {
    input.kind = Input::Argument;
    input.index = arg->second;
    return input;
  }
  if (int feed = findFeed(name, input.control ? "" : suffix); feed >= 0) {
    input.kind = Input::Feed;
    input.index = feed;
    return input;
  }
  auto found = byName.find(name);
  if (found == byName.end()) {
    error(node) << "input '" << text << "' names no node of the graph";
    return failure();
  }
  input.index = found->second;
  const Node &source = nodes[input.index];
  if (input.control)
    return input;
  auto number = outputNumber(node, source, suffix);
  if (failed(number))
    return failure();
  input.output = *number;
  input.backedge = source.def->op() == "NextIteration" || source.def->op() == "RefNextIteration";
  return input;
}

Type BodyReader::typeOf(const Input &input) const {
  switch (input.kind) {
  case Input::Argument:
    return argumentTypes[input.index];
  case Input::Feed:
    return feeds[input.index].elementType;
  case Input::Node:
    return nodes[input.index].outputTypes[input.output];
  }
  return Type();
}

LogicalResult BodyReader::resolveInputs(Node &node) {
  for (const std::string &text : node.def->input()) {
    auto input = parseInput(node, text);
    if (failed(input))
      return failure();
    if (input->control) {
      // A fed node and an argument are there before everything else.
      if (input->kind != Input::Node)
        continue;
      nodes[input->index].needsControl = true;
    } else if (!node.inputs.empty() && node.inputs.back().control) {
      return error(node) << "data input '" << text << "' comes after a control input";
    }
    node.inputs.push_back(*input);
  }
  unsigned numData = llvm::count_if(node.inputs, [](const Input &input) { return !input.control; });
  if (numData != node.inputTypes.size())
    return error(node) << "has " << numData << " inputs, " << node.def->op() << " takes "
                       << node.inputTypes.size();
  for (unsigned i = 0; i < numData; ++i) {
    Type given = typeOf(node.inputs[i]);
    if (given && given != node.inputTypes[i])
      return error(node) << "input " << i << " ('" << node.def->input(i) << "') is of type "
                         << given << ", expected " << node.inputTypes[i];
  }
  return success();
}

LogicalResult BodyReader::resolve() {
  for (Node &node : nodes)
    if (node.live && failed(resolveSignature(node)))
      return failure();
  // Without the signatures nothing more can be said.
  if (!shared.unknownOps.empty())
    return success();
  // A tensor fed without a type has that of the output it replaces.
  for (FedTensor &feed : feeds) {
    auto found = byName.find(feed.tensor.node);
    if (found == byName.end())
      return shared.report.error() << "has no node '" << feed.tensor.node << "' to feed";
    Node &node = nodes[found->second];
    if (feed.elementType)
      continue;
    if (!node.op && failed(resolveSignature(node)))
      return failure();
    if (!node.op || feed.tensor.output >= static_cast<int>(node.outputTypes.size()))
      return error(node) << "has no output " << feed.tensor.output << " to feed";
    feed.elementType = node.outputTypes[feed.tensor.output];
  }
  for (Node &node : nodes)
    if (node.live && failed(resolveInputs(node)))
      return failure();
  return success();
}

LogicalResult BodyReader::reportCycle(ArrayRef<int> stack, int again) {
  auto diag = error(nodes[again]) << "is part of a cycle: ";
  auto *begin = llvm::find(stack, again);
  int shown = 0;
  for (auto *it = begin; it != stack.end() && shown < 8; ++it, ++shown)
    diag << nodes[*it].def->name() << " <- ";
  if (stack.end() - begin > shown)
    diag << "... <- ";
  return diag << nodes[again].def->name();
}

LogicalResult BodyReader::sort() {
  enum State : char { New, Open, Done };
  std::vector<State> state(nodes.size(), New);
  SmallVector<int> stack;
  std::vector<unsigned> next(nodes.size(), 0);
  for (int root = 0, e = nodes.size(); root < e; ++root) {
    if (!nodes[root].live || state[root] != New)
      continue;
    stack.push_back(root);
    state[root] = Open;
    while (!stack.empty()) {
      int i = stack.back();
      Node &node = nodes[i];
      if (next[i] == node.inputs.size()) {
        state[i] = Done;
        order.push_back(i);
        stack.pop_back();
        continue;
      }
      const Input &input = node.inputs[next[i]++];
      if (input.kind != Input::Node || input.backedge || state[input.index] == Done)
        continue;
      if (state[input.index] == Open)
        return reportCycle(stack, input.index);
      state[input.index] = Open;
      stack.push_back(input.index);
    }
  }
  return success();
}

/// Function and layer of a node: `a/b/c/op` belongs to the layer `a/b`.
static DictionaryAttr provenance(MLIRContext *context, llvm::StringRef name,
                                 llvm::StringRef function) {
  NamedAttrList attrs;
  if (!function.empty())
    attrs.set("function", StringAttr::get(context, function));
  size_t end = name.find('/');
  if (end != llvm::StringRef::npos) {
    size_t second = name.find('/', end + 1);
    attrs.set(
        "layer",
        StringAttr::get(context, name.take_front(second == llvm::StringRef::npos ? end : second)));
  }
  return attrs.empty() ? DictionaryAttr() : attrs.getDictionary(context);
}

Location BodyReader::locationOf(llvm::StringRef node) const {
  Location name = NameLoc::get(StringAttr::get(context, node));
  DictionaryAttr meta = provenance(context, node, function);
  return meta ? Location(FusedLoc::get(context, {name}, meta)) : name;
}

FailureOr<DictionaryAttr> BodyReader::attributesOf(const Node &node) {
  NamedAttrList attrs;
  auto add = [&](const std::string &name, const proto::AttrValue &value) -> LogicalResult {
    shared.attributes.error.clear();
    Attribute attr = shared.attributes.read(value, node.def->name());
    if (!attr)
      return error(node) << "attribute '" << name << "': " << shared.attributes.error;
    attrs.set(name, attr);
    return success();
  };
  for (const auto &[name, value] : node.def->attr())
    if (failed(add(name, value)))
      return failure();
  for (const auto &attr : node.op->attr())
    if (attr.has_default_value() && !attrs.get(attr.name()) &&
        failed(add(attr.name(), attr.default_value())))
      return failure();
  return attrs.getDictionary(context);
}

LogicalResult BodyReader::emitNode(OpBuilder &builder, Node &node) {
  SmallVector<Value> operands;
  for (const Input &input : node.inputs) {
    if (input.kind == Input::Argument) {
      operands.push_back(argumentValues[input.index]);
    } else if (input.kind == Input::Feed) {
      operands.push_back(feedValues[input.index]);
    } else if (Operation *source = nodes[input.index].operation) {
      operands.push_back(input.control ? cast<graph::NodeOp>(source).getControl()
                                       : Value(source->getResult(input.output)));
    } else {
      // Only a back edge may come from a later node (`sort`).
      operands.push_back(graph::BackedgeOp::create(builder, locationOf(node.def->name()),
                                                   UnrankedTensorType::get(typeOf(input)),
                                                   nodes[input.index].def->name(), input.output));
    }
  }
  SmallVector<Type> results;
  for (Type type : node.outputTypes)
    results.push_back(UnrankedTensorType::get(type));
  if (node.needsControl)
    results.push_back(graph::ControlType::get(context));
  auto attrs = attributesOf(node);
  if (failed(attrs))
    return failure();
  StringAttr device =
      node.def->device().empty() ? StringAttr() : builder.getStringAttr(node.def->device());
  node.operation = graph::NodeOp::create(
      builder, locationOf(node.def->name()), results, builder.getStringAttr(node.def->op()),
      builder.getStringAttr(node.def->name()), *attrs, device, operands);
  return success();
}

LogicalResult BodyReader::emitFeeds(OpBuilder &builder) {
  for (const FedTensor &feed : feeds) {
    std::string name = feed.tensor.str();
    std::replace(name.begin(), name.end(), ':', '_');
    if (feed.tensor.output != 0 && byName.count(name))
      return shared.report.error()
             << "has a node '" << name << "', so " << feed.tensor.str() << " cannot be fed";
    // A fed placeholder keeps its attributes, above all its shape.
    NamedAttrList attrs;
    const Node &node = nodes[byName.lookup(feed.tensor.node)];
    shared.attributes.error.clear();
    auto shape = node.def->attr().find("shape");
    Attribute dims = builder.getUnitAttr();
    if (feed.tensor.output == 0 && shape != node.def->attr().end() &&
        llvm::StringRef(node.def->op()).starts_with("Placeholder"))
      dims = shared.attributes.read(shape->second, name);
    if (!dims)
      return error(node) << "attribute 'shape': " << shared.attributes.error;
    attrs.set("shape", dims);
    attrs.set("dtype", TypeAttr::get(feed.elementType));
    feedValues.push_back(graph::NodeOp::create(builder, locationOf(name), "Placeholder",
                                               TypeRange(UnrankedTensorType::get(feed.elementType)),
                                               ValueRange(), attrs.getAttrs(), name)
                             .getOutput(0));
  }
  return success();
}

LogicalResult BodyReader::emit(OpBuilder &builder, ValueRange args) {
  argumentValues.assign(args.begin(), args.end());
  if (failed(emitFeeds(builder)))
    return failure();
  for (int i : order)
    if (failed(emitNode(builder, nodes[i])))
      return failure();
  return success();
}

FailureOr<Value> BodyReader::valueOf(llvm::StringRef text) {
  auto [name, suffix] = splitInput(text);
  auto arg = arguments.find(name);
  if (arg != arguments.end())
    return argumentValues[arg->second];
  auto found = byName.find(name);
  if (found == byName.end() || !nodes[found->second].operation) {
    shared.report.error() << "function '" << function << "' returns '" << text
                          << "', which names no node";
    return failure();
  }
  Node &node = nodes[found->second];
  auto number = outputNumber(node, node, suffix);
  if (failed(number))
    return failure();
  return Value(node.operation->getResult(*number));
}

LogicalResult BodyReader::requestControl(llvm::StringRef name) {
  auto found = byName.find(name);
  if (found == byName.end())
    return shared.report.error() << "function '" << function << "' runs the node '" << name
                                 << "', which it does not hold";
  nodes[found->second].needsControl = true;
  return success();
}

FailureOr<Value> BodyReader::controlOf(llvm::StringRef name) {
  return cast<graph::NodeOp>(nodes[byName.lookup(name)].operation).getControl();
}

int BodyReader::numOutputs(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? -1 : nodes[found->second].outputTypes.size();
}
