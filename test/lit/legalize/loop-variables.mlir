// RUN: ingot-opt %s --legalize-graph-to-nn | FileCheck %s

// `b` starts and stays equal to `a`; `c` starts equal but differs later; `d` is
// carried but nobody reads it.
// CHECK-LABEL: func.func @equal
// CHECK: %[[R:.*]]:2 = nn.for <4>(%arg0, %arg0 : tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i32>, %[[A:.*]]: tensor<4xf32>, %[[C:.*]]: tensor<4xf32>):
// CHECK-DAG: nn.exp %[[A]]
// CHECK-DAG: nn.tanh %[[C]]
// CHECK: return %[[R]]#0, %[[R]]#0, %[[R]]#1
func.func @equal(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  %0 = graph.node "Const"() "zero" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %r:5 = graph.node "While"(%0, %x, %x, %x, %x) "while" {cond = @cond, body = @body} : (tensor<*xi32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>)
  return %r#1, %r#2, %r#3 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
func.func private @cond(%i: tensor<*xi32>, %a: tensor<*xf32>, %b: tensor<*xf32>, %c: tensor<*xf32>, %d: tensor<*xf32>) -> tensor<*xi1> {
  %n = graph.node "Const"() "n" {value = dense<4> : tensor<i32>} : () -> tensor<*xi32>
  %0 = graph.node "Less"(%i, %n) "less" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}
func.func private @body(%i: tensor<*xi32>, %a: tensor<*xf32>, %b: tensor<*xf32>, %c: tensor<*xf32>, %d: tensor<*xf32>) -> (tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  %0 = graph.node "Const"() "one" {value = dense<1> : tensor<i32>} : () -> tensor<*xi32>
  %1 = graph.node "AddV2"(%i, %0) "next" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %2 = graph.node "Exp"(%a) "ea" {} : (tensor<*xf32>) -> tensor<*xf32>
  %3 = graph.node "Exp"(%b) "eb" {} : (tensor<*xf32>) -> tensor<*xf32>
  %4 = graph.node "Tanh"(%c) "tc" {} : (tensor<*xf32>) -> tensor<*xf32>
  %5 = graph.node "Sin"(%d) "sd" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %1, %2, %3, %4, %5 : tensor<*xi32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}
