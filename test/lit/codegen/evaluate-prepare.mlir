// RUN: ingot-opt --evaluate-prepare %s | FileCheck %s

// A prepare dispatch on constants runs now; its result is a constant, its kernel
// goes when nothing else calls it. One on an input stays.

// CHECK-LABEL: func.func @f
// CHECK-DAG: %[[T:.*]] = nn.constant dense<[3, 5, 7]> : tensor<3xi32>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<[false, true, true]> : tensor<3xi1>
// CHECK: %[[Y:.*]] = nn.dispatch @kernels::@keep(%arg0)
// CHECK: return %[[T]], %[[B]], %[[Y]]

// One that fails stays for the run, which may never come to it; so does what
// reads its result.
// CHECK-LABEL: func.func @fails
// CHECK: %[[F:.*]] = nn.dispatch @kernels::@fail(
// CHECK-NOT: prepare
// CHECK-SAME: -> tensor<3xi32>
// CHECK: nn.dispatch @kernels::@keep(%[[F]])
// CHECK: func.func @fail(
// CHECK-NOT: func.func @twice
// CHECK: func.func @keep
func.func @f(%x: tensor<3xi32> {ingot.input = "x"}) -> (tensor<3xi32> {ingot.output = "a"}, tensor<3xi1> {ingot.output = "b"}, tensor<3xi32> {ingot.output = "c"}) {
  %c = nn.constant dense<[1, 2, 3]> : tensor<3xi32>
  %t:2 = nn.dispatch @kernels::@twice(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi1>)
  %y = nn.dispatch @kernels::@keep(%x) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  return %t#0, %t#1, %y : tensor<3xi32>, tensor<3xi1>, tensor<3xi32>
}
func.func @fails() -> (tensor<3xi32> {ingot.output = "a"}) {
  %c = nn.constant dense<[1, 2, 3]> : tensor<3xi32>
  %f = nn.dispatch @kernels::@fail(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  %y = nn.dispatch @kernels::@keep(%f) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  return %y : tensor<3xi32>
}
module @kernels {
  func.func @fail(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %range = arith.constant 4 : i32
    return %range : i32
  }
  func.func @twice(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %g2 = llvm.getelementptr %bufs[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %p0 = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %p1 = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %p2 = llvm.load %g2 : !llvm.ptr -> !llvm.ptr
    %a = builtin.unrealized_conversion_cast %p0 : !llvm.ptr to memref<?xi32>
    %r = builtin.unrealized_conversion_cast %p1 : !llvm.ptr to memref<?xi32>
    %b = builtin.unrealized_conversion_cast %p2 : !llvm.ptr to memref<?xi8>
    %from = arith.index_cast %lo : i64 to index
    %to = arith.index_cast %hi : i64 to index
    %c1 = arith.constant 1 : index
    %one = arith.constant 1 : i32
    scf.for %i = %from to %to step %c1 {
      %x = memref.load %a[%i] : memref<?xi32>
      %two = arith.addi %x, %x : i32
      %y = arith.addi %two, %one : i32
      memref.store %y, %r[%i] : memref<?xi32>
      %big = arith.cmpi sgt, %x, %one : i32
      %byte = arith.extui %big : i1 to i8
      memref.store %byte, %b[%i] : memref<?xi8>
    }
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
  func.func @keep(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}
