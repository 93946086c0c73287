// Registration and verifiers of the rt dialect.
#include "compiler/dialects/Rt/Rt.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::rt;

#include "compiler/dialects/Rt/RtDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialects/Rt/RtTypes.cpp.inc"

// A region without terminator may be empty in text, but always has its block.
static ParseResult parseBody(OpAsmParser &parser, Region &region) {
  if (parser.parseRegion(region))
    return failure();
  if (region.empty())
    region.emplaceBlock();
  return success();
}
static void printBody(OpAsmPrinter &printer, Operation *, Region &region) {
  printer.printRegion(region);
}

#define GET_OP_CLASSES
#include "compiler/dialects/Rt/RtOps.cpp.inc"

void RtDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialects/Rt/RtTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialects/Rt/RtOps.cpp.inc"
      >();
}

LogicalResult ProgramOp::verify() {
  if (getBindings().size() != 2 * getSymbols().size())
    return emitOpError("has ") << getSymbols().size() << " entry symbols but "
                               << getBindings().size() / 2 << " bindings";
  if (getBounds().size() != getDataSymbols().size())
    return emitOpError("has ") << getDataSymbols().size() << " data symbols but "
                               << getBounds().size() << " bounds";
  for (ArrayAttr list : {getInputs(), getOutputs()})
    for (Attribute entry : list) {
      auto dictionary = dyn_cast<DictionaryAttr>(entry);
      if (!dictionary || !dictionary.getAs<StringAttr>("name") ||
          !dictionary.getAs<TypeAttr>("type"))
        return emitOpError("inputs and outputs must be {name = \"...\", type = tensor<...>}");
    }
  if (getArena().size() != 1)
    return emitOpError("arena must be one size");
  return success();
}

LogicalResult SliceOp::verify() {
  if (getOffset().size() != 1 || getBytes().size() != 1)
    return emitOpError("offset and bytes must be one size each");
  return success();
}

LogicalResult RequireOp::verify() {
  if (getSizes().size() != 2)
    return emitOpError("takes two sizes");
  return success();
}

LogicalResult WhileOp::verify() {
  Block &block = getCond().front();
  if (block.empty() || !isa<ConditionOp>(block.back()))
    return emitOpError("condition region must end in rt.condition");
  return success();
}
