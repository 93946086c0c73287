// RUN: ingot-opt %s --split-input-file --hoist-loop-invariants | FileCheck %s

// What cannot fail leaves a loop; what can fail stays where the loop may not run.
// CHECK-LABEL: func.func @count_unknown
// CHECK: nn.add %arg1, %arg1
// CHECK: nn.div %arg1, %{{.*}}
// CHECK: nn.pow %arg1, %{{.*}}
// CHECK: nn.div %arg3, %arg3
// CHECK: nn.take %arg1, %arg2 {{.*}}clamp
// CHECK: nn.for
// CHECK-DAG: nn.div %{{.*}}, %arg1
// CHECK-DAG: nn.floor_div
// CHECK-DAG: nn.mod
// CHECK-DAG: nn.rem
// CHECK-DAG: nn.pow
// CHECK-DAG: nn.reciprocal
// CHECK-DAG: nn.take
// CHECK-DAG: nn.gather_nd
// CHECK-DAG: nn.scatter
// CHECK: nn.yield
func.func @count_unknown(%x: tensor<?xi32, #nn.sizes<"n">>, %a: tensor<4xi32>, %i: tensor<4x1xi32>, %f: tensor<4xf32>) -> (tensor<4xi32>, tensor<4xf32>) {
  %good = nn.constant dense<[1, 2, 3, -4]> : tensor<4xi32>
  %up = nn.constant dense<[1, 2, 3, 0]> : tensor<4xi32>
  %r:2 = nn.for #nn.sizes<"n"> (%a, %f : tensor<4xi32>, tensor<4xf32>) {
  ^bb0(%k: tensor<i32>, %s: tensor<4xi32>, %t: tensor<4xf32>):
    %0 = nn.add %a, %a : tensor<4xi32>
    %1 = nn.div %a, %good : tensor<4xi32>
    %2 = nn.pow %a, %up : tensor<4xi32>
    %3 = nn.div %f, %f : tensor<4xf32>
    %4 = nn.take %a, %i {axis = 0 : i64, mode = #nn<bounds_mode clamp>} : (tensor<4xi32>, tensor<4x1xi32>) -> tensor<4x1xi32>
    %5 = nn.div %up, %a : tensor<4xi32>
    %6 = nn.floor_div %up, %up : tensor<4xi32>
    %7 = nn.mod %up, %a : tensor<4xi32>
    %8 = nn.rem %up, %a : tensor<4xi32>
    %9 = nn.pow %up, %good : tensor<4xi32>
    %10 = nn.reciprocal %up : tensor<4xi32>
    %11 = nn.take %a, %i {axis = 0 : i64} : (tensor<4xi32>, tensor<4x1xi32>) -> tensor<4x1xi32>
    %12 = nn.gather_nd %a, %i : (tensor<4xi32>, tensor<4x1xi32>) -> tensor<4xi32>
    %13 = nn.scatter %a, %i, %a {kind = #nn<scatter_kind add>} : (tensor<4xi32>, tensor<4x1xi32>, tensor<4xi32>) -> tensor<4xi32>
    %14 = nn.reshape %4 : (tensor<4x1xi32>) -> tensor<4xi32>
    %15 = nn.reshape %11 : (tensor<4x1xi32>) -> tensor<4xi32>
    %s0 = nn.add %s, %0 : tensor<4xi32>
    %s1 = nn.add %s0, %1 : tensor<4xi32>
    %s2 = nn.add %s1, %2 : tensor<4xi32>
    %s3 = nn.add %s2, %14 : tensor<4xi32>
    %s4 = nn.add %s3, %15 : tensor<4xi32>
    %s5 = nn.add %s4, %5 : tensor<4xi32>
    %s6 = nn.add %s5, %6 : tensor<4xi32>
    %s7 = nn.add %s6, %7 : tensor<4xi32>
    %s8 = nn.add %s7, %8 : tensor<4xi32>
    %s9 = nn.add %s8, %9 : tensor<4xi32>
    %s10 = nn.add %s9, %10 : tensor<4xi32>
    %s11 = nn.add %s10, %12 : tensor<4xi32>
    %s12 = nn.add %s11, %13 : tensor<4xi32>
    %t0 = nn.add %t, %3 : tensor<4xf32>
    nn.yield %s12, %t0 : tensor<4xi32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xi32>, tensor<4xf32>
}

// -----

// A loop that certainly runs lets them go.
// CHECK-LABEL: func.func @three_times
// CHECK: nn.mod %arg0, %arg0
// CHECK: nn.for
func.func @three_times(%a: tensor<4xi32>) -> tensor<4xi32> {
  %r = nn.for #nn.sizes<3> (%a : tensor<4xi32>) {
  ^bb0(%k: tensor<i32>, %s: tensor<4xi32>):
    %0 = nn.mod %a, %a : tensor<4xi32>
    %1 = nn.add %s, %0 : tensor<4xi32>
    nn.yield %1 : tensor<4xi32>
  }
  return %r : tensor<4xi32>
}

// -----

// Nothing says whether a while loop runs; what follows from what stays stays, too.
// CHECK-LABEL: func.func @while
// CHECK: nn.while
// CHECK: do
// CHECK: nn.mod %arg0, %arg0
// CHECK: nn.abs
func.func @while(%a: tensor<4xi32>, %go: tensor<i1>) -> tensor<4xi32> {
  %r:2 = nn.while (%a, %go : tensor<4xi32>, tensor<i1>) {
  ^bb0(%s: tensor<4xi32>, %g: tensor<i1>):
    nn.yield %g : tensor<i1>
  } do {
  ^bb0(%s: tensor<4xi32>, %g: tensor<i1>):
    %0 = nn.mod %a, %a : tensor<4xi32>
    %1 = nn.abs %0 : (tensor<4xi32>) -> tensor<4xi32>
    %2 = nn.add %s, %1 : tensor<4xi32>
    %no = nn.not %g : tensor<i1>
    nn.yield %2, %no : tensor<4xi32>, tensor<i1>
  }
  return %r#0 : tensor<4xi32>
}
