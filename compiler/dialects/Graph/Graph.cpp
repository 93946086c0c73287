// Implementation of the graph dialect: registration, verifiers and the typed
// access to node attributes.
#include "compiler/dialects/Graph/Graph.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ingot::graph;

#include "compiler/dialects/Graph/GraphDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "compiler/dialects/Graph/GraphTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialects/Graph/GraphAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialects/Graph/GraphOps.cpp.inc"

void GraphDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialects/Graph/GraphTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialects/Graph/GraphAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialects/Graph/GraphOps.cpp.inc"
      >();
}

llvm::StringRef ingot::graph::nodeNameOf(Location loc) {
  StringRef found;
  loc->walk([&](Location inner) {
    auto name = dyn_cast<NameLoc>(inner);
    if (!name)
      return WalkResult::advance();
    found = name.getName().getValue();
    return WalkResult::interrupt();
  });
  return found;
}

//===----------------------------------------------------------------------===//
// NodeOp
//===----------------------------------------------------------------------===//

void NodeOp::build(OpBuilder &builder, OperationState &state, StringRef op, TypeRange types,
                   ValueRange operands, ArrayRef<NamedAttribute> attrs, StringRef name) {
  build(builder, state, types, builder.getStringAttr(op),
        builder.getStringAttr(name.empty() ? nodeNameOf(state.location) : name),
        builder.getDictionaryAttr(attrs), StringAttr(), operands);
}

OperandRange NodeOp::getInputs() {
  OperandRange all = getOperation()->getOperands();
  unsigned n = all.size();
  while (n > 0 && isControl(all[n - 1]))
    --n;
  return all.take_front(n);
}

OperandRange NodeOp::getControlInputs() {
  return getOperation()->getOperands().drop_front(getInputs().size());
}

Value NodeOp::getControl() {
  ResultRange all = getOperation()->getResults();
  return !all.empty() && isControl(all.back()) ? Value(all.back()) : Value();
}

ResultRange NodeOp::getOutputs() {
  return getOperation()->getResults().drop_back(getControl() ? 1 : 0);
}

std::optional<int64_t> NodeOp::intAttr(StringRef name) {
  auto value = attrOfType<IntegerAttr>(name);
  if (!value || isa<BoolAttr>(value))
    return std::nullopt;
  return value.getInt();
}

std::optional<double> NodeOp::floatAttr(StringRef name) {
  auto value = attrOfType<FloatAttr>(name);
  return value ? std::optional<double>(value.getValueAsDouble()) : std::nullopt;
}

std::optional<bool> NodeOp::boolAttr(StringRef name) {
  auto value = attrOfType<BoolAttr>(name);
  return value ? std::optional<bool>(value.getValue()) : std::nullopt;
}

std::optional<StringRef> NodeOp::stringAttr(StringRef name) {
  auto value = attrOfType<StringAttr>(name);
  return value ? std::optional<StringRef>(value.getValue()) : std::nullopt;
}

Type NodeOp::typeAttr(StringRef name) {
  auto value = attrOfType<TypeAttr>(name);
  return value ? value.getValue() : Type();
}

std::optional<SmallVector<int64_t>> NodeOp::intsAttr(StringRef name) {
  auto array = attrOfType<ArrayAttr>(name);
  if (!array)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (Attribute element : array) {
    auto value = dyn_cast<IntegerAttr>(element);
    if (!value)
      return std::nullopt;
    values.push_back(value.getInt());
  }
  return values;
}

std::optional<ArrayRef<int64_t>> NodeOp::shapeAttr(StringRef name) {
  auto value = attrOfType<DenseI64ArrayAttr>(name);
  return value ? std::optional<ArrayRef<int64_t>>(value.asArrayRef()) : std::nullopt;
}

FlatSymbolRefAttr NodeOp::funcAttr(StringRef name) {
  Attribute value = attr(name);
  if (auto func = dyn_cast_or_null<FuncAttr>(value))
    return func.getCallee();
  return dyn_cast_or_null<FlatSymbolRefAttr>(value);
}

void NodeOp::setNodeAttr(StringRef name, Attribute value) {
  NamedAttrList list(getAttrs());
  list.set(name, value);
  setAttrsAttr(list.getDictionary(getContext()));
}

void NodeOp::removeNodeAttr(StringRef name) {
  NamedAttrList list(getAttrs());
  list.erase(name);
  setAttrsAttr(list.getDictionary(getContext()));
}

LogicalResult NodeOp::verify() {
  bool control = false;
  for (Value operand : getOperation()->getOperands()) {
    if (isControl(operand))
      control = true;
    else if (control)
      return emitOpError("has a data input after a control input");
    else if (!isa<TensorType>(operand.getType()))
      return emitOpError("has an input that is neither a tensor nor a control "
                         "edge: ")
             << operand.getType();
  }
  for (OpResult result : getOperation()->getResults()) {
    if (isControl(result)) {
      if (result.getResultNumber() + 1 != getOperation()->getNumResults())
        return emitOpError("has an output after its control result");
    } else if (!isa<TensorType>(result.getType())) {
      return emitOpError("has an output that is neither a tensor nor a control "
                         "edge: ")
             << result.getType();
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// VariableOp
//===----------------------------------------------------------------------===//

LogicalResult VariableOp::verify() {
  auto type = dyn_cast<TensorType>(getType());
  if (!type)
    return emitOpError("must have a tensor type, has ") << getType();
  if (!getValue())
    return success();
  auto valueType = getValue()->getShapedType();
  if (valueType.getElementType() != type.getElementType())
    return emitOpError("holds a value of type ") << valueType << ", but is declared " << type;
  return success();
}
