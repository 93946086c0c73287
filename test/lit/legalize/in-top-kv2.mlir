// RUN: not ingot-opt %s --legalize-graph-to-nn --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=ERROR < %t.err

// The target's prediction is picked without an index: a target that is no class is
// no error.
// CHECK-LABEL: func.func @op
// CHECK-DAG: %[[TARGET:.*]] = nn.reduce sum {{.*}} -> tensor<?xf32
// CHECK-DAG: %[[RANK:.*]] = nn.reduce sum {{.*}} -> tensor<?xi32
// CHECK-DAG: nn.reduce all
// CHECK-DAG: nn.reduce any
// CHECK: nn.and
func.func @op(%a: tensor<?x3xf32> {ingot.input = "predictions"}, %b: tensor<?xi32> {ingot.input = "targets"}, %c: tensor<i32> {ingot.input = "k"}) -> tensor<*xi1> {
  %r = graph.node "InTopKV2"(%a, %b, %c) "op" {T = i32} : (tensor<?x3xf32>, tensor<?xi32>, tensor<i32>) -> tensor<*xi1>
  return %r : tensor<*xi1>
}

// -----

// ERROR: note: InTopKV2 'op': the number of targets is 5, expected 4; inputs: 4x3xf32, 5xi32, i32
// ERROR: note: InTopKV2 'op2': targets has rank 2, expected 1
func.func @op(%a: tensor<4x3xf32> {ingot.input = "predictions"}, %b: tensor<5xi32> {ingot.input = "targets"}, %c: tensor<i32> {ingot.input = "k"}, %d: tensor<4x1xi32> {ingot.input = "more"}) -> (tensor<*xi1>, tensor<*xi1>) {
  %r = graph.node "InTopKV2"(%a, %b, %c) "op" {T = i32} : (tensor<4x3xf32>, tensor<5xi32>, tensor<i32>) -> tensor<*xi1>
  %s = graph.node "InTopKV2"(%a, %d, %c) "op2" {T = i32} : (tensor<4x3xf32>, tensor<4x1xi32>, tensor<i32>) -> tensor<*xi1>
  return %r, %s : tensor<*xi1>, tensor<*xi1>
}
