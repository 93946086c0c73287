// RUN: ingot-opt %s --split-input-file --sink-reshapes --fold-scales --choose-layouts --form-kernels | FileCheck %s

// BatchNorm as Keras 3 exports it folds into the filter; the residual and relu
// join the second convolution; filters are packed by prepare kernels.
// CHECK-LABEL: func.func @residual
// CHECK-DAG: nn.kernel "elementwise"{{.*}} attributes {prepare}
// CHECK: nn.kernel "contraction"(%arg0
// CHECK: nn.unpack
// CHECK: nn.conv
// CHECK-NOT: nn.mul
// CHECK: nn.add
// CHECK: nn.relu
// CHECK: nn.kernel "contraction"
// CHECK: nn.conv
// CHECK: nn.add
// CHECK: nn.relu
// CHECK-NOT: nn.kernel
// CHECK: return
!x = tensor<?x8x8x16xf32, #nn.sizes<"batch">>
func.func @residual(%x: !x) -> !x {
  %w = nn.constant dense<0.5> : tensor<3x3x16x16xf32>
  %w2 = nn.constant dense<0.25> : tensor<3x3x16x16xf32>
  %m = nn.constant dense<[1.,2.,3.,4.,5.,6.,7.,8.,9.,10.,11.,12.,13.,14.,15.,16.]> : tensor<16xf32>
  %c = nn.conv %x, %w {strides = array<i64: 1, 1>, pad_low = #nn.sizes<1, 1>, pad_high = #nn.sizes<1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1} : (!x, tensor<3x3x16x16xf32>) -> !x
  %b = nn.broadcast %m {dims = array<i64: 3>} : (tensor<16xf32>) -> !x
  %s = nn.mul %c, %b : !x
  %a = nn.add %s, %b : !x
  %r = nn.relu %a : !x
  %c2 = nn.conv %r, %w2 {strides = array<i64: 1, 1>, pad_low = #nn.sizes<1, 1>, pad_high = #nn.sizes<1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, groups = 1} : (!x, tensor<3x3x16x16xf32>) -> !x
  %a2 = nn.add %c2, %x : !x
  %r2 = nn.relu %a2 : !x
  return %r2 : !x
}

// -----

// A Dense layer on rank 3 becomes a matrix product with its bias.
// CHECK-LABEL: func.func @dense3
// CHECK: nn.reshape
// CHECK: nn.kernel "contraction"
// CHECK: nn.dot_general
// CHECK: nn.add
// CHECK: nn.tanh
// CHECK: nn.yield
// CHECK: nn.reshape
// CHECK: return
!t = tensor<?x?x64xf32, #nn.sizes<"batch", "len">>
!u = tensor<?x?x32xf32, #nn.sizes<"batch", "len">>
func.func @dense3(%x: !t, %bias: tensor<32xf32>, %w: tensor<64x32xf32>) -> !u {
  %d = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 2>, rhs_contract = array<i64: 0>} : (!t, tensor<64x32xf32>) -> !u
  %b = nn.broadcast %bias {dims = array<i64: 2>} : (tensor<32xf32>) -> !u
  %a = nn.add %d, %b : !u
  %y = nn.tanh %a : !u
  return %y : !u
}

// -----

// Layer normalization is one row kernel.
// CHECK-LABEL: func.func @layernorm
// CHECK: nn.kernel "row"(%arg0
// CHECK: nn.reduce sum
// CHECK: nn.reduce sum
// CHECK: nn.yield
// CHECK-NOT: nn.kernel
// CHECK: return
!n = tensor<?x64xf32, #nn.sizes<"rows">>
!k = tensor<?xf32, #nn.sizes<"rows">>
!k1 = tensor<?x1xf32, #nn.sizes<"rows">>
func.func @layernorm(%x: !n) -> !n {
  %inv = nn.constant dense<0.015625> : tensor<f32>
  %eps = nn.constant dense<0.001> : tensor<f32>
  %sum = nn.reduce sum %x {dims = array<i64: 1>} : (!n) -> !k
  %kept = nn.reshape %sum : (!k) -> !k1
  %i = nn.broadcast %inv {dims = array<i64>} : (tensor<f32>) -> !k1
  %mean = nn.mul %kept, %i : !k1
  %mb = nn.broadcast %mean {dims = array<i64: 0, 1>} : (!k1) -> !n
  %d = nn.squared_difference %x, %mb : !n
  %sum2 = nn.reduce sum %d {dims = array<i64: 1>} : (!n) -> !k
  %kept2 = nn.reshape %sum2 : (!k) -> !k1
  %var = nn.mul %kept2, %i : !k1
  %e = nn.broadcast %eps {dims = array<i64>} : (tensor<f32>) -> !k1
  %v = nn.add %var, %e : !k1
  %r = nn.rsqrt %v : !k1
  %rb = nn.broadcast %r {dims = array<i64: 0, 1>} : (!k1) -> !n
  %c = nn.sub %x, %mb : !n
  %y = nn.mul %c, %rb : !n
  return %y : !n
}

// -----

// Two kernels never need each other: the exponential reads the sum of what it
// is added to, so the addition stays apart from the first kernel.
// CHECK-LABEL: func.func @no_cycle
// CHECK: return
func.func @no_cycle(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %a = nn.exp %x : tensor<8x4xf32>
  %s = nn.reduce sum %a {dims = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
  %b = nn.broadcast %s {dims = array<i64: 1>} : (tensor<4xf32>) -> tensor<8x4xf32>
  %y = nn.add %a, %b : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A step of a recurrent loop is one kernel: its part of the sequence is taken, and
// what only the product's epilogue reads is computed there.
// CHECK-LABEL: func.func @step
// CHECK: nn.for
// CHECK: nn.kernel "contraction"
// CHECK: nn.take {{.*}} mode = {{.*}}clamp
// CHECK: nn.add
// CHECK: nn.dot_general
// CHECK: nn.add
// CHECK: nn.tanh
// CHECK: nn.yield
// CHECK-NOT: nn.kernel
// CHECK: return
!xs = tensor<?x?x32xf32, #nn.sizes<"len", "batch">>
!h = tensor<?x32xf32, #nn.sizes<"batch">>
func.func @step(%xs: !xs, %h0: !h, %w: tensor<32x32xf32>, %bias: !h) -> !h {
  %zero = nn.constant dense<0> : tensor<i32>
  %h = nn.for <"len"> (%h0 : !h) {
  ^bb0(%i: tensor<i32>, %h1: !h):
    %s = nn.dynamic_slice %xs, %i, %zero, %zero : (!xs, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x?x32xf32, #nn.sizes<"batch">>
    %x = nn.reshape %s : (tensor<1x?x32xf32, #nn.sizes<"batch">>) -> !h
    %b = nn.add %x, %bias : !h
    %d = nn.dot_general %h1, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!h, tensor<32x32xf32>) -> !h
    %a = nn.add %b, %d : !h
    %t = nn.tanh %a : !h
    nn.yield %t : !h
  }
  return %h : !h
}

// -----

// Both parts of a complex argument that several kernels read come from one kernel; a
// part that one reader wants is a strided view.
// CHECK-LABEL: func.func @parts
// CHECK: %[[P:.*]]:2 = nn.kernel "elementwise"(%arg0 : tensor<4x4xcomplex<f32>>) -> tensor<4x4xf32>, tensor<4x4xf32>
// CHECK: nn.real
// CHECK: nn.imag
// CHECK: nn.kernel "contraction"(%[[P]]#0, %[[P]]#1
// CHECK: nn.kernel "elementwise"(%arg1 : tensor<4x4xcomplex<f32>>)
// CHECK: nn.imag
// CHECK: nn.transpose
func.func @parts(%x: tensor<4x4xcomplex<f32>>, %y: tensor<4x4xcomplex<f32>>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %re = nn.real %x : (tensor<4x4xcomplex<f32>>) -> tensor<4x4xf32>
  %im = nn.imag %x : (tensor<4x4xcomplex<f32>>) -> tensor<4x4xf32>
  %a = nn.dot_general %re, %im {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = nn.dot_general %im, %re {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %c = nn.imag %y : (tensor<4x4xcomplex<f32>>) -> tensor<4x4xf32>
  %t = nn.transpose %c {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %a, %b, %t : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}
