// RUN: ingot-opt %s --functionalize-control-flow --split-input-file --verify-diagnostics

func.func @no_merge(%x: tensor<f32>, %p: tensor<i1>) -> tensor<*xf32> {
  %s:2 = graph.node "Switch"(%x, %p) "s" {T = f32} : (tensor<f32>, tensor<i1>) -> (tensor<*xf32>, tensor<*xf32>)
  // expected-error @+1 {{a result of 'no_merge' exists only under a condition: a Merge is missing}}
  return %s#0 : tensor<*xf32>
}

// -----

func.func @both(%x: tensor<f32>, %p: tensor<i1>) -> tensor<*xf32> {
  %s:2 = graph.node "Switch"(%x, %p) "s" {T = f32} : (tensor<f32>, tensor<i1>) -> (tensor<*xf32>, tensor<*xf32>)
  // expected-error @+1 {{depends on both branches of a conditional: it never runs}}
  %a = graph.node "Add"(%s#0, %s#1) "a" {T = f32} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %a : tensor<*xf32>
}

// -----

// expected-error @+1 {{loop 'w' has no LoopCond node}}
func.func @no_condition(%x: tensor<f32>) -> tensor<*xf32> {
  %e = graph.node "Enter"(%x) "e" {T = f32, frame_name = "w", is_constant = true} : (tensor<f32>) -> tensor<*xf32>
  %o = graph.node "Exit"(%e) "o" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %o : tensor<*xf32>
}

// -----

func.func @no_exit(%x: tensor<f32>) -> tensor<*xf32> {
  %e = graph.node "Enter"(%x) "e" {T = f32, frame_name = "w", is_constant = true} : (tensor<f32>) -> tensor<*xf32>
  // expected-error @+1 {{the value of loop 'w' leaves it without an Exit node}}
  return %e : tensor<*xf32>
}
