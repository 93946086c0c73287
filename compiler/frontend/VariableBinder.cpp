// See VariableBinder.h.
#include "compiler/frontend/VariableBinder.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/GraphReader.h"
#include "compiler/frontend/ModelFiles.h"
#include "compiler/frontend/Types.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

static constexpr llvm::StringLiteral kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

bool frontend::isVariableHandle(llvm::StringRef op) {
  return op == "VarHandleOp" || op == "VariableV2" || op == "Variable";
}

/// Node name of an input such as `^a`, `a:0`.
static std::string nodeOf(llvm::StringRef input) {
  input.consume_front("^");
  return input.split(':').first.str();
}

LogicalResult VariableBinder::mapObjects(std::vector<int> &toCheckpoint,
                                         proto::TrackableObjectGraph &checkpoint) {
  const auto &saved = meta->object_graph_def();
  auto bytes = bundle->readString(kObjectGraphKey);
  if (failed(bytes))
    return failure();
  if (!parseMessage(*bytes, checkpoint))
    return report.error() << "the checkpoint's object graph is corrupt";
  // Both graphs hang on the same root; walk them along equal child names.
  toCheckpoint.assign(saved.nodes_size(), -1);
  if (saved.nodes_size() == 0 || checkpoint.nodes_size() == 0)
    return success();
  toCheckpoint[0] = 0;
  std::vector<int> work = {0};
  while (!work.empty()) {
    int node = work.back();
    work.pop_back();
    std::map<std::string, int> children;
    for (const auto &child : checkpoint.nodes(toCheckpoint[node]).children())
      children[child.local_name()] = child.node_id();
    for (const auto &child : saved.nodes(node).children()) {
      auto match = children.find(child.local_name());
      int id = child.node_id();
      if (match == children.end() || id < 0 || id >= saved.nodes_size() || toCheckpoint[id] >= 0 ||
          match->second < 0 || match->second >= checkpoint.nodes_size())
        continue;
      toCheckpoint[id] = match->second;
      work.push_back(id);
    }
  }
  return success();
}

LogicalResult VariableBinder::collectCaptures() {
  const auto &saved = meta->object_graph_def();
  if (saved.concrete_functions().empty() || !bundle || !bundle->contains(kObjectGraphKey))
    return success();
  proto::TrackableObjectGraph checkpoint;
  std::vector<int> toCheckpoint;
  if (failed(mapObjects(toCheckpoint, checkpoint)))
    return failure();

  for (const proto::NodeDef &node : meta->graph_def().node()) {
    auto attr = node.attr().find("f");
    if (attr == node.attr().end() || !attr->second.has_func())
      continue;
    auto function = saved.concrete_functions().find(attr->second.func().name());
    if (function == saved.concrete_functions().end())
      continue;
    SmallVector<std::string> inputs;
    for (const std::string &input : node.input())
      if (!llvm::StringRef(input).starts_with("^"))
        inputs.push_back(nodeOf(input));
    const auto &bound = function->second.bound_inputs();
    if (bound.size() > static_cast<int>(inputs.size()))
      return report.error(node.name(), node.op())
             << "has " << inputs.size() << " inputs, but function '" << function->first
             << "' captures " << bound.size();
    // Captures come after the user's arguments.
    size_t first = inputs.size() - bound.size();
    for (int i = 0; i < bound.size(); ++i) {
      int object = bound[i];
      if (object < 0 || object >= saved.nodes_size() || !saved.nodes(object).has_variable())
        continue;
      Binding &binding = bindings[inputs[first + i]];
      binding.object = object;
      binding.trainable = saved.nodes(object).variable().trainable();
      if (toCheckpoint[object] < 0)
        continue;
      for (const auto &value : checkpoint.nodes(toCheckpoint[object]).attributes())
        if (value.name() == "VARIABLE_VALUE")
          binding.key = value.checkpoint_key();
    }
  }
  return success();
}

LogicalResult VariableBinder::collectRestores() {
  llvm::StringMap<const proto::NodeDef *> byName;
  for (const proto::NodeDef &node : meta->graph_def().node())
    byName[node.name()] = &node;
  for (const proto::NodeDef &node : meta->graph_def().node()) {
    if ((node.op() != "Assign" && node.op() != "AssignVariableOp") || node.input_size() < 2)
      continue;
    std::string source = node.input(1);
    const proto::NodeDef *value = byName.lookup(nodeOf(source));
    while (value && value->op() == "Identity" && value->input_size() > 0) {
      source = value->input(0);
      value = byName.lookup(nodeOf(source));
    }
    if (!value || value->op() != "RestoreV2" || value->input_size() < 3)
      continue;
    // Names and slices of what RestoreV2 reads, one for each output.
    auto strings = [&](int input, int index) -> std::string {
      const proto::NodeDef *list = byName.lookup(nodeOf(value->input(input)));
      if (!list || !list->attr().count("value"))
        return "";
      const auto &values = list->attr().at("value").tensor().string_val();
      return index < values.size() ? values[index] : "";
    };
    int index = TensorName::parse(source).output;
    Binding &binding = bindings[nodeOf(node.input(0))];
    binding.key = strings(1, index);
    binding.slice = strings(2, index);
  }
  return success();
}

void VariableBinder::collectTrainable() {
  auto found = meta->collection_def().find("trainable_variables");
  if (found == meta->collection_def().end())
    return;
  for (const std::string &bytes : found->second.bytes_list().value()) {
    proto::VariableDef def;
    if (parseMessage(bytes, def))
      trainable[nodeOf(def.variable_name())] = true;
  }
}

LogicalResult VariableBinder::createVariable(Operation *op, SymbolTable &symbols,
                                             OpBuilder &builder) {
  auto node = cast<graph::NodeOp>(op);
  std::string name = node.getName().str();
  std::string shared = node.stringAttr("shared_name").value_or("").str();
  std::string shown = shared.empty() ? name : shared;
  Binding binding = bindings[name];
  if (binding.key.empty() && bundle)
    for (const std::string &candidate : {name, shared})
      if (binding.key.empty() && bundle->contains(candidate))
        binding.key = candidate;
  binding.trainable |= trainable.count(name);

  std::string identity = binding.object >= 0
                             ? "#" + std::to_string(binding.object)
                             : node.stringAttr("container").value_or("").str() + "/" + shown;
  auto known = symbolOf.find(identity);
  if (known != symbolOf.end()) {
    node->setAttr("ingot.variable", FlatSymbolRefAttr::get(known->second));
    return success();
  }

  Type element = node.typeAttr("dtype");
  if (!element)
    return report.error(name, node.getOp()) << "lacks the attribute 'dtype'";
  Type type = UnrankedTensorType::get(element);
  auto declared = node.shapeAttr("shape");
  if (declared) {
    SmallVector<int64_t> dims(*declared);
    for (int64_t &dim : dims)
      dim = dim < 0 ? ShapedType::kDynamic : dim;
    type = RankedTensorType::get(dims, element);
  }
  ElementsAttr value;
  if (!binding.key.empty()) {
    auto read = bundle->read(binding.key, shown, binding.slice);
    if (failed(read))
      return failure();
    value = *read;
    if (value.getElementType() != element ||
        failed(verifyCompatibleShape(value.getShapedType(), type)))
      return report.error(name, node.getOp())
             << "is " << type << " in the graph, but the checkpoint holds " << value.getShapedType()
             << " for '" << binding.key << "'";
    type = value.getShapedType();
  }
  auto variable = graph::VariableOp::create(
      builder, node.getLoc(), builder.getStringAttr(shown), TypeAttr::get(type), value,
      binding.trainable ? builder.getUnitAttr() : UnitAttr(),
      binding.key.empty() ? StringAttr() : builder.getStringAttr(binding.key));
  StringAttr symbol = symbols.insert(variable);
  symbolOf[identity] = symbol;
  node->setAttr("ingot.variable", FlatSymbolRefAttr::get(symbol));
  return success();
}

LogicalResult VariableBinder::bind(func::FuncOp main) {
  if (meta) {
    collectTrainable();
    if (bundle && (failed(collectRestores()) || failed(collectCaptures())))
      return failure();
  }
  SmallVector<graph::NodeOp> handles;
  main.walk([&](graph::NodeOp node) {
    if (isVariableHandle(node.getOp()))
      handles.push_back(node);
  });
  ModuleOp module = main->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  OpBuilder builder(main);
  for (graph::NodeOp node : handles)
    if (failed(createVariable(node, symbols, builder)))
      return failure();
  return success();
}
