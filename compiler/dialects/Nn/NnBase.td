// The nn dialect itself: attributes, type constraints, traits, op base classes.
#ifndef INGOT_DIALECTS_NN_NNBASE
#define INGOT_DIALECTS_NN_NNBASE

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Nn_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::ingot::nn";
  let summary = "A small closed tensor algebra with named sizes and total semantics";
  let description = [{
    Operations have StableHLO's names and meaning where it has them. Operands of
    elementwise operations have identical types; broadcasting is `nn.broadcast`.
    Unknown dimensions are named by a `#nn.sizes` encoding of the tensor type.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Nn_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Nn_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Nn_SizesAttr : Nn_Attr<"Sizes", "sizes", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "A list of size expressions in canonical text";
  let description = [{
    `#nn.sizes<"2*batch + 1", 784>`. As the encoding of a tensor type it names the
    `?` dimensions in order. Numbers print without quotes.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$texts);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    static SizesAttr get(::mlir::MLIRContext *ctx, ::llvm::ArrayRef<SizeExpr> sizes);
    static SizesAttr get(::mlir::MLIRContext *ctx, ::llvm::ArrayRef<int64_t> sizes);
    ::llvm::SmallVector<SizeExpr> exprs() const;
    SizeExpr expr(unsigned i) const;
    unsigned size() const { return getTexts().size(); }
    /// All values, if every one is a number.
    std::optional<::llvm::SmallVector<int64_t>> constants() const;
  }];
  let skipDefaultBuilders = 0;
}

class Nn_Enum<string name, string enumMnemonic, list<string> cases>
    : I32EnumAttr<name, name, !foldl([]<I32EnumAttrCase>, cases, acc, c,
        !listconcat(acc, [I32EnumAttrCase<c, !size(acc)>]))> {
  let cppNamespace = "::ingot::nn";
  let genSpecializedAttr = 0;
}

def Nn_ReduceKindEnum : Nn_Enum<"ReduceKind", "reduce_kind",
    ["sum", "prod", "max", "min", "all", "any"]>;
def Nn_ReduceKind : EnumAttr<Nn_Dialect, Nn_ReduceKindEnum, "reduce_kind">;

def Nn_CompareDirectionEnum : Nn_Enum<"CompareDirection", "compare_direction",
    ["eq", "ne", "lt", "le", "gt", "ge"]>;
def Nn_CompareDirection : EnumAttr<Nn_Dialect, Nn_CompareDirectionEnum, "compare_direction">;

def Nn_ScatterKindEnum : Nn_Enum<"ScatterKind", "scatter_kind",
    ["update", "add", "sub", "mul", "min", "max"]>;
def Nn_ScatterKind : EnumAttr<Nn_Dialect, Nn_ScatterKindEnum, "scatter_kind">;

def Nn_PadModeEnum : Nn_Enum<"PadMode", "pad_mode", ["constant", "reflect", "symmetric"]>;
def Nn_PadMode : EnumAttr<Nn_Dialect, Nn_PadModeEnum, "pad_mode">;

// What an index outside the operand does at run time.
def Nn_BoundsModeEnum : Nn_Enum<"BoundsMode", "bounds_mode", ["error", "clamp", "drop"]>;
def Nn_BoundsMode : EnumAttr<Nn_Dialect, Nn_BoundsModeEnum, "bounds_mode">;

// Element types are TensorFlow's: f16 bf16 f32 f64, signless i1 i8-i64 (i1 bool,
// the others signed), ui8-ui64, complex.
def Nn_Tensor : RankedTensorOf<[AnyFloat, AnySignlessInteger, AnyUnsignedInteger, AnyComplex]>;
def Nn_FloatTensor : RankedTensorOf<[AnyFloat, AnyComplex]>;
def Nn_RealTensor : RankedTensorOf<[AnyFloat]>;
def Nn_ComplexTensor : RankedTensorOf<[AnyComplex]>;
def Nn_BoolTensor : RankedTensorOf<[I1]>;
def Nn_IntTensor : RankedTensorOf<[AnySignlessInteger, AnyUnsignedInteger]>;

// Fusion classes (see fusionClass() in Nn.h).
def Nn_Elementwise : NativeOpTrait<"Elementwise"> { let cppNamespace = "::ingot::nn"; }
def Nn_Injective : NativeOpTrait<"Injective"> { let cppNamespace = "::ingot::nn"; }
def Nn_Reduction : NativeOpTrait<"Reduction"> { let cppNamespace = "::ingot::nn"; }
def Nn_Contraction : NativeOpTrait<"Contraction"> { let cppNamespace = "::ingot::nn"; }

class Nn_Op<string mnemonic, list<Trait> traits = []> : Op<Nn_Dialect, mnemonic, traits> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
class Nn_PureOp<string mnemonic, list<Trait> traits = []>
    : Nn_Op<mnemonic, !listconcat(traits, [Pure])>;
// Result types follow from operands and attributes.
class Nn_InferredOp<string mnemonic, list<Trait> traits = []>
    : Nn_PureOp<mnemonic, !listconcat(traits,
        [DeclareOpInterfaceMethods<InferTypeOpInterface, ["inferReturnTypes"]>])>;

#endif // INGOT_DIALECTS_NN_NNBASE
