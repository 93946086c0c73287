// Values for a model's variables from outside: what `ingot train --save` wrote
// becomes part of an artifact for inference.
#ifndef INGOT_COMPILER_VARIABLES_H
#define INGOT_COMPILER_VARIABLES_H

#include "compiler/Compiler.h"
#include "mlir/IR/BuiltinOps.h"

namespace ingot {

/// Gives the module's nn.variables these values. Every trainable variable must be
/// there with its shape and dtype; an optimizer's own variables are passed over,
/// other unknown names are errors.
mlir::LogicalResult setVariables(mlir::ModuleOp module, const VariableValues &values);

} // namespace ingot

#endif // INGOT_COMPILER_VARIABLES_H
