// RUN: ingot-opt --lower-to-llvm=cpu=haswell --split-input-file --verify-diagnostics %s
// RUN: not ingot-opt --lower-to-llvm=cpu=pentium-9 --split-input-file %s 2>&1 | FileCheck %s
// CHECK: unknown cpu 'pentium-9' for x86_64

// A kernel has no tensors.
func.func @k(%p: !llvm.ptr) -> i32 {
  // expected-error @+1 {{failed to legalize operation 'tensor.empty'}}
  %t = tensor.empty() : tensor<4xf32>
  %i = arith.constant 0 : index
  %x = tensor.extract %t[%i] : tensor<4xf32>
  llvm.store %x, %p : f32, !llvm.ptr
  %ok = arith.constant 0 : i32
  return %ok : i32
}
