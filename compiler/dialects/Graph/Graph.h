// The graph dialect (GraphOps.td) and small helpers on its nodes.
#ifndef INGOT_COMPILER_DIALECTS_GRAPH_GRAPH_H
#define INGOT_COMPILER_DIALECTS_GRAPH_GRAPH_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"

#include "compiler/dialects/Graph/GraphDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "compiler/dialects/Graph/GraphTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialects/Graph/GraphAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialects/Graph/GraphOps.h.inc"

namespace ingot::graph {

/// The node name a location carries: the first NameLoc in it, or "".
llvm::StringRef nodeNameOf(mlir::Location loc);

/// True for a value that is a control edge.
inline bool isControl(mlir::Value value) { return llvm::isa<ControlType>(value.getType()); }

/// The element type of a tensor value; null for a control edge.
inline mlir::Type elementTypeOf(mlir::Value value) {
  auto tensor = llvm::dyn_cast<mlir::TensorType>(value.getType());
  return tensor ? tensor.getElementType() : mlir::Type();
}

} // namespace ingot::graph

#endif // INGOT_COMPILER_DIALECTS_GRAPH_GRAPH_H
