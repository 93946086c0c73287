// Makes a public function of each signature: the nodes of the main graph that
// its outputs need (control edges included), placeholders turned into arguments
// of ranked types with named sizes. The main graph goes away.
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

/// One dictionary of `graph.signatures`.
class SignatureBuilder {
public:
  SignatureBuilder(func::FuncOp main, DictionaryAttr signature,
                   const llvm::StringMap<NodeOp> &nodes)
      : main(main), signature(signature), nodes(nodes) {}

  LogicalResult build();

private:
  FailureOr<NodeOp> nodeOf(DictionaryAttr tensor);
  Type inputType(DictionaryAttr input);
  LogicalResult addInputs();
  LogicalResult collectLive();
  LogicalResult cloneBody();

  func::FuncOp main;
  DictionaryAttr signature;
  const llvm::StringMap<NodeOp> &nodes; ///< of the main graph
  StringRef name;
  func::FuncOp func;
  IRMapping mapping;
  llvm::DenseSet<Operation *> placeholders, live;
};

FailureOr<NodeOp> SignatureBuilder::nodeOf(DictionaryAttr tensor) {
  auto nodeName = tensor.getAs<StringAttr>("node");
  auto index = tensor.getAs<IntegerAttr>("index");
  NodeOp node = nodeName ? nodes.lookup(nodeName.getValue()) : NodeOp();
  if (!node && nodeName && index) // a fed output that is not the first
    node = nodes.lookup((nodeName.getValue() + "_" + Twine(index.getInt())).str());
  if (node && index)
    return node;
  main.emitError() << "signature '" << name << "' names the tensor " << tensor
                   << ", which the graph does not hold";
  return failure();
}

Type SignatureBuilder::inputType(DictionaryAttr input) {
  auto element = input.getAs<TypeAttr>("type");
  auto dims = input.getAs<ArrayAttr>("shape");
  if (!element || !dims)
    return Type();
  SmallVector<int64_t> shape;
  SmallVector<StringAttr> names;
  for (Attribute dim : dims) {
    if (auto fixed = dyn_cast<IntegerAttr>(dim)) {
      shape.push_back(fixed.getInt());
      continue;
    }
    shape.push_back(ShapedType::kDynamic);
    names.push_back(dyn_cast<StringAttr>(dim));
    if (!names.back() || !nn::SizeExpr::parse(names.back().getValue()))
      return Type();
  }
  Attribute sizes;
  if (!names.empty())
    sizes = nn::SizesAttr::get(main.getContext(), ArrayRef(names));
  return RankedTensorType::get(shape, element.getValue(), sizes);
}

LogicalResult SignatureBuilder::addInputs() {
  auto inputs = signature.getAs<ArrayAttr>("inputs");
  if (!inputs)
    return main.emitError() << "signature '" << name << "' has no inputs list";
  for (auto input : inputs.getAsRange<DictionaryAttr>()) {
    Type type = inputType(input);
    auto inputName = input.getAs<StringAttr>("name");
    if (!type || !inputName)
      return main.emitError() << "signature '" << name << "' has a malformed input " << input;
    unsigned index = func.getNumArguments();
    Location loc = main.getLoc();
    NodeOp node;
    // A signature may list an input that nothing uses.
    if (auto found = nodes.lookup(input.getAs<StringAttr>("node").getValue())) {
      auto exact = nodeOf(input);
      if (failed(exact))
        return failure();
      node = *exact;
      loc = node.getLoc();
    }
    NamedAttrList attrs;
    attrs.set("ingot.input", inputName);
    attrs.set("ingot.shape", input.get("shape"));
    if (failed(func.insertArgument(index, type, attrs.getDictionary(func.getContext()), loc)))
      return failure();
    if (!node)
      continue;
    mapping.map(node.getOutput(0), func.getArgument(index));
    placeholders.insert(node);
  }
  return success();
}

LogicalResult SignatureBuilder::collectLive() {
  SmallVector<Operation *> work;
  auto need = [&](Operation *op) {
    if (live.insert(op).second)
      work.push_back(op);
  };
  for (auto output : signature.getAs<ArrayAttr>("outputs").getAsRange<DictionaryAttr>()) {
    auto node = nodeOf(output);
    if (failed(node))
      return failure();
    need(*node);
  }
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (placeholders.contains(op))
      continue;
    if (auto backedge = dyn_cast<graph::BackedgeOp>(op)) {
      NodeOp source = nodes.lookup(backedge.getNode());
      if (!source)
        return op->emitError() << "names no node";
      need(source);
    }
    for (Value operand : op->getOperands())
      need(operand.getDefiningOp());
    auto node = dyn_cast<NodeOp>(op);
    if (node && node.isOp("Placeholder"))
      return main.emitError() << "signature '" << name << "' needs the placeholder '"
                              << node.getName() << "', which is not one of its inputs";
  }
  return success();
}

LogicalResult SignatureBuilder::cloneBody() {
  OpBuilder builder = OpBuilder::atBlockEnd(&func.getBody().front());
  for (Operation &op : main.getBody().front().without_terminator())
    if (live.contains(&op) && !placeholders.contains(&op))
      builder.clone(op, mapping);
  SmallVector<Value> results;
  for (auto output : signature.getAs<ArrayAttr>("outputs").getAsRange<DictionaryAttr>()) {
    auto node = nodeOf(output);
    unsigned index = placeholders.contains(*node) ? 0 : output.getAs<IntegerAttr>("index").getInt();
    if (failed(node) || index >= node->getOutputs().size())
      return main.emitError() << "signature '" << name << "': node '" << (*node).getName()
                              << "' has no output " << index;
    results.push_back(mapping.lookup(node->getOutput(index)));
  }
  func::ReturnOp::create(builder, main.getLoc(), results);
  func.setFunctionType(
      builder.getFunctionType(func.getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, output] :
       llvm::enumerate(signature.getAs<ArrayAttr>("outputs").getAsRange<DictionaryAttr>()))
    func.setResultAttr(i, "ingot.output", output.get("name"));
  return success();
}

LogicalResult SignatureBuilder::build() {
  name = signature.getAs<StringAttr>("name").getValue();
  OpBuilder builder(main);
  func = func::FuncOp::create(builder, NameLoc::get(builder.getStringAttr(name)), name,
                              builder.getFunctionType({}, {}));
  func.addEntryBlock();
  func->setAttr("ingot.signature", builder.getStringAttr(name));
  if (failed(addInputs()) || failed(collectLive()) || failed(cloneBody()))
    return failure();
  // The name may be taken by a function of the library or a variable.
  func->remove();
  SymbolTable(main->getParentOp()).insert(func, Block::iterator(main));
  return success();
}

struct SelectSignatures : PassWrapper<SelectSignatures, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SelectSignatures)

  StringRef getArgument() const override { return "select-signatures"; }
  StringRef getDescription() const override {
    return "Make a public function of each signature of the model";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<func::FuncDialect, graph::GraphDialect, nn::NnDialect>();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto signatures = module->getAttrOfType<ArrayAttr>("graph.signatures");
    auto symbol = module->getAttrOfType<FlatSymbolRefAttr>("graph.main");
    if (!signatures || !symbol)
      return;
    auto main = module.lookupSymbol<func::FuncOp>(symbol.getValue());
    if (!main) {
      module.emitError("has no main graph ") << symbol;
      return signalPassFailure();
    }
    llvm::StringMap<NodeOp> nodes;
    main.walk([&](NodeOp node) { nodes[node.getName()] = node; });
    for (auto signature : signatures.getAsRange<DictionaryAttr>()) {
      if (!signature.getAs<StringAttr>("name") || !signature.getAs<ArrayAttr>("outputs")) {
        main.emitError("has a malformed signature ") << signature;
        return signalPassFailure();
      }
      if (failed(SignatureBuilder(main, signature, nodes).build()))
        return signalPassFailure();
    }
    main.erase();
    module->removeAttr("graph.signatures");
    module->removeAttr("graph.main");
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createSelectSignaturesPass() {
  return std::make_unique<SelectSignatures>();
}
