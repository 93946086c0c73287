// The rt dialect: host programs on buffers. See RtOps.td.
#ifndef INGOT_DIALECTS_RT_RT_H
#define INGOT_DIALECTS_RT_RT_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/dialects/Rt/RtDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialects/Rt/RtTypes.h.inc"
#define GET_OP_CLASSES
#include "compiler/dialects/Rt/RtOps.h.inc"

#endif // INGOT_DIALECTS_RT_RT_H
