// What has no GPU schedule says so, kernel by kernel.
// RUN: not ingot-opt %s --schedule-gpu-kernels 2>&1 | FileCheck %s

// CHECK-DAG: error: 'nn.conv' has no GPU schedule yet; compile this model with --target cpu
!x = tensor<?x8x8x4xf32, #nn.sizes<"batch">>
func.func @conv(%x: !x, %f: tensor<3x3x4x4xf32>) -> !x {
  %r = nn.kernel "contraction"(%x, %f : !x, tensor<3x3x4x4xf32>) -> !x {
  ^bb0(%a: !x, %w: tensor<3x3x4x4xf32>):
    %c = nn.conv %a, %w {strides = array<i64: 1, 1>, pad_low = #nn.sizes<1, 1>, pad_high = #nn.sizes<1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1} : (!x, tensor<3x3x4x4xf32>) -> !x
    nn.yield %c : !x
  }
  return %r : !x
}

// CHECK-DAG: error: has run-time checks, which GPU kernels cannot report yet
!t = tensor<?xf32, #nn.sizes<"batch">>
!i = tensor<?xi32, #nn.sizes<"batch">>
func.func @lookup(%x: tensor<10xf32>, %i: !i) -> !t {
  %r = nn.kernel "elementwise"(%x, %i : tensor<10xf32>, !i) -> !t {
  ^bb0(%a: tensor<10xf32>, %b: !i):
    %c = nn.take %a, %b {axis = 0 : i64} : (tensor<10xf32>, !i) -> !t
    nn.yield %c : !t
  }
  return %r : !t
}

// CHECK-DAG: error: 'nn.kernel' op GPU schedule: a thread's rows and columns must be multiples of 4
!m = tensor<64x64xf32>
func.func @by_hand(%x: !m, %y: !m) -> !m {
  %r = nn.kernel "contraction"(%x, %y : !m, !m) -> !m attributes {schedule = {gpu = "matmul", threads = 64, tile = [64, 64, 16], thread = [4, 4]}} {
  ^bb0(%a: !m, %b: !m):
    %d = nn.dot_general %a, %b {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!m, !m) -> !m
    nn.yield %d : !m
  }
  return %r : !m
}
