// The assembler of the CUDA toolkit, where there is one, takes the PTX of every
// class of kernel for old and new GPUs and spills nothing.
// REQUIRES: ptxas
// RUN: ingot-opt %S/kernels-to-ptx.mlir --schedule-gpu-kernels --emit-ptx="target=cuda:sm_80" | sed '/^module/,$d' > %t.80.ptx
// RUN: ptxas -arch=sm_80 -v %t.80.ptx -o %t.cubin 2>&1 | FileCheck %s
// RUN: ptxas -arch=sm_90 -v %t.80.ptx -o %t.cubin 2>&1 | FileCheck %s
// RUN: ingot-opt %S/kernels-to-ptx.mlir --schedule-gpu-kernels --emit-ptx="target=cuda:sm_90a" | sed '/^module/,$d' > %t.90.ptx
// RUN: ptxas -arch=sm_90a -v %t.90.ptx -o %t.cubin 2>&1 | FileCheck %s
// CHECK-NOT: error
// CHECK-COUNT-5: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// CHECK-NOT: error
