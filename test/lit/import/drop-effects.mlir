// What only runs in TensorFlow goes, and with it every control edge; Print hands
// its input on; an unfed PlaceholderWithDefault is its default.
// RUN: ingot-opt %s --drop-effects | FileCheck %s

// CHECK-LABEL: func.func @f(%arg0: tensor<2xf32>) -> tensor<*xf32>
// CHECK-NEXT: %[[D:.*]] = graph.node "Identity"(%arg0) "d" {T = f32}
// CHECK-NEXT: graph.node "IsFinite"(%[[D]])
// CHECK-NEXT: %[[E:.*]] = graph.node "Exp"(%[[D]]) "e" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
// CHECK-NEXT: return %[[E]] : tensor<*xf32>
func.func @f(%x: tensor<2xf32>) -> (tensor<*xf32>, !graph.control) {
  %c = graph.node "NoOp"() "n" {} : () -> !graph.control
  %d = graph.node "PlaceholderWithDefault"(%x) "d" {dtype = f32, shape = array<i64: 2>} : (tensor<2xf32>) -> tensor<*xf32>
  %p = graph.node "Print"(%d, %x, %c) "p" {T = f32, U = [f32]} : (tensor<*xf32>, tensor<2xf32>, !graph.control) -> tensor<*xf32>
  %ok = graph.node "IsFinite"(%p) "ok" {T = f32} : (tensor<*xf32>) -> tensor<*xi1>
  %a = graph.node "Assert"(%ok, %p) "a" {T = [f32]} : (tensor<*xi1>, tensor<*xf32>) -> !graph.control
  %e, %ec = graph.node "Exp"(%p, %a) "e" {T = f32, _output_shapes = [array<i64: 2>]} : (tensor<*xf32>, !graph.control) -> (tensor<*xf32>, !graph.control)
  return %e, %ec : tensor<*xf32>, !graph.control
}
