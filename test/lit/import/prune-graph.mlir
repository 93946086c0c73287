// RUN: ingot-opt %s --prune-graph | FileCheck %s

// CHECK: nn.variable @used
nn.variable @used {value = dense<1.0> : tensor<f32>}
// CHECK-NOT: @idle
nn.variable @idle {value = dense<1.0> : tensor<f32>}
// CHECK: func.func @f
// CHECK-NOT: "dead"
// CHECK: graph.node "If"
func.func @f(%p: tensor<i1>, %v: tensor<f32> {ingot.variable = @used}) -> tensor<*xf32> {
  %d = graph.node "Exp"(%v) "dead" {T = f32} : (tensor<f32>) -> tensor<*xf32>
  %e = graph.node "Exp"(%d) "dead2" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  %r = graph.node "If"(%p, %v) "if" {then_branch = @then, else_branch = @then} : (tensor<i1>, tensor<f32>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}
// CHECK: func.func private @then
func.func private @then(%v: tensor<*xf32>) -> tensor<*xf32> {
  return %v : tensor<*xf32>
}
// CHECK-NOT: @nobody
func.func private @nobody() {
  return
}
