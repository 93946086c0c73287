// RUN: ingot-opt %s --split-input-file --expand-complex --verify-diagnostics

func.func @order(%x: tensor<4xcomplex<f32>>) -> tensor<4xi1> {
  // expected-error@+1 {{is not defined for complex numbers}}
  %r = nn.compare lt %x, %x : (tensor<4xcomplex<f32>>, tensor<4xcomplex<f32>>) -> tensor<4xi1>
  return %r : tensor<4xi1>
}

// -----

func.func @max(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  // expected-error@+1 {{is not defined for complex numbers}}
  %r = nn.max %x, %x : tensor<4xcomplex<f32>>
  return %r : tensor<4xcomplex<f32>>
}
