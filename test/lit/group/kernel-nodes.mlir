// RUN: ingot-opt %s --form-kernels --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// A kernel names what is computed in it again for its readers, too: an index out of
// range is the gather's fault, although the kernel exists for the concatenation.
// CHECK-LABEL: func.func @f
// CHECK: nn.kernel
// CHECK: nn.take
// CHECK: nn.concat
// CHECK: } loc(fused["gather", "concat"])
func.func @f(%x: tensor<2x3xf32> {ingot.input = "x"}, %t: tensor<5x4xf32> {ingot.input = "t"},
             %i: tensor<2xi32> {ingot.input = "i"}) -> (tensor<2x7xf32> {ingot.output = "y"}) {
  %0 = nn.take %t, %i {axis = 0 : i64} : (tensor<5x4xf32>, tensor<2xi32>) -> tensor<2x4xf32> loc("gather")
  %1 = nn.concat %x, %0 {dim = 1 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32> loc("concat")
  return %1 : tensor<2x7xf32>
}
