// RUN: ingot-opt --pass-pipeline='builtin.module(nn-build-training{loss=mse})' --split-input-file --verify-diagnostics %s

!x = tensor<?x2xf32, #nn.sizes<"batch">>
// A frozen graph has nothing to train.
// expected-error @+1 {{no variables to train: a frozen GraphDef holds constants only; use the SavedModel}}
func.func @f(%x: !x {ingot.input = "x"}) -> (!x {ingot.output = "out"}) attributes {ingot.signature = "serving_default"} {
  return %x : !x
}

// -----

!x = tensor<?x2xf32, #nn.sizes<"batch">>
nn.variable @w {value = dense<0.5> : tensor<2xf32>}
// expected-error @+1 {{training needs a signature with one output, this one has 2}}
func.func @f(%x: !x {ingot.input = "x"}, %w: tensor<2xf32> {ingot.variable = @w}) -> (!x {ingot.output = "out"}, !x {ingot.output = "b"})
    attributes {ingot.signature = "serving_default"} {
  return %x, %x : !x, !x
}

// -----

nn.variable @w {value = dense<0.5> : tensor<2xf32>}
// expected-error @+1 {{no float tensor that a loss could be taken of}}
func.func @f(%x: tensor<2xi32> {ingot.input = "x"}, %w: tensor<2xf32> {ingot.variable = @w}) -> (tensor<2xi32> {ingot.output = "out"})
    attributes {ingot.signature = "serving_default"} {
  return %x : tensor<2xi32>
}

// -----

nn.variable @w {value = dense<0.5> : tensor<2xf32>}
func.func @f(%x: tensor<i1> {ingot.input = "x"}, %w: tensor<2xf32> {ingot.variable = @w}) -> (tensor<2xf32> {ingot.output = "out"})
    attributes {ingot.signature = "serving_default"} {
  // expected-error @+1 {{cannot train through 'nn.while': how often the loop runs is only known while it runs}}
  %r = nn.while (%w : tensor<2xf32>) {
  ^bb0(%c: tensor<2xf32>):
    nn.yield %x : tensor<i1>
  } do {
  ^bb0(%c: tensor<2xf32>):
    %d = nn.exp %c : tensor<2xf32>
    nn.yield %d : tensor<2xf32>
  }
  return %r : tensor<2xf32>
}

// -----

nn.variable @w {value = dense<0.5> : tensor<2xf32>, trainable}
nn.variable @mean {value = dense<0.5> : tensor<2xf32>}
// expected-remark @+1 {{1 variables that are not trainable, such as the moving statistics of batch normalization, stay as they are}}
func.func @f(%x: tensor<2xf32> {ingot.input = "x"}, %w: tensor<2xf32> {ingot.variable = @w}, %m: tensor<2xf32> {ingot.variable = @mean})
    -> (tensor<2xf32> {ingot.output = "out"}) attributes {ingot.signature = "serving_default"} {
  %a = nn.sub %x, %m : tensor<2xf32>
  %b = nn.mul %a, %w : tensor<2xf32>
  return %b : tensor<2xf32>
}
