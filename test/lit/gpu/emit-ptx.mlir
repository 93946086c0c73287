// Code generation by hand-written kernels: .version, wide accesses where the
// alignment is known, shuffles, shared memory and own math without libdevice.
// RUN: ingot-opt %s --emit-ptx | FileCheck %s
// RUN: ingot-opt %s --emit-ptx="target=cuda:sm_90a" | FileCheck %s --check-prefix=HOPPER

// CHECK: .version 7.0
// CHECK: .target sm_80
// HOPPER: .version 8.0
// HOPPER: .target sm_90a
// CHECK-NOT: .extern
gpu.module @gpu_kernels {
  // CHECK-LABEL: .visible .entry axpy(
  // CHECK: .maxntid 256
  // CHECK: ld.global.v4.b32
  // CHECK: fma.rn.f32
  // CHECK: st.global.v4.b32
  gpu.func @axpy(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) kernel attributes {known_block_size = array<i32: 256, 1, 1>} {
    %xs = builtin.unrealized_conversion_cast %x : !llvm.ptr<1> to memref<?xf32, 1>
    %ys = builtin.unrealized_conversion_cast %y : !llvm.ptr<1> to memref<?xf32, 1>
    %t = gpu.thread_id x
    %c4 = arith.constant 4 : index
    %i = arith.muli %t, %c4 : index
    %a = arith.constant dense<2.0> : vector<4xf32>
    %vx = vector.load %xs[%i] : memref<?xf32, 1>, vector<4xf32>
    %vy = vector.load %ys[%i] : memref<?xf32, 1>, vector<4xf32>
    %r = math.fma %a, %vx, %vy : vector<4xf32>
    vector.store %r, %ys[%i] : memref<?xf32, 1>, vector<4xf32>
    gpu.return
  }
  // CHECK-LABEL: .visible .entry warp_sum(
  // CHECK: .shared
  // CHECK: shfl.sync.bfly.b32
  // CHECK: bar.sync 0
  gpu.func @warp_sum(%x: !llvm.ptr<1>) workgroup(%s : memref<32xf32, #gpu.address_space<workgroup>>) kernel {
    %xs = builtin.unrealized_conversion_cast %x : !llvm.ptr<1> to memref<?xf32, 1>
    %t = gpu.thread_id x
    %v = memref.load %xs[%t] : memref<?xf32, 1>
    %e = math.exp %v : f32
    %c16 = arith.constant 16 : i32
    %c32 = arith.constant 32 : i32
    %o, %ok = gpu.shuffle xor %e, %c16, %c32 : f32
    %n = arith.addf %e, %o : f32
    memref.store %n, %s[%t] : memref<32xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %c31 = arith.constant 31 : index
    %u = arith.subi %c31, %t : index
    %w = memref.load %s[%u] : memref<32xf32, #gpu.address_space<workgroup>>
    memref.store %w, %xs[%t] : memref<?xf32, 1>
    gpu.return
  }
}
