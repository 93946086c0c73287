// Every class of GPU kernel from nn to PTX.
// RUN: ingot-opt %s --schedule-gpu-kernels | FileCheck %s --check-prefix=LOOPS
// RUN: ingot-opt %s --schedule-gpu-kernels --emit-ptx | FileCheck %s

// One sequence, four elements a thread, the rest one by one.
// LOOPS: nn.dispatch @gpu_kernels::@elementwise_0(%arg0, %arg1) {{{.*}}chunk = 256
// LOOPS-SAME: grid = #nn.sizes<"floordiv(100*batch + 1023, 1024)">
// CHECK-LABEL: .visible .entry elementwise_0(
// CHECK: .maxntid 256
// CHECK: ld.global.v4.b32
// CHECK: ld.global.v4.b32
// CHECK: st.global.v4.b32
!x = tensor<?x100xf32, #nn.sizes<"batch">>
func.func @add_relu(%x: !x, %y: !x) -> !x {
  %r = nn.kernel "elementwise"(%x, %y : !x, !x) -> !x {
  ^bb0(%a: !x, %b: !x):
    %s = nn.add %a, %b : !x
    %t = nn.relu %s : !x
    nn.yield %t : !x
  }
  return %r : !x
}

// A bias over the last dimension: coordinates, still four at a time.
// CHECK-LABEL: .visible .entry elementwise_1(
// CHECK: ld.global.v4.b32
// CHECK: ld.global.v4.b32
// CHECK: st.global.v4.b32
func.func @bias_tanh(%x: !x, %y: tensor<100xf32>) -> !x {
  %r = nn.kernel "elementwise"(%x, %y : !x, tensor<100xf32>) -> !x {
  ^bb0(%a: !x, %b: tensor<100xf32>):
    %c = nn.broadcast %b {dims = array<i64: 1>} : (tensor<100xf32>) -> !x
    %s = nn.add %a, %c : !x
    %t = nn.tanh %s : !x
    nn.yield %t : !x
  }
  return %r : !x
}

// Softmax of short rows: one warp a row, no shared memory.
// CHECK-LABEL: .visible .entry row_0(
// CHECK-NOT: .shared
// CHECK-COUNT-10: shfl.sync.bfly.b32
// CHECK-NOT: bar.sync
// CHECK: ret;
func.func @softmax(%x: !x) -> !x {
  %r = nn.kernel "row"(%x : !x) -> !x {
  ^bb0(%a: !x):
    %s = nn.softmax %a : !x
    nn.yield %s : !x
  }
  return %r : !x
}

// Sums of long rows: a block a row.
// LOOPS: nn.dispatch @gpu_kernels::@row_1(%arg0) {{{.*}}chunk = 256
// LOOPS-SAME: grid = #nn.sizes<"batch">
// CHECK-LABEL: .visible .entry row_1(
// CHECK: .shared
// CHECK: ld.global.v4.b32
// CHECK-COUNT-5: shfl.sync.bfly.b32
// CHECK: bar.sync
// CHECK: ret;
!long = tensor<?x5000xf32, #nn.sizes<"batch">>
!rows = tensor<?xf32, #nn.sizes<"batch">>
func.func @sums(%x: !long) -> !rows {
  %r = nn.kernel "row"(%x : !long) -> !rows {
  ^bb0(%a: !long):
    %s = nn.reduce sum %a {dims = array<i64: 1>} : (!long) -> !rows
    nn.yield %s : !rows
  }
  return %r : !rows
}

// A Dense layer: exact float32, the bias and relu in registers.
// LOOPS: nn.dispatch @gpu_kernels::@contraction_0(%arg0, %arg1, %arg2) {{{.*}}chunk = 256
// LOOPS-SAME: grid = #nn.sizes<"8*floordiv(batch + 63, 64)">
// CHECK-LABEL: .visible .entry contraction_0(
// CHECK: .shared .align 16
// CHECK: ld.global.v4.b32
// CHECK: bar.sync
// CHECK: ld.shared.v4.b32
// CHECK-COUNT-256: fma.rn.f32
// CHECK: bar.sync
// CHECK: st.global.v4.b32
!in = tensor<?x784xf32, #nn.sizes<"batch">>
!out = tensor<?x512xf32, #nn.sizes<"batch">>
func.func @dense(%x: !in, %w: tensor<784x512xf32>, %b: tensor<512xf32>) -> !out {
  %r = nn.kernel "contraction"(%x, %w, %b : !in, tensor<784x512xf32>, tensor<512xf32>) -> !out {
  ^bb0(%a: !in, %v: tensor<784x512xf32>, %c: tensor<512xf32>):
    %d = nn.dot_general %a, %v {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!in, tensor<784x512xf32>) -> !out
    %e = nn.broadcast %c {dims = array<i64: 1>} : (tensor<512xf32>) -> !out
    %s = nn.add %d, %e : !out
    %t = nn.relu %s : !out
    nn.yield %t : !out
  }
  return %r : !out
}
