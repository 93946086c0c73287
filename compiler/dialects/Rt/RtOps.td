// The rt dialect: what a signature's host program does, on buffers. Values are
// addresses; order is the program's. Made by station 7, lowered by codegen.
#ifndef INGOT_DIALECTS_RT_RTOPS
#define INGOT_DIALECTS_RT_RTOPS

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "compiler/dialects/Nn/NnBase.td"

def Rt_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::ingot::rt";
  let summary = "Host programs: dispatches and copies on buffers, structured control flow";
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::ingot::nn::NnDialect"];
}

def Rt_BufferType : TypeDef<Rt_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "The address of a dense, row-major tensor";
}

class Rt_Op<string mnemonic, list<Trait> traits = []> : Op<Rt_Dialect, mnemonic, traits>;
/// Names a buffer; costs nothing.
class Rt_Source<string mnemonic> : Rt_Op<mnemonic, [Pure]> {
  let results = (outs Rt_BufferType:$buffer);
}

//===-- Module level ------------------------------------------------------===//

def Rt_DataOp : Rt_Op<"data", [Symbol]> {
  let summary = "A constant of the artifact: bytes of its weights";
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value);
  let assemblyFormat = "$sym_name attr-dict $value";
}
def Rt_ProgramOp : Rt_Op<"program", [Symbol, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "The host program of one signature";
  let description = [{
    `inputs` and `outputs` are dictionaries {name, type} in signature order.
    `symbols` are the entry symbols, `bindings` the pairs (input, dim) that bind
    them; `data_symbols` are written by dispatches and have `bounds`. `arena` is the
    arena's size in bytes. `writes_state`: some variable is updated. `guard` is the
    number of bytes around each slice that nothing may write (`--debug-arena`).
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$signature, ArrayAttr:$inputs,
                       ArrayAttr:$outputs, StrArrayAttr:$symbols, DenseI64ArrayAttr:$bindings,
                       StrArrayAttr:$data_symbols, Nn_SizesAttr:$bounds, Nn_SizesAttr:$arena,
                       UnitAttr:$writes_state, DefaultValuedAttr<I64Attr, "0">:$guard);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword custom<Body>($body)";
  let hasVerifier = 1;
}

//===-- Buffers -----------------------------------------------------------===//

def Rt_InputOp : Rt_Source<"input"> {
  let summary = "Data of an input; never written";
  let arguments = (ins I64Attr:$index);
  let assemblyFormat = "$index attr-dict";
}
def Rt_OutputOp : Rt_Source<"output"> {
  let summary = "Data of an output";
  let arguments = (ins I64Attr:$index);
  let assemblyFormat = "$index attr-dict";
}
def Rt_VariableOp : Rt_Source<"variable"> {
  let summary = "Buffer of a variable; updated in place";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let assemblyFormat = "$variable attr-dict";
}
def Rt_ConstantOp : Rt_Source<"constant"> {
  let summary = "Address of an rt.data; never written";
  let arguments = (ins FlatSymbolRefAttr:$data);
  let assemblyFormat = "$data attr-dict";
}
def Rt_SliceOp : Rt_Source<"slice"> {
  let summary = "`bytes` bytes of the arena at `offset` (a multiple of 64)";
  let arguments = (ins Nn_SizesAttr:$offset, Nn_SizesAttr:$bytes);
  let assemblyFormat = "$offset $bytes attr-dict";
  let hasVerifier = 1;
}

//===-- Actions -----------------------------------------------------------===//

def Rt_DispatchOp : Rt_Op<"dispatch"> {
  let summary = "Runs a kernel over its grid; a status ends the program";
  let description = "Buffers: operands, then results, of the nn.dispatch it was.";
  let arguments = (ins Variadic<Rt_BufferType>:$buffers, SymbolRefAttr:$callee,
                       Nn_SizesAttr:$sizes, Nn_SizesAttr:$grid, I64Attr:$chunk,
                       Nn_SizesAttr:$scratch, StrArrayAttr:$defines);
  let assemblyFormat = "$callee `(` $buffers `)` attr-dict";
}
def Rt_CopyOp : Rt_Op<"copy"> {
  let summary = "Copies `bytes` bytes; the two buffers do not overlap";
  let arguments = (ins Rt_BufferType:$source, Rt_BufferType:$target, Nn_SizesAttr:$bytes);
  let assemblyFormat = "$source `to` $target $bytes attr-dict";
}
def Rt_RequireOp : Rt_Op<"require"> {
  let summary = "Fails unless the two sizes are equal: what the model assumes of its inputs";
  let arguments = (ins Nn_SizesAttr:$sizes);
  let assemblyFormat = "$sizes attr-dict";
  let hasVerifier = 1;
}
def Rt_BeginOp : Rt_Op<"begin"> {
  let summary = "The buffer is written next: it may be touched until rt.free (--debug-arena)";
  let arguments = (ins Rt_BufferType:$buffer, Nn_SizesAttr:$bytes);
  let assemblyFormat = "$buffer $bytes attr-dict";
}
def Rt_FreeOp : Rt_Op<"free"> {
  let summary = "The buffer's content is not read any more: filled with NaN, not to be "
                "touched before the next rt.begin (--debug-arena)";
  let arguments = (ins Rt_BufferType:$buffer, Nn_SizesAttr:$bytes);
  let assemblyFormat = "$buffer $bytes attr-dict";
}

//===-- Control flow ------------------------------------------------------===//

def Rt_ForOp : Rt_Op<"for", [NoTerminator]> {
  let summary = "`trip` iterations; the number of each is written to `counter` as an i32";
  let arguments = (ins Optional<Rt_BufferType>:$counter, Nn_SizesAttr:$trip);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$trip (`counter` $counter^)? attr-dict-with-keyword custom<Body>($body)";
}
def Rt_WhileOp : Rt_Op<"while", [NoTerminator]> {
  let summary = "`body` while `cond`, which ends in rt.condition, holds";
  let regions = (region SizedRegion<1>:$cond, SizedRegion<1>:$body);
  let assemblyFormat = "custom<Body>($cond) `do` custom<Body>($body) attr-dict";
  let hasVerifier = 1;
}
def Rt_ConditionOp : Rt_Op<"condition", [ParentOneOf<["WhileOp"]>]> {
  let summary = "The byte that says whether rt.while goes on";
  let arguments = (ins Rt_BufferType:$flag);
  let assemblyFormat = "$flag attr-dict";
}
def Rt_IfOp : Rt_Op<"if", [NoTerminator]> {
  let summary = "One of two regions, by the byte in `flag`";
  let arguments = (ins Rt_BufferType:$flag);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = "$flag custom<Body>($then_region) `else` custom<Body>($else_region) attr-dict";
}

#endif // INGOT_DIALECTS_RT_RTOPS
