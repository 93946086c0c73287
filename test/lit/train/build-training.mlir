// From an inference signature to the functions of a training artifact.
// RUN: ingot-opt --pass-pipeline='builtin.module(nn-build-training{loss=sparse_categorical_crossentropy from-logits=true optimizer=adam})' %s | FileCheck %s
// RUN: ingot-opt --pass-pipeline='builtin.module(nn-build-training{loss=mse optimizer=sgd momentum=0.9 learning-rate=0.5})' %s | FileCheck %s --check-prefix=SGD

!x = tensor<?x2xf32, #nn.sizes<"batch">>
!y = tensor<?x3xf32, #nn.sizes<"batch">>
nn.variable @w {value = dense<0.5> : tensor<2x3xf32>, trainable}
// The model's own counter goes on counting, and is not trained.
nn.variable @calls {value = dense<0> : tensor<i64>}
// State stands behind the model's variables and starts as zeros.
// CHECK: nn.variable @calls
// CHECK: nn.variable @"adam/w/momentum" {value = dense<0.000000e+00> : tensor<2x3xf32>}
// CHECK: nn.variable @"adam/w/velocity" {value = dense<0.000000e+00> : tensor<2x3xf32>}
// CHECK: nn.variable @"adam/iterations" {value = dense<0> : tensor<i64>}
// SGD: nn.variable @"sgd/w/momentum"
// SGD-NOT: velocity

// CHECK: func.func @f
// CHECK-SAME: ingot.signature = "infer"
func.func @f(%x: !x {ingot.input = "x"}, %w: tensor<2x3xf32> {ingot.variable = @w}, %n: tensor<i64> {ingot.variable = @calls})
    -> (!y {ingot.output = "out"}, tensor<i64> {ingot.variable = @calls}) attributes {ingot.signature = "serving_default"} {
  %m = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!x, tensor<2x3xf32>) -> !y
  %one = nn.constant dense<1> : tensor<i64>
  %k = nn.add %n, %one : tensor<i64>
  return %m, %k : !y, tensor<i64>
}

// CHECK: func.func @train(%{{.*}}: tensor<?x2xf32, #nn.sizes<"batch">> {ingot.input = "x"}, %{{.*}}: tensor<?xi32, #nn.sizes<"batch">> {ingot.input = "y"},
// CHECK-SAME: -> (tensor<f32> {ingot.output = "loss"}, tensor<i64> {ingot.variable = @calls}, tensor<2x3xf32> {ingot.variable = @w},
// CHECK: nn.log_softmax
// The weight's gradient is one contraction with the input, without a transpose.
// CHECK-NOT: nn.transpose
// CHECK: nn.dot_general %{{.*}} {lhs_batch = array<i64>, lhs_contract = array<i64: 0>, rhs_batch = array<i64>, rhs_contract = array<i64: 0>}
// CHECK: nn.pow
// SGD: func.func @train
// SGD: nn.constant dense<5.000000e-01>
// SGD: nn.constant dense<0.899999976>
// CHECK: func.func @grads
// CHECK-SAME: tensor<2x3xf32> {ingot.output = "w"}
// CHECK: func.func @apply(%{{.*}}: tensor<2x3xf32> {ingot.input = "w"}
// CHECK: func.func @evaluate
// CHECK-SAME: {ingot.output = "loss"}, tensor<f32> {ingot.output = "accuracy"})
// SGD: func.func @evaluate
// SGD-NOT: accuracy
// CHECK: func.func @init()
