// RUN: ingot-opt --evaluate-prepare --split-input-file --verify-diagnostics %s

func.func @f() -> (tensor<3xi32> {ingot.output = "a"}) {
  %c = nn.constant dense<[1, 2, 3]> : tensor<3xi32>
  // expected-error @+1 {{calls @kernels::@gone, which does not exist}}
  %t = nn.dispatch @kernels::@gone(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  return %t : tensor<3xi32>
}

// -----

func.func @f() -> (tensor<3xi32> {ingot.output = "a"}) {
  %c = nn.constant dense<[1, 2, 3]> : tensor<3xi32>
  // expected-error @+1 {{fails on constants with status 7, and kernels that can fail have no GPU schedule yet}}
  %t = nn.dispatch @kernels::@bad(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<3>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  return %t : tensor<3xi32>
}
module @kernels {
  func.func @bad(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %seven = arith.constant 7 : i32
    return %seven : i32
  }
}
gpu.module @gpu_kernels {
}

// -----

func.func @f(%x: tensor<?xi32, #nn.sizes<"n">> {ingot.input = "x"}) -> (tensor<3xi32> {ingot.output = "a"}) {
  %c = nn.constant dense<[1, 2, 3]> : tensor<3xi32>
  // expected-error @+1 {{prepares constants but has a size that is not known}}
  %t = nn.dispatch @kernels::@k(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<"n">, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<3xi32>) -> tensor<3xi32>
  return %t : tensor<3xi32>
}
module @kernels {
  func.func @k(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}
