// RUN: not ingot-opt %s --legalize-graph-to-nn --split-input-file 2>&1 | FileCheck %s
// Attribute and shape combinations that no rule covers end in the report.

// CHECK: note: Slice 'slice': begin 2 and size -1 leave dimension 1 of size 1
// CHECK: note: DynamicStitch 'stitch': index 2147483647 is no place in a shape
// CHECK: note: Reshape 'minus': the shape [-1, -1] has two -1
// CHECK: note: Squeeze 'squeeze': squeezed dimension 0 is 3, expected 1
// CHECK: note: ConcatV2 'concat': joins 3x1xf32 and 3xf32
func.func @shapes(%x: tensor<3x1xf32> {ingot.input = "x"}, %v: tensor<3xf32> {ingot.input = "v"}) -> (tensor<*xf32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  %b = graph.node "Const"() "b" {value = dense<[0, 2]> : tensor<2xi32>} : () -> tensor<*xi32>
  %s = graph.node "Const"() "s" {value = dense<[3, -1]> : tensor<2xi32>} : () -> tensor<*xi32>
  %0 = graph.node "Slice"(%x, %b, %s) "slice" {} : (tensor<3x1xf32>, tensor<*xi32>, tensor<*xi32>) -> tensor<*xf32>
  %i = graph.node "Const"() "i" {value = dense<[0, 2147483647]> : tensor<2xi32>} : () -> tensor<*xi32>
  %1 = graph.node "DynamicStitch"(%i, %b) "stitch" {N = 1 : i64} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %m = graph.node "Const"() "m" {value = dense<-1> : tensor<2xi32>} : () -> tensor<*xi32>
  %2 = graph.node "Reshape"(%x, %m) "minus" {} : (tensor<3x1xf32>, tensor<*xi32>) -> tensor<*xf32>
  %3 = graph.node "Squeeze"(%x) "squeeze" {squeeze_dims = [0]} : (tensor<3x1xf32>) -> tensor<*xf32>
  %a = graph.node "Const"() "a" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %4 = graph.node "ConcatV2"(%x, %v, %a) "concat" {} : (tensor<3x1xf32>, tensor<3xf32>, tensor<*xi32>) -> tensor<*xf32>
  return %0, %1, %2, %3, %4 : tensor<*xf32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

// CHECK: note: Conv2D 'dilated': strides or dilations of batch or channels other than 1
// CHECK: note: Conv2D 'channels': an input of 3 channels does not fit a filter of 2 channels to 4
// CHECK: note: MaxPool 'window': a window of 9 does not fit size 5
// CHECK: note: MatMul 'mm': the left operand has rank 4, expected 2
func.func @windows(%x: tensor<1x5x5x3xf32> {ingot.input = "x"}, %w: tensor<3x3x2x4xf32> {ingot.input = "w"}) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  %0 = graph.node "Conv2D"(%x, %w) "dilated" {strides = [2, 1, 1, 1], padding = "SAME"} : (tensor<1x5x5x3xf32>, tensor<3x3x2x4xf32>) -> tensor<*xf32>
  %1 = graph.node "Conv2D"(%x, %w) "channels" {strides = [1, 1, 1, 1], padding = "SAME"} : (tensor<1x5x5x3xf32>, tensor<3x3x2x4xf32>) -> tensor<*xf32>
  %2 = graph.node "MaxPool"(%x) "window" {ksize = [1, 9, 1, 1], strides = [1, 1, 1, 1], padding = "VALID"} : (tensor<1x5x5x3xf32>) -> tensor<*xf32>
  %3 = graph.node "MatMul"(%x, %x) "mm" {} : (tensor<1x5x5x3xf32>, tensor<1x5x5x3xf32>) -> tensor<*xf32>
  return %0, %1, %2, %3 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

// CHECK: note: While 'grow': dimension 0 of loop variable 0 is 6, expected 3; inputs: 3xf32
// CHECK: note: If 'if': dimension 0 of result 0 of the branches is 6, expected 3
// CHECK: note: While 'lost': its functions are not in the model
// CHECK: note: Where 'where': inside a loop or branch its size would have no bound at entry
func.func @control(%x: tensor<3xf32> {ingot.input = "x"}, %p: tensor<i1> {ingot.input = "p"}) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xi64>) {
  %0 = graph.node "While"(%x) "grow" {cond = @cond, body = @twice} : (tensor<3xf32>) -> tensor<*xf32>
  %1 = graph.node "If"(%p, %x) "if" {then_branch = @same, else_branch = @twice} : (tensor<i1>, tensor<3xf32>) -> tensor<*xf32>
  %2 = graph.node "While"(%x) "lost" {cond = @nobody, body = @twice} : (tensor<3xf32>) -> tensor<*xf32>
  %3 = graph.node "If"(%p, %x) "if2" {then_branch = @where, else_branch = @where} : (tensor<i1>, tensor<3xf32>) -> tensor<*xi64>
  return %0, %1, %2, %3 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xi64>
}
func.func private @cond(%x: tensor<*xf32>) -> tensor<*xi1> {
  %a = graph.node "Const"() "ax" {value = dense<0> : tensor<1xi32>} : () -> tensor<*xi32>
  %s = graph.node "Sum"(%x, %a) "sum" {} : (tensor<*xf32>, tensor<*xi32>) -> tensor<*xf32>
  %l = graph.node "Const"() "l" {value = dense<1.0> : tensor<f32>} : () -> tensor<*xf32>
  %0 = graph.node "Less"(%s, %l) "less" {} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}
func.func private @same(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}
func.func private @twice(%x: tensor<*xf32>) -> tensor<*xf32> {
  %a = graph.node "Const"() "ax" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %0 = graph.node "ConcatV2"(%x, %x, %a) "cat" {} : (tensor<*xf32>, tensor<*xf32>, tensor<*xi32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @where(%x: tensor<*xf32>) -> tensor<*xi64> {
  %0 = graph.node "Where"(%x) "where" {} : (tensor<*xf32>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}

// -----

// A variable keeps its type.
// CHECK: error: variable 'v' of type 3xf32 is assigned a value of type 6xf32
nn.variable @v {value = dense<0.0> : tensor<3xf32>}
func.func @assign(%v: tensor<3xf32> {ingot.variable = @v}) -> (tensor<*xf32> {ingot.variable = @v}) {
  %a = graph.node "Const"() "ax" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %0 = graph.node "ConcatV2"(%v, %v, %a) "cat" {} : (tensor<3xf32>, tensor<3xf32>, tensor<*xi32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
