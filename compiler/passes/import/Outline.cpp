// See Outline.h.
#include "compiler/passes/import/Outline.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace ingot;

void GraphSlice::collect(ValueRange roots, llvm::SetVector<Value> &keys) {
  SmallVector<Value> work(roots.begin(), roots.end());
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *source = value.getDefiningOp();
    if (graph::isControl(value)) {
      if (!moves(source)) {
        controls.insert(value);
        continue;
      }
    } else if (Value key = keyOf(value)) {
      keys.insert(key);
      continue;
    }
    if (nodes.insert(source))
      llvm::append_range(work, source->getOperands());
  }
}

func::FuncOp GraphSlice::build(StringRef name, Location loc, ValueRange roots,
                               const llvm::SetVector<Value> &keys, SymbolTable &symbols) {
  MLIRContext *context = loc.getContext();
  OpBuilder builder(context);
  SmallVector<Type> types = unrankedTypes(ValueRange(keys.getArrayRef()).getTypes());
  auto func = func::FuncOp::create(loc, name,
                                   builder.getFunctionType(types, unrankedTypes(roots.getTypes())));
  func.setPrivate();
  Block *body = func.addEntryBlock();
  llvm::DenseMap<Value, Value> arguments;
  for (auto [key, argument] : llvm::zip(keys, body->getArguments()))
    arguments[key] = argument;

  IRMapping mapping;
  auto mapped = [&](Value value) -> Value {
    if (!graph::isControl(value))
      if (Value key = keyOf(value))
        return arguments.lookup(key);
    return mapping.lookupOrNull(value);
  };
  builder.setInsertionPointToEnd(body);
  SmallVector<Operation *> ordered(nodes.begin(), nodes.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *node : ordered) {
    SmallVector<Value> operands;
    for (Value operand : node->getOperands())
      if (Value value = mapped(operand)) // null: a control edge from outside
        operands.push_back(value);
    OperationState state(node->getLoc(), node->getName(), operands, node->getResultTypes(),
                         node->getAttrs());
    Operation *copy = builder.create(state);
    mapping.map(node->getResults(), copy->getResults());
  }
  SmallVector<Value> results;
  for (Value root : roots)
    results.push_back(mapped(root));
  func::ReturnOp::create(builder, loc, results);
  func.setFunctionType(builder.getFunctionType(types, ValueRange(results).getTypes()));
  symbols.insert(func);
  return func;
}

ArrayAttr ingot::typeListAttr(MLIRContext *context, TypeRange tensors) {
  SmallVector<Attribute> types;
  for (Type type : tensors)
    types.push_back(TypeAttr::get(cast<TensorType>(type).getElementType()));
  return ArrayAttr::get(context, types);
}

SmallVector<Type> ingot::unrankedTypes(TypeRange tensors) {
  SmallVector<Type> types;
  for (Type type : tensors)
    types.push_back(UnrankedTensorType::get(cast<TensorType>(type).getElementType()));
  return types;
}

void ingot::updateResultTypes(func::FuncOp func) {
  func.setFunctionType(
      FunctionType::get(func.getContext(), func.getArgumentTypes(),
                        func.getBody().front().getTerminator()->getOperandTypes()));
}
