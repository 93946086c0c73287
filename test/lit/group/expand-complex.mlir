// RUN: ingot-opt %s --split-input-file --expand-complex --canonicalize --cse | FileCheck %s

// Callers see complex tensors, what is between is real.
// CHECK-LABEL: func.func @mul
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xcomplex<f32>, #nn.sizes<"batch">>, %[[Y:.*]]: tensor
// CHECK-DAG: %[[A:.*]] = nn.real %[[X]]
// CHECK-DAG: %[[B:.*]] = nn.imag %[[X]]
// CHECK-DAG: %[[C:.*]] = nn.real %[[Y]]
// CHECK-DAG: %[[D:.*]] = nn.imag %[[Y]]
// CHECK-DAG: %[[AC:.*]] = nn.mul %[[A]], %[[C]]
// CHECK-DAG: %[[BD:.*]] = nn.mul %[[B]], %[[D]]
// CHECK-DAG: %[[AD:.*]] = nn.mul %[[A]], %[[D]]
// CHECK-DAG: %[[BC:.*]] = nn.mul %[[B]], %[[C]]
// CHECK-DAG: %[[RE:.*]] = nn.sub %[[AC]], %[[BD]]
// CHECK-DAG: %[[IM:.*]] = nn.add %[[AD]], %[[BC]]
// CHECK: %[[R:.*]] = nn.complex %[[RE]], %[[IM]]
// CHECK: return %[[R]]
!c = tensor<?x3xcomplex<f32>, #nn.sizes<"batch">>
func.func @mul(%x: !c, %y: !c) -> !c {
  %r = nn.mul %x, %y : !c
  return %r : !c
}

// -----

// What moves data moves both parts; what passes through stays whole.
// CHECK-LABEL: func.func @moves
// CHECK-COUNT-2: nn.transpose {{.*}} -> tensor<3x2xf64>
// CHECK: nn.complex
// CHECK: return %{{.*}}, %arg0
func.func @moves(%x: tensor<2x3xcomplex<f64>>) -> (tensor<3x2xcomplex<f64>>, tensor<2x3xcomplex<f64>>) {
  %t = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xcomplex<f64>>) -> tensor<3x2xcomplex<f64>>
  %n = nn.neg %x : tensor<2x3xcomplex<f64>>
  %m = nn.neg %t : tensor<3x2xcomplex<f64>>
  return %m, %x : tensor<3x2xcomplex<f64>>, tensor<2x3xcomplex<f64>>
}

// -----

// A matrix product is four real ones.
// CHECK-LABEL: func.func @matmul
// CHECK-COUNT-4: nn.dot_general {{.*}} -> tensor<2x4xf32>
// CHECK-NOT: nn.dot_general
func.func @matmul(%x: tensor<2x3xcomplex<f32>>, %y: tensor<3x4xcomplex<f32>>) -> tensor<2x4xcomplex<f32>> {
  %r = nn.dot_general %x, %y {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (tensor<2x3xcomplex<f32>>, tensor<3x4xcomplex<f32>>) -> tensor<2x4xcomplex<f32>>
  return %r : tensor<2x4xcomplex<f32>>
}

// -----

// Loops carry both parts; branches and what they capture too.
// CHECK-LABEL: func.func @loop
// CHECK: nn.for <5>(%{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>)
// CHECK: ^bb0(%{{.*}}: tensor<i32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>)
// CHECK: nn.if %{{.*}} : tensor<i1> -> tensor<4xf32>, tensor<4xf32>
// CHECK: nn.yield %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>
func.func @loop(%x: tensor<4xcomplex<f32>>, %p: tensor<i1>) -> tensor<4xcomplex<f32>> {
  %r = nn.for <5> (%x : tensor<4xcomplex<f32>>) {
  ^bb0(%i: tensor<i32>, %c: tensor<4xcomplex<f32>>):
    %b = nn.if %p : tensor<i1> -> tensor<4xcomplex<f32>> {
      %s = nn.square %c : tensor<4xcomplex<f32>>
      nn.yield %s : tensor<4xcomplex<f32>>
    } else {
      nn.yield %x : tensor<4xcomplex<f32>>
    }
    nn.yield %b : tensor<4xcomplex<f32>>
  }
  return %r : tensor<4xcomplex<f32>>
}

// -----

// A product over a dimension has no real form: a loop over its elements.
// CHECK-LABEL: func.func @prod
// CHECK: nn.for <"n">(
// CHECK: nn.dynamic_slice
func.func @prod(%x: tensor<3x?xcomplex<f32>, #nn.sizes<"n">>) -> tensor<3xcomplex<f32>> {
  %r = nn.reduce prod %x {dims = array<i64: 1>} : (tensor<3x?xcomplex<f32>, #nn.sizes<"n">>) -> tensor<3xcomplex<f32>>
  return %r : tensor<3xcomplex<f32>>
}
