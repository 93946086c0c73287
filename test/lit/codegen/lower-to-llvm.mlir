// RUN: ingot-opt --lower-to-llvm=cpu=znver4 --split-input-file %s | FileCheck %s
// RUN: ingot-opt "--lower-to-llvm=triple=x86_64-linux-gnu cpu=x86-64-v2" --split-input-file %s | FileCheck %s --check-prefix=SSE

// A bare pointer becomes a memref without a descriptor in memory; a mask compares
// 32-bit lanes with a clamped bound; loads ask for the element's alignment only.

// CHECK-LABEL: llvm.func @masked
// CHECK-NOT: unrealized_conversion_cast
// CHECK: llvm.intr.smax
// CHECK: llvm.intr.smin
// CHECK: llvm.icmp "sgt" {{.*}} : vector<16xi32>
// CHECK: llvm.intr.masked.load {{.*}} {alignment = 4 : i32}
// CHECK: llvm.intr.fma
// CHECK: llvm.intr.masked.store {{.*}} {alignment = 4 : i32}
// Without FMA units, a multiplication and an addition.
// SSE-LABEL: llvm.func @masked
// SSE-NOT: intr.fma
// SSE: llvm.fmul
// SSE: llvm.fadd
func.func @masked(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
  %p = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
  %m = builtin.unrealized_conversion_cast %p : !llvm.ptr to memref<?xf32>
  %i = arith.index_cast %lo : i64 to index
  %n = arith.index_cast %hi : i64 to index
  %mask = vector.create_mask %n : vector<16xi1>
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %v = vector.maskedload %m[%i], %mask, %zero : memref<?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
  %r = math.fma %v, %v, %v : vector<16xf32>
  vector.maskedstore %m[%i], %mask, %r : memref<?xf32>, vector<16xi1>, vector<16xf32>
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// -----

// float32 functions are arithmetic, scalar and vector; huge angles take the one
// branch; bfloat16 goes through float32; float64 is left to libm.

// CHECK-LABEL: llvm.func @functions
// CHECK-NOT: llvm.call @
// CHECK-NOT: llvm.intr.exp(%{{.*}}) : (f32)
// CHECK: llvm.intr.exp(%{{.*}}) : (f64) -> f64
func.func @functions(%x: f32, %v: vector<8xf32>, %h: bf16, %d: f64) -> (f32, vector<8xf32>, bf16, f64) {
  %a = math.exp %x : f32
  %b = math.tanh %v : vector<8xf32>
  %c = math.sin %b : vector<8xf32>
  %e = math.log %h : bf16
  %f = math.exp %d : f64
  return %a, %c, %e, %f : f32, vector<8xf32>, bf16, f64
}

// -----

// Loops become branches; transposes shuffle; leading dimensions unroll.

// CHECK-LABEL: llvm.func @shapes
// CHECK: llvm.cond_br
// CHECK: llvm.shufflevector
// CHECK-NOT: vector.
func.func @shapes(%p: !llvm.ptr, %n: index) {
  %m = builtin.unrealized_conversion_cast %p : !llvm.ptr to memref<?xf32>
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %n step %c16 {
    %v = vector.load %m[%i] : memref<?xf32>, vector<16xf32>
    %s = vector.shape_cast %v : vector<16xf32> to vector<4x4xf32>
    %t = vector.transpose %s, [1, 0] : vector<4x4xf32> to vector<4x4xf32>
    %r = vector.shape_cast %t : vector<4x4xf32> to vector<16xf32>
    vector.store %r, %m[%i] : memref<?xf32>, vector<16xf32>
  }
  return
}
