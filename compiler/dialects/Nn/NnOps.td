// Structural operations: shapes, reductions, contractions, control flow, kernels.
#ifndef INGOT_DIALECTS_NN_NNOPS
#define INGOT_DIALECTS_NN_NNOPS

include "compiler/dialects/Nn/NnBase.td"
include "compiler/dialects/Nn/NnElementwise.td"
include "mlir/Interfaces/FunctionInterfaces.td"

//===-- Sources -----------------------------------------------------------===//

def Nn_VariableOp : Nn_Op<"variable", [Symbol]> {
  let summary = "A model variable, shared by all signatures: its initial value";
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value, UnitAttr:$trainable);
  let assemblyFormat = "$sym_name attr-dict";
}
def Nn_ConstantOp : Nn_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "A constant; above 4 KB its value is a dense_resource";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}
def Nn_IotaOp : Nn_PureOp<"iota", [Nn_Injective]> {
  let summary = "The index along one dimension";
  let arguments = (ins I64Attr:$dim);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_SizesOp : Nn_PureOp<"sizes"> {
  let summary = "Size expressions as data: rank 1 of their number, or rank 0 for one";
  let arguments = (ins Nn_SizesAttr:$values);
  let results = (outs Nn_IntTensor:$result);
  let hasVerifier = 1;
}

//===-- Shapes ------------------------------------------------------------===//

def Nn_BroadcastOp : Nn_PureOp<"broadcast", [Nn_Injective]> {
  let summary = "Operand dimension i becomes result dimension dims[i]";
  let description = [{
    An operand size is 1 or the result's. Where its name differs from the result's
    and neither is the number 1, which of the two holds is found at run time.
  }];
  let arguments = (ins Nn_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_ReshapeOp : Nn_PureOp<"reshape", [Nn_Injective]> {
  let summary = "The same elements, row-major, in another shape";
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Nn_TransposeOp : Nn_InferredOp<"transpose", [Nn_Injective]> {
  let summary = "result.dim(i) = x.dim(permutation[i])";
  let arguments = (ins Nn_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Nn_SliceOp : Nn_PureOp<"slice", [Nn_Injective]> {
  let summary = "result[i] = x[start + i * stride]; the result's sizes say how many";
  let arguments = (ins Nn_Tensor:$x, Nn_SizesAttr:$start, DenseI64ArrayAttr:$strides);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_DynamicSliceOp : Nn_PureOp<"dynamic_slice", [Nn_Injective]> {
  let summary = "A window of the result's sizes at run-time starts, clamped to lie inside";
  let arguments = (ins Nn_Tensor:$x, Variadic<Nn_IntTensor>:$starts);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_DynamicUpdateSliceOp : Nn_InferredOp<"dynamic_update_slice"> {
  let summary = "x with a window replaced by update, at run-time starts, clamped";
  let arguments = (ins Nn_Tensor:$x, Nn_Tensor:$update, Variadic<Nn_IntTensor>:$starts);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_ReverseOp : Nn_InferredOp<"reverse", [Nn_Injective]> {
  let summary = "Opposite order along dims";
  let arguments = (ins Nn_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Nn_Tensor:$result);
}
def Nn_PadOp : Nn_InferredOp<"pad", [Nn_Injective]> {
  let summary = "low, high elements around and interior ones between; negative ones cut";
  let description = "`value` (rank 0) fills in constant mode and is ignored in reflect and symmetric.";
  let arguments = (ins Nn_Tensor:$x, Nn_Tensor:$value, Nn_SizesAttr:$low, Nn_SizesAttr:$high,
                       DenseI64ArrayAttr:$interior, DefaultValuedAttr<Nn_PadMode, "PadMode::constant">:$mode);
  let results = (outs Nn_Tensor:$result);
}
def Nn_ConcatOp : Nn_InferredOp<"concat", [Nn_Injective]> {
  let summary = "Operands one after the other along dim";
  let arguments = (ins Variadic<Nn_Tensor>:$xs, I64Attr:$dim);
  let results = (outs Nn_Tensor:$result);
}
def Nn_TakeOp : Nn_InferredOp<"take", [Nn_Injective]> {
  let summary = "Slices of x along axis named by indices (TensorFlow's GatherV2)";
  let description = [{
    result = x.dims[:axis] + indices.dims[batch_dims:] + x.dims[axis+1:]; the first
    batch_dims dimensions of both agree.
  }];
  let arguments = (ins Nn_Tensor:$x, Nn_IntTensor:$indices, I64Attr:$axis,
                       DefaultValuedAttr<I64Attr, "0">:$batch_dims,
                       DefaultValuedAttr<Nn_BoundsMode, "BoundsMode::error">:$mode);
  let results = (outs Nn_Tensor:$result);
}
def Nn_GatherNdOp : Nn_InferredOp<"gather_nd", [Nn_Injective]> {
  let summary = "Slices of x named by the last dimension of indices (TensorFlow's GatherNd)";
  let arguments = (ins Nn_Tensor:$x, Nn_IntTensor:$indices,
                       DefaultValuedAttr<Nn_BoundsMode, "BoundsMode::error">:$mode);
  let results = (outs Nn_Tensor:$result);
}
def Nn_ScatterOp : Nn_InferredOp<"scatter"> {
  let summary = "x with updates combined in at indices[..., k], in index order";
  let arguments = (ins Nn_Tensor:$x, Nn_IntTensor:$indices, Nn_Tensor:$updates, Nn_ScatterKind:$kind,
                       DefaultValuedAttr<Nn_BoundsMode, "BoundsMode::error">:$mode);
  let results = (outs Nn_Tensor:$result);
}
def Nn_NonzeroOp : Nn_PureOp<"nonzero"> {
  let summary = "Indices of the true elements, row-major; defines a data symbol";
  let arguments = (ins Nn_BoolTensor:$x, StrAttr:$symbol);
  let results = (outs RankedTensorOf<[I64]>:$result);
  let hasVerifier = 1;
}

//===-- Reductions, windows, contractions ---------------------------------===//

def Nn_ReduceOp : Nn_InferredOp<"reduce", [Nn_Reduction]> {
  let summary = "Reduces dims, which leave the shape";
  let description = "f16 and bf16 sums accumulate in f32. An empty reduction gives the identity.";
  let arguments = (ins Nn_Tensor:$x, Nn_ReduceKind:$kind, DenseI64ArrayAttr:$dims);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$kind $x attr-dict `:` functional-type(operands, results)";
}
def Nn_ArgReduceOp : Nn_PureOp<"arg_reduce"> {
  let summary = "Index of the first largest or smallest along dim; NaN is ignored";
  let arguments = (ins Nn_Tensor:$x, I64Attr:$dim, BoolAttr:$is_max);
  let results = (outs Nn_IntTensor:$result);
}
def Nn_ReduceWindowOp : Nn_InferredOp<"reduce_window", [Nn_Reduction]> {
  let summary = "Reduces windows; every attribute has one entry a dimension of x";
  let description = "Padding contributes the identity of the reduction.";
  let arguments = (ins Nn_Tensor:$x, Nn_ReduceKind:$kind, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$base_dilations,
                       Nn_SizesAttr:$pad_low, Nn_SizesAttr:$pad_high);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$kind $x attr-dict `:` functional-type(operands, results)";
}
def Nn_MaxPoolGradOp : Nn_PureOp<"max_pool_grad"> {
  let summary = "grad of a max reduce_window, added at each window's first maximum";
  let arguments = (ins Nn_Tensor:$x, Nn_Tensor:$grad, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, Nn_SizesAttr:$pad_low, Nn_SizesAttr:$pad_high);
  let results = (outs Nn_Tensor:$result);
}
def Nn_ScanOp : Nn_PureOp<"scan", [SameOperandsAndResultType]> {
  let summary = "Running sum, product, maximum or minimum along dim";
  let arguments = (ins Nn_Tensor:$x, Nn_ReduceKind:$kind, I64Attr:$dim, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$kind $x attr-dict `:` functional-type(operands, results)";
}
def Nn_DotGeneralOp : Nn_InferredOp<"dot_general", [Nn_Contraction]> {
  let summary = "Sums of products over the contracting dimensions";
  let description = [{
    Result: batch dimensions, free dimensions of lhs, free dimensions of rhs.
    f16 and bf16 accumulate in f32; integers wrap.
  }];
  let arguments = (ins Nn_Tensor:$lhs, Nn_Tensor:$rhs,
                       DenseI64ArrayAttr:$lhs_batch, DenseI64ArrayAttr:$rhs_batch,
                       DenseI64ArrayAttr:$lhs_contract, DenseI64ArrayAttr:$rhs_contract);
  let results = (outs Nn_Tensor:$result);
}
def Nn_ConvOp : Nn_InferredOp<"conv", [Nn_Contraction]> {
  let summary = "N-d convolution: [N, spatial..., C] x [window..., C/groups, F] -> [N, spatial..., F]";
  let description = "Not flipped (correlation), as in every framework. Attributes have one entry a spatial dimension.";
  let arguments = (ins Nn_Tensor:$x, Nn_Tensor:$filter, DenseI64ArrayAttr:$strides,
                       Nn_SizesAttr:$pad_low, Nn_SizesAttr:$pad_high,
                       DenseI64ArrayAttr:$lhs_dilation, DenseI64ArrayAttr:$rhs_dilation, I64Attr:$groups);
  let results = (outs Nn_Tensor:$result);
}
def Nn_ConvFilterGradOp : Nn_PureOp<"conv_filter_grad", [Nn_Contraction]> {
  let summary = "Gradient of conv (no lhs dilation) for its filter, whose shape the result type gives";
  let arguments = (ins Nn_Tensor:$x, Nn_Tensor:$grad, DenseI64ArrayAttr:$strides,
                       Nn_SizesAttr:$pad_low, Nn_SizesAttr:$pad_high,
                       DenseI64ArrayAttr:$rhs_dilation, I64Attr:$groups);
  let results = (outs Nn_Tensor:$result);
}
def Nn_SoftmaxOp : Nn_PureOp<"softmax", [SameOperandsAndResultType]> {
  let summary = "exp(x - max) / sum along the last dimension; a NaN makes its row NaN";
  let arguments = (ins Nn_FloatTensor:$x);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def Nn_LogSoftmaxOp : Nn_PureOp<"log_softmax", [SameOperandsAndResultType]> {
  let summary = "x - max - log(sum(exp(x - max))) along the last dimension";
  let arguments = (ins Nn_FloatTensor:$x);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

//===-- Layout ------------------------------------------------------------===//

def Nn_PackOp : Nn_InferredOp<"pack", [Nn_Injective]> {
  let summary = "dim of size n becomes an outermost dimension ceil(n / tile) and an innermost one of size tile; 0 fills";
  let description = [{
    [.., n, ..] -> [ceil(n/tile), .., (dim left out) .., tile]. A matrix [K, N] packed on
    dim 1 is [N/tile, K, tile], a filter [KH, KW, C, F] on dim 3 is [F/tile, KH, KW, C, tile].
  }];
  let arguments = (ins Nn_Tensor:$x, I64Attr:$dim, I64Attr:$tile);
  let results = (outs Nn_Tensor:$result);
}
def Nn_UnpackOp : Nn_PureOp<"unpack", [Nn_Injective]> {
  let summary = "The tensor of the result's shape that pack was given";
  let arguments = (ins Nn_Tensor:$x, I64Attr:$dim);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}

//===-- Control flow ------------------------------------------------------===//

def Nn_CarriesInits : TypesMatchWith<"results have the types of the carried values", "inits", "results", "$_self">;
def Nn_ForOp : Nn_Op<"for", [RecursiveMemoryEffects, Nn_CarriesInits]> {
  let summary = "trip iterations; the body takes the iteration number (i32, rank 0) and the carried values";
  let arguments = (ins Variadic<Nn_Tensor>:$inits, Nn_SizesAttr:$trip);
  let results = (outs Variadic<Nn_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$trip (`(` $inits^ `:` type($inits) `)`)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$inits, "SizeExpr":$trip)>];
}
def Nn_WhileOp : Nn_Op<"while", [RecursiveMemoryEffects, Nn_CarriesInits]> {
  let summary = "body while cond (whose block yields one rank-0 bool) holds";
  let arguments = (ins Variadic<Nn_Tensor>:$inits);
  let results = (outs Variadic<Nn_Tensor>:$results);
  let regions = (region SizedRegion<1>:$cond, SizedRegion<1>:$body);
  let assemblyFormat = "(`(` $inits^ `:` type($inits) `)`)? attr-dict-with-keyword $cond `do` $body";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$inits)>];
}
def Nn_IfOp : Nn_Op<"if", [RecursiveMemoryEffects]> {
  let summary = "One of two regions; both may use values from outside";
  let arguments = (ins Nn_BoolTensor:$pred);
  let results = (outs Variadic<Nn_Tensor>:$results);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = "$pred `:` type($pred) (`->` type($results)^)? attr-dict-with-keyword $then_region `else` $else_region";
  let hasVerifier = 1;
}
def Nn_YieldOp : Nn_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "Ends a region of nn.for, nn.while, nn.if and nn.kernel";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

//===-- Kernels -----------------------------------------------------------===//

def Nn_KernelOp : Nn_Op<"kernel", [IsolatedFromAbove, RecursiveMemoryEffects, SingleBlock]> {
  let summary = "One fused kernel: what is computed (body), and how (kind, schedule)";
  let description = [{
    `kind` is the grouping's class: elementwise, contraction, window, reduction, row,
    loop, other. `schedule` may be set by hand; the schedule station fills it in where
    it is absent. `prepare` kernels run once, at compile time or at load.
  }];
  let arguments = (ins Variadic<Nn_Tensor>:$inputs, StrAttr:$kind,
                       OptionalAttr<DictionaryAttr>:$schedule, UnitAttr:$prepare);
  let results = (outs Variadic<Nn_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kind (`(` $inputs^ `:` type($inputs) `)`)? (`->` type($results)^)? attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}
def Nn_DispatchOp : Nn_Op<"dispatch", []> {
  let summary = "A call of an emitted kernel, see docs/design.md \"kernel ABI\"";
  let arguments = (ins Variadic<Nn_Tensor>:$inputs, SymbolRefAttr:$callee, Nn_SizesAttr:$sizes,
                       Nn_SizesAttr:$grid, I64Attr:$chunk, Nn_SizesAttr:$scratch,
                       DenseI64ArrayAttr:$inplace, OptionalAttr<StrArrayAttr>:$defines, UnitAttr:$prepare);
  let results = (outs Variadic<Nn_Tensor>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, results)";
  let hasVerifier = 1;
}
def Nn_CopyOp : Nn_PureOp<"copy", [SameOperandsAndResultType]> {
  let summary = "The same value in a buffer of its own";
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

#endif // INGOT_DIALECTS_NN_NNOPS
