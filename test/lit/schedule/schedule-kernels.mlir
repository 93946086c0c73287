// RUN: ingot-opt %s --schedule-kernels="cpu=sapphirerapids triple=x86_64-linux-gnu" | FileCheck %s

// Two kernels that differ only in the names of their sizes are one function;
// each dispatch says what its sizes are.
// CHECK-LABEL: func.func @twice
// CHECK: nn.dispatch @kernels::@elementwise_0(%arg0) {bytes = #nn.sizes<"8*batch">, {{.*}}flops = #nn.sizes<"batch">, grid = #nn.sizes<"floordiv(batch + 1023, 1024)">, inplace = array<i64: 0, 0>, scratch = #nn.sizes<0>, sizes = #nn.sizes<"batch">
// CHECK: nn.dispatch @kernels::@elementwise_0(%arg1) {{.*}}grid = #nn.sizes<"floordiv(len + 1023, 1024)">{{.*}}sizes = #nn.sizes<"len">
// CHECK: nn.dispatch @kernels::@elementwise_1(%arg0)
!x = tensor<?xf32, #nn.sizes<"batch">>
!y = tensor<?xf32, #nn.sizes<"len">>
func.func @twice(%x: !x, %y: !y) -> (!x, !y, !x) {
  %r = nn.kernel "elementwise" (%x : !x) -> !x {
  ^bb0(%0: !x):
    %1 = nn.relu %0 : !x
    nn.yield %1 : !x
  }
  %s = nn.kernel "elementwise" (%y : !y) -> !y {
  ^bb0(%0: !y):
    %1 = nn.relu %0 : !y
    nn.yield %1 : !y
  }
  %t = nn.kernel "elementwise" (%x : !x) -> !x {
  ^bb0(%0: !x):
    %1 = nn.neg %0 : !x
    nn.yield %1 : !x
  }
  return %r, %s, %t : !x, !y, !x
}

// A schedule set by hand is taken: one vector of four lanes at a time.
// CHECK-LABEL: func.func @byHand
// CHECK: nn.dispatch @kernels::@elementwise_2
func.func @byHand(%x: !x) -> !x {
  %r = nn.kernel "elementwise" (%x : !x) -> !x attributes {schedule = {loops = "flat", lanes = 4, units = [[0, 64]], chunk = 2}} {
  ^bb0(%0: !x):
    %1 = nn.sqrt %0 : !x
    nn.yield %1 : !x
  }
  return %r : !x
}

// CHECK-LABEL: module @kernels
// CHECK: func.func @elementwise_0(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: i64, %arg3: i64, %arg4: !llvm.ptr) -> i32
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: vector.maskedstore
// CHECK: func.func @elementwise_1
// CHECK: func.func @elementwise_2
// CHECK: scf.for
// CHECK: vector.load {{.*}} vector<4xf32>
// CHECK: math.sqrt
