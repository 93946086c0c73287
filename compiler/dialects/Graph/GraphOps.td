// The graph dialect: TensorFlow graphs without loss. A function body is a list
// of graph.node; data and control edges are SSA values, names and devices are
// kept, so that a module writes back to the GraphDef it came from.
#ifndef INGOT_DIALECTS_GRAPH_OPS
#define INGOT_DIALECTS_GRAPH_OPS

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::ingot::graph";
  let summary = "TensorFlow graphs, lossless";
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class Graph_Type<string name, string mnem> : TypeDef<Graph_Dialect, name> {
  let mnemonic = mnem;
}

def Graph_ControlType : Graph_Type<"Control", "control"> {
  let summary = "a control edge: order without data";
}
def Graph_ResourceType : Graph_Type<"Resource", "resource"> {
  let summary = "element type of a handle (DT_RESOURCE)";
}
def Graph_VariantType : Graph_Type<"Variant", "variant"> {
  let summary = "element type of a variant, such as a TensorList (DT_VARIANT)";
}
def Graph_StringType : Graph_Type<"String", "string"> {
  let summary = "element type of byte strings (DT_STRING)";
}
def Graph_RefType : Graph_Type<"Ref", "ref"> {
  let summary = "element type of a TensorFlow 1 reference (DT_..._REF)";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}
def Graph_DtypeType : Graph_Type<"Dtype", "dtype"> {
  let summary = "an element type the compiler has no type for, such as DT_QINT8";
  let parameters = (ins StringRefParameter<>:$name);
  let assemblyFormat = "`<` $name `>`";
}

class Graph_Attr<string name, string mnem> : AttrDef<Graph_Dialect, name> {
  let mnemonic = mnem;
}

def Graph_FuncAttr : Graph_Attr<"Func", "func"> {
  let summary = "a function with attributes (NameAttrList)";
  let description = "A function without attributes is a FlatSymbolRefAttr.";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$callee, "::mlir::DictionaryAttr":$attrs);
  let assemblyFormat = "`<` $callee `,` $attrs `>`";
}
def Graph_PlaceholderAttr : Graph_Attr<"Placeholder", "placeholder"> {
  let summary = "the name of a function's own attribute, used as a value";
  let parameters = (ins StringRefParameter<>:$name);
  let assemblyFormat = "`<` $name `>`";
}
def Graph_TensorProtoAttr : Graph_Attr<"TensorProto", "tensor_proto"> {
  let summary = "a constant the compiler cannot compute with, as its serialized bytes";
  let parameters = (ins StringRefParameter<>:$bytes);
  let assemblyFormat = "`<` $bytes `>`";
}

class Graph_Op<string mnemonic, list<Trait> traits = []> : Op<Graph_Dialect, mnemonic, traits>;

def Graph_NodeOp : Graph_Op<"node"> {
  let summary = "one node of a graph";
  let description = [{
    `op` is TensorFlow's op name. Operands are the data inputs, then the control
    inputs (`!graph.control`). Results are the outputs, then, where something
    is ordered after the node, one `!graph.control`. `attrs` holds the
    attributes, defaults filled in:

    | int | i64 | shape | `array<i64: -1, 784>`, unknown rank: `unit` |
    |---|---|---|---|
    | float | f32 | tensor | `dense`, `dense_resource` (4 KB and more), `#graph.tensor_proto` |
    | bool | `true` | func | `@name`, or `#graph.func<@name, {attrs}>` |
    | string | string | list(x) | array of these |
    | type | type (unsigned: `ui8`) | placeholder | `#graph.placeholder<"T">` |

    ```mlir
    %0, %1 = graph.node "ReadVariableOp"(%h) "dense/Read" {dtype = f32}
        : (tensor<*x!graph.resource>) -> (tensor<*xf32>, !graph.control)
    ```
  }];
  let arguments = (ins StrAttr:$op, StrAttr:$name, DictionaryAttr:$attrs,
                       OptionalAttr<StrAttr>:$device, Variadic<AnyType>:$operands);
  let results = (outs Variadic<AnyType>:$nodeResults);
  let assemblyFormat = [{
    $op `(` $operands `)` $name (`device` `(` $device^ `)`)? $attrs
    attr-dict-with-keyword `:` functional-type($operands, $nodeResults)
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$op, "::mlir::TypeRange":$types,
      "::mlir::ValueRange":$operands, "::llvm::ArrayRef<::mlir::NamedAttribute>":$attrs,
      CArg<"::llvm::StringRef", "\"\"">:$name)>];
  let extraClassDeclaration = [{
    /// Data inputs, without the control inputs.
    ::mlir::OperandRange getInputs();
    ::mlir::OperandRange getControlInputs();
    /// Outputs, without the control result.
    ::mlir::ResultRange getOutputs();
    /// The control result, or null.
    ::mlir::Value getControl();
    ::mlir::Value getInput(unsigned i) { return getOperation()->getOperand(i); }
    ::mlir::Value getOutput(unsigned i) { return getOperation()->getResult(i); }
    bool isOp(::llvm::StringRef name) { return getOp() == name; }

    /// The attribute of that name of `attrs`, or null.
    ::mlir::Attribute attr(::llvm::StringRef name) { return getAttrs().get(name); }
    template <typename T> T attrOfType(::llvm::StringRef name) {
      return ::llvm::dyn_cast_or_null<T>(attr(name));
    }
    // Typed access; none where the attribute is absent or of another kind.
    std::optional<int64_t> intAttr(::llvm::StringRef name);
    std::optional<double> floatAttr(::llvm::StringRef name);
    std::optional<bool> boolAttr(::llvm::StringRef name);
    std::optional<::llvm::StringRef> stringAttr(::llvm::StringRef name);
    /// The element type of a `type` attribute, null if absent.
    ::mlir::Type typeAttr(::llvm::StringRef name);
    /// A `list(int)` attribute.
    std::optional<::llvm::SmallVector<int64_t>> intsAttr(::llvm::StringRef name);
    /// A `shape` attribute, -1 for unknown; none also for an unknown rank.
    std::optional<::llvm::ArrayRef<int64_t>> shapeAttr(::llvm::StringRef name);
    /// The function a `func` attribute names, or null.
    ::mlir::FlatSymbolRefAttr funcAttr(::llvm::StringRef name);
    /// Replaces or adds one attribute of `attrs`.
    void setNodeAttr(::llvm::StringRef name, ::mlir::Attribute value);
    void removeNodeAttr(::llvm::StringRef name);
  }];
}

def Graph_BackedgeOp : Graph_Op<"backedge"> {
  let summary = "an output of a node that comes later: TensorFlow 1 loops only";
  let description = [{
    A `Merge` of a `while_loop` takes the output of a `NextIteration` below it.
    The function makes loops functional at station 2; until then this operation
    stands for output `index` of the node named `node` of the same function.
  }];
  let arguments = (ins StrAttr:$node, I64Attr:$index);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$node `[` $index `]` attr-dict `:` type($result)";
}

def Graph_VariableOp : Graph_Op<"variable", [Symbol]> {
  let summary = "a variable as the model file holds it";
  let description = [{
    A handle node (`VarHandleOp`, `VariableV2`) refers to it by the attribute
    `ingot.variable = @symbol`. `value` is absent where the model has none.
    Station 2 turns the variables in use into `nn.variable`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type,
                       OptionalAttr<ElementsAttr>:$value, UnitAttr:$trainable,
                       OptionalAttr<StrAttr>:$key);
  let assemblyFormat = [{
    $sym_name (`trainable` $trainable^)? (`key` $key^)? `:` $type (`=` $value^)? attr-dict
  }];
  let hasVerifier = 1;
}

#endif // INGOT_DIALECTS_GRAPH_OPS
