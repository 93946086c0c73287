// RUN: ingot-opt %s --legalize-graph-to-nn --split-input-file | FileCheck %s

// Shape -> StridedSlice -> Pack -> Reshape is evaluated on sizes: no op but the reshape.
// CHECK-LABEL: func.func @flatten
// CHECK-NEXT: nn.reshape %arg0 : (tensor<?x4x?xf32, #nn.sizes<"batch", "len">>) -> tensor<?x?xf32, #nn.sizes<"batch", "4*len">>
// CHECK-NEXT: return
func.func @flatten(%x: tensor<?x4x?xf32, #nn.sizes<"batch", "len">> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %c0 = graph.node "Const"() "c0" {value = dense<0> : tensor<1xi32>} : () -> tensor<*xi32>
  %c1 = graph.node "Const"() "c1" {value = dense<1> : tensor<1xi32>} : () -> tensor<*xi32>
  %c2 = graph.node "Const"() "c2" {value = dense<2> : tensor<1xi32>} : () -> tensor<*xi32>
  %c3 = graph.node "Const"() "c3" {value = dense<3> : tensor<1xi32>} : () -> tensor<*xi32>
  %k = graph.node "Const"() "k" {value = dense<[0]> : tensor<1xi32>} : () -> tensor<*xi32>
  %s = graph.node "Shape"(%x) "s" {out_type = i32} : (tensor<?x4x?xf32, #nn.sizes<"batch", "len">>) -> tensor<*xi32>
  %b = graph.node "StridedSlice"(%s, %c0, %c1, %c1) "b" {shrink_axis_mask = 1 : i64} : (tensor<*xi32>, tensor<*xi32>, tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %r = graph.node "StridedSlice"(%s, %c1, %c3, %c1) "r" {} : (tensor<*xi32>, tensor<*xi32>, tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %p = graph.node "Prod"(%r, %k) "p" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %shape = graph.node "Pack"(%b, %p) "shape" {axis = 0 : i64} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %y = graph.node "Reshape"(%x, %shape) "y" {} : (tensor<?x4x?xf32, #nn.sizes<"batch", "len">>, tensor<*xi32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// A size used as data becomes nn.sizes.
// CHECK-LABEL: func.func @scale
// CHECK: %[[S:.*]] = nn.sizes {values = #nn.sizes<"batch">} : () -> tensor<i32>
// CHECK: nn.cast %[[S]]
func.func @scale(%x: tensor<?xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %s = graph.node "Size"(%x) "s" {out_type = i32} : (tensor<?xf32>) -> tensor<*xi32>
  %f = graph.node "Cast"(%s) "f" {SrcT = i32, DstT = f32} : (tensor<*xi32>) -> tensor<*xf32>
  %y = graph.node "RealDiv"(%x, %f) "y" {} : (tensor<?xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Unnamed unknown dimensions get names, -1 is divided out, and what only holds
// for some sizes is checked at entry.
// CHECK-LABEL: func.func @pairs
// CHECK-SAME: nn.requires = {{\[\[}}"batch*x_d1", "2*floordiv(batch*x_d1, 2)"]]
// CHECK: -> tensor<?x2xf32, #nn.sizes<"floordiv(batch*x_d1, 2)">>
func.func @pairs(%x: tensor<?x?xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %c = graph.node "Const"() "c" {value = dense<[-1, 2]> : tensor<2xi32>} : () -> tensor<*xi32>
  %y = graph.node "Reshape"(%x, %c) "y" {} : (tensor<?x?xf32>, tensor<*xi32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Unrelated sizes broadcast if they are equal or one of them is 1: 0 otherwise.
// CHECK-LABEL: func.func @meet
// CHECK-SAME: "0"]]
func.func @meet(%x: tensor<?xf32, #nn.sizes<"m">> {ingot.input = "x"}, %y: tensor<?xf32, #nn.sizes<"n">> {ingot.input = "y"}) -> (tensor<*xf32> {ingot.output = "z"}) {
  %0 = graph.node "AddV2"(%x, %y) "add" {} : (tensor<?xf32, #nn.sizes<"m">>, tensor<?xf32, #nn.sizes<"n">>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
