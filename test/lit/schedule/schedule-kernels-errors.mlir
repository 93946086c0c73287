// RUN: ingot-opt %s --split-input-file --schedule-kernels --verify-diagnostics

func.func @noSuchLoops(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{schedule: 'loops' must be "flat", "tile", "rows", "special" or "serial"}}
  %r = nn.kernel "elementwise" (%x : tensor<8xf32>) -> tensor<8xf32> attributes {schedule = {loops = "round"}} {
  ^bb0(%0: tensor<8xf32>):
    nn.yield %0 : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// -----

func.func @badOrder(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: every dimension must be a unit axis of block 1 or stand in 'order'}}
  %r = nn.kernel "elementwise" (%x : tensor<8x4xf32>) -> tensor<8x4xf32> attributes {schedule = {loops = "tile", lanes = 4, lane_dim = 1, order = [1]}} {
  ^bb0(%0: tensor<8x4xf32>):
    nn.yield %0 : tensor<8x4xf32>
  }
  return %r : tensor<8x4xf32>
}

// -----

func.func @oddLanes(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{schedule: lanes must be a power of two}}
  %r = nn.kernel "elementwise" (%x : tensor<8xf32>) -> tensor<8xf32> attributes {schedule = {loops = "flat", lanes = 12}} {
  ^bb0(%0: tensor<8xf32>):
    nn.yield %0 : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// -----

func.func @complex(%x: tensor<8xcomplex<f32>>) -> tensor<8xcomplex<f32>> {
  // expected-note@+1 {{in this kernel}}
  %r = nn.kernel "elementwise" (%x : tensor<8xcomplex<f32>>) -> tensor<8xcomplex<f32>> {
  ^bb0(%0: tensor<8xcomplex<f32>>):
    // expected-error@+1 {{complex numbers must be expanded before}}
    %1 = nn.sqrt %0 : tensor<8xcomplex<f32>>
    nn.yield %1 : tensor<8xcomplex<f32>>
  }
  return %r : tensor<8xcomplex<f32>>
}
