// Calls are replaced by bodies in place, nested ones too; functions used as ops
// are calls.
// RUN: ingot-opt %s --inline-calls | FileCheck %s

// CHECK-LABEL: func.func @f
// CHECK-NOT: Call
// CHECK: %[[A:.*]] = graph.node "Exp"(%arg0) "inner/exp"
// CHECK: %[[B:.*]] = graph.node "Tanh"(%[[A]]) "tanh"
// CHECK: %[[C:.*]] = graph.node "Exp"(%[[B]]) "inner/exp"
// CHECK: return %[[C]]
func.func @f(%x: tensor<2xf32>) -> tensor<*xf32> {
  %0 = graph.node "StatefulPartitionedCall"(%x) "call" {f = @outer} : (tensor<2xf32>) -> tensor<*xf32>
  %1 = graph.node "inner"(%0) "direct" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}
func.func private @outer(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "PartitionedCall"(%x) "call" {f = #graph.func<@inner, {k = 1 : i64}>} : (tensor<*xf32>) -> tensor<*xf32>
  %1 = graph.node "Tanh"(%0) "tanh" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}
func.func private @inner(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Exp"(%x) "inner/exp" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
