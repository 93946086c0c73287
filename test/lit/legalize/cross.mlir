// RUN: not ingot-opt %s --legalize-graph-to-nn --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=ERROR < %t.err

// CHECK-LABEL: func.func @op
// CHECK-DAG: %[[YZX:.*]] = nn.constant dense<[1, 2, 0]> : tensor<3xi32>
// CHECK-DAG: %[[ZXY:.*]] = nn.constant dense<[2, 0, 1]> : tensor<3xi32>
// CHECK-DAG: nn.take %arg0, %[[YZX]] {axis = 1 : i64}
// CHECK-DAG: nn.take %arg1, %[[ZXY]] {axis = 1 : i64}
// CHECK: nn.sub
func.func @op(%a: tensor<?x3xf32> {ingot.input = "a"}, %b: tensor<?x3xf32> {ingot.input = "b"}) -> tensor<*xf32> {
  %r = graph.node "Cross"(%a, %b) "op" {T = f32} : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}

// -----

// ERROR: error: 1 node is not supported
// ERROR: note: Cross 'op': the last dimension is 4, expected 3; inputs: 4xf32, 4xf32
func.func @op(%a: tensor<4xf32> {ingot.input = "a"}) -> tensor<*xf32> {
  %r = graph.node "Cross"(%a, %a) "op" {T = f32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}
