// The graph dialect back to a GraphDef that TensorFlow loads.
#ifndef INGOT_COMPILER_FRONTEND_EXPORTER_H
#define INGOT_COMPILER_FRONTEND_EXPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace ingot {

/// Writes a module as a serialized GraphDef; equal modules give equal bytes.
///
/// Before station 2 this is the model's own graph (`graph.main` and the
/// functions), without loss. After it, the first signature is the main graph:
/// its inputs are placeholders of their names, its variables constants, and
/// output `name` is the node `name` (an Identity) where that name is free.
mlir::FailureOr<std::string> exportGraphDef(mlir::ModuleOp module);

} // namespace ingot

#endif // INGOT_COMPILER_FRONTEND_EXPORTER_H
