// The gradient of a recurrent loop: the forward loop saves what the reverse one
// needs, and the weight's gradient is one product behind both.
// RUN: ingot-opt --pass-pipeline='builtin.module(nn-build-training{loss=mse optimizer=sgd})' %s | FileCheck %s

!xs = tensor<?x2x3xf32, #nn.sizes<"len">>
!h = tensor<2x3xf32>
nn.variable @w {value = dense<0.5> : tensor<3x3xf32>, trainable}
func.func @f(%xs: !xs {ingot.input = "xs"}, %w: tensor<3x3xf32> {ingot.variable = @w})
    -> (!h {ingot.output = "out"}) attributes {ingot.signature = "serving_default"} {
  %h0 = nn.constant dense<0.0> : !h
  %i0 = nn.constant dense<0> : tensor<i32>
  %h = nn.for #nn.sizes<"len"> (%h0 : !h) {
  ^bb0(%i: tensor<i32>, %hi: !h):
    %x1 = nn.dynamic_slice %xs, %i, %i0, %i0 : (!xs, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x2x3xf32>
    %x = nn.reshape %x1 : (tensor<1x2x3xf32>) -> !h
    %m = nn.dot_general %hi, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!h, tensor<3x3xf32>) -> !h
    %s = nn.add %m, %x : !h
    %t = nn.tanh %s : !h
    nn.yield %t : !h
  }
  return %h : !h
}

// The state and the product are saved, in that order; the input is there already.
// CHECK-LABEL: func.func @train
// CHECK: %[[FORWARD:.*]]:3 = nn.for <"len">
// CHECK-SAME: tensor<2x3xf32>, tensor<?x2x3xf32, #nn.sizes<"len">>, tensor<?x2x3xf32, #nn.sizes<"len">>)
// CHECK: nn.dot_general
// CHECK: nn.tanh
// The reverse loop has one product, for the state before, and none for the weight.
// CHECK: %[[REVERSE:.*]]:2 = nn.for <"len">
// CHECK-SAME: tensor<2x3xf32>, tensor<?x2x3xf32, #nn.sizes<"len">>)
// CHECK: nn.dynamic_slice %[[FORWARD]]#2
// CHECK: nn.dot_general
// CHECK-SAME: rhs_contract = array<i64: 1>
// CHECK-NOT: nn.dot_general
// CHECK: nn.yield
// CHECK: %[[STATES:.*]] = nn.reshape %[[FORWARD]]#1 {{.*}} -> tensor<?x3xf32, #nn.sizes<"2*len">>
// CHECK: %[[GRADS:.*]] = nn.reshape %[[REVERSE]]#1 {{.*}} -> tensor<?x3xf32, #nn.sizes<"2*len">>
// CHECK: nn.dot_general %[[STATES]], %[[GRADS]] {lhs_batch = array<i64>, lhs_contract = array<i64: 0>
// CHECK-LABEL: func.func @grads
