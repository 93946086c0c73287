// Equal signatures are one, whatever their nodes are called; serving_default
// stays.
// RUN: ingot-opt %s --merge-signatures | FileCheck %s

// CHECK-NOT: func.func @serve(
// CHECK: func.func @serving_default({{.*}}) attributes {ingot.aliases = ["serve"], ingot.signature = "serving_default"}
// CHECK: func.func @other
func.func @serve(%x: tensor<2xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) attributes {ingot.signature = "serve"} {
  %e = graph.node "Exp"(%x) "a" {T = f32} : (tensor<2xf32>) -> tensor<*xf32>
  return %e : tensor<*xf32>
}
func.func @serving_default(%x: tensor<2xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) attributes {ingot.signature = "serving_default"} {
  %e = graph.node "Exp"(%x) "b" {T = f32} : (tensor<2xf32>) -> tensor<*xf32>
  return %e : tensor<*xf32>
}
func.func @other(%x: tensor<2xf32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "z"}) attributes {ingot.signature = "other"} {
  %e = graph.node "Exp"(%x) "b" {T = f32} : (tensor<2xf32>) -> tensor<*xf32>
  return %e : tensor<*xf32>
}
