// RUN: ingot-opt %s --choose-schedules="cpu=sapphirerapids triple=x86_64-linux-gnu" | FileCheck %s --check-prefix=AVX512
// RUN: ingot-opt %s --choose-schedules="cpu=haswell triple=x86_64-linux-gnu" | FileCheck %s --check-prefix=AVX2
// RUN: ingot-opt %s --choose-schedules="cpu=neoverse-n1 triple=aarch64-linux-gnu" | FileCheck %s --check-prefix=NEON

// Register tiles and lanes follow from the processor.
// AVX512-LABEL: @dense
// AVX512: nn.kernel "contraction"{{.*}}schedule = {lane_dim = 1 : i64, lanes = 16 : i64, loops = "tile", order = [0, 1], row_dim = 0 : i64, rows = 14 : i64
// AVX2-LABEL: @dense
// AVX2: schedule = {{.*}}lanes = 8 : i64, {{.*}}rows = 6 : i64, {{.*}}vecs = 2 : i64
// NEON-LABEL: @dense
// NEON: schedule = {{.*}}lanes = 4 : i64, {{.*}}rows = 6 : i64, {{.*}}vecs = 4 : i64
!x = tensor<?x512xf32, #nn.sizes<"batch">>
func.func @dense(%x: !x, %w: tensor<512x512xf32>) -> !x {
  %r = nn.kernel "contraction" (%x, %w : !x, tensor<512x512xf32>) -> !x {
  ^bb0(%0: !x, %1: tensor<512x512xf32>):
    %d = nn.dot_general %0, %1 {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!x, tensor<512x512xf32>) -> !x
    nn.yield %d : !x
  }
  return %r : !x
}

// AVX512-LABEL: @softmax
// AVX512: nn.kernel "row"{{.*}}loops = "rows"{{.*}}units = {{\[\[}}0, 1]]
func.func @softmax(%x: !x) -> !x {
  %r = nn.kernel "row" (%x : !x) -> !x {
  ^bb0(%0: !x):
    %s = nn.softmax %0 : !x
    nn.yield %s : !x
  }
  return %r : !x
}

// AVX512-LABEL: @cast
// AVX512: nn.kernel "elementwise"{{.*}}lanes = 64 : i64, loops = "flat"
func.func @cast(%x: tensor<5000xi8>) -> tensor<5000xi8> {
  %r = nn.kernel "elementwise" (%x : tensor<5000xi8>) -> tensor<5000xi8> {
  ^bb0(%0: tensor<5000xi8>):
    %s = nn.add %0, %0 : tensor<5000xi8>
    nn.yield %s : tensor<5000xi8>
  }
  return %r : tensor<5000xi8>
}
