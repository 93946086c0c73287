// RUN: ingot-opt %s --resolve-variables --split-input-file --verify-diagnostics

graph.variable @v : tensor<*xf32>
func.func @f() -> tensor<*xf32> {
  %h = graph.node "VarHandleOp"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*x!graph.resource>
  // expected-error @+1 {{the variable 'v' has no value in the model: give a SavedModel with its checkpoint, or freeze the graph}}
  %a = graph.node "ReadVariableOp"(%h) "r" {dtype = f32} : (tensor<*x!graph.resource>) -> tensor<*xf32>
  return %a : tensor<*xf32>
}

// -----

graph.variable @v : tensor<f32> = dense<1.0> : tensor<f32>
func.func @f(%g: tensor<f32>) {
  %h = graph.node "VarHandleOp"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*x!graph.resource>
  // expected-error @+1 {{node 'step' (ResourceApplyFtrl) uses the variable 'v' in a way that is not supported}}
  graph.node "ResourceApplyFtrl"(%h, %g) "step" {} : (tensor<*x!graph.resource>, tensor<f32>) -> ()
  return
}

// -----

graph.variable @v : tensor<f32> = dense<1.0> : tensor<f32>
// expected-error @+1 {{signature 'f' returns the handle of a variable}}
func.func @f() -> tensor<*x!graph.resource> {
  %h = graph.node "VarHandleOp"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*x!graph.resource>
  return %h : tensor<*x!graph.resource>
}
