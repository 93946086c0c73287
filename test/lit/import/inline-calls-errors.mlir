// RUN: ingot-opt %s --inline-calls --split-input-file --verify-diagnostics

// expected-error @+1 {{function 'f' calls itself: f -> g -> f; recursion cannot be compiled}}
func.func private @f(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "PartitionedCall"(%x) "call" {f = @g} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @g(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "While"(%x) "loop" {body = @f, cond = @c} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @c(%x: tensor<*xf32>) -> tensor<*xi1> {
  %0 = graph.node "IsNan"(%x) "n" {T = f32} : (tensor<*xf32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}

// -----

func.func private @f(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{calls a function that the model does not hold}}
  %0 = graph.node "PartitionedCall"(%x) "call" {f = @nobody} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func private @f(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{calls 'g' with 1 inputs and 1 outputs; the function has 0 and 0}}
  %0 = graph.node "PartitionedCall"(%x) "call" {f = @g} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @g() {
  return
}
