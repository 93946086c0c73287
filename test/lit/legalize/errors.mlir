// RUN: not ingot-opt %s --legalize-graph-to-nn --split-input-file 2>&1 | FileCheck %s

// All nodes in one report.
// CHECK: error: 3 nodes are not supported; --feed with the name of a node's output cuts the graph behind it
// CHECK: note: FooBar 'block/foo': no rule for this op; inputs: batchx4xf32
// CHECK: note: MatMul 'block/mm': the inner size of batchx4xf32 x 5x2xf32 is 4, expected 5; inputs: batchx4xf32, 5x2xf32
// CHECK: note: Baz 'baz': no rule for this op; inputs: ?, ?
func.func @many(%x: tensor<?x4xf32> {ingot.input = "x"}, %w: tensor<5x2xf32> {ingot.input = "w"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %0 = graph.node "FooBar"(%x) "block/foo" {} : (tensor<?x4xf32>) -> tensor<*xf32>
  %1 = graph.node "MatMul"(%x, %w) "block/mm" {} : (tensor<?x4xf32>, tensor<5x2xf32>) -> tensor<*xf32>
  %2 = graph.node "Add"(%0, %1) "add" {} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %3 = graph.node "Baz"(%2, %1) "baz" {} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// -----

// CHECK: error: input 'x' has no known rank; give its shape with --shape x=...
func.func @rank(%x: tensor<*xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %0 = graph.node "Relu"(%x) "r" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// CHECK: note: Add 'a': has 1 inputs, the op needs 2
// CHECK: note: Sub 's': shapes [2, 3] and [4, 3] do not broadcast
// CHECK: note: Reshape 'r': the number of elements of 2x3xf32 is 6, expected 8
// CHECK: note: Mul 'm': operands are 2x3xf32 and 2x3xi32
// CHECK: note: Exp 'e': {{.*}}'nn.exp' op operand #0 must be
func.func @shapes(%x: tensor<2x3xf32> {ingot.input = "x"}, %y: tensor<4x3xf32> {ingot.input = "y"}, %i: tensor<2x3xi32> {ingot.input = "i"}) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xi32>) {
  %c = graph.node "Const"() "c" {value = dense<[4, 2]> : tensor<2xi32>} : () -> tensor<*xi32>
  %0 = graph.node "Add"(%x) "a" {} : (tensor<2x3xf32>) -> tensor<*xf32>
  %1 = graph.node "Sub"(%x, %y) "s" {} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<*xf32>
  %2 = graph.node "Reshape"(%x, %c) "r" {} : (tensor<2x3xf32>, tensor<*xi32>) -> tensor<*xf32>
  %3 = graph.node "Mul"(%x, %i) "m" {} : (tensor<2x3xf32>, tensor<2x3xi32>) -> tensor<*xf32>
  %4 = graph.node "Exp"(%i) "e" {} : (tensor<2x3xi32>) -> tensor<*xi32>
  return %0, %1, %2, %3, %4 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xi32>
}
