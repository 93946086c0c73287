// RUN: ingot-opt --plan-program=debug-arena %s | FileCheck %s

// A buffer may be touched from its first writer to its last reader; one that an
// in-place result takes over lives on; a loop's own buffers begin anew each time.

// CHECK-LABEL: rt.program @f
// CHECK-SAME: guard = 4096
// CHECK-DAG: %[[A:.*]] = rt.slice <4096>
// CHECK-DAG: %[[B:.*]] = rt.slice <8256>
// CHECK: rt.begin %[[A]]
// CHECK-NEXT: rt.dispatch @kernels::@one
// CHECK-NOT: rt.free
// CHECK: rt.for
// CHECK: rt.begin %[[B]]
// CHECK-NEXT: rt.dispatch @kernels::@two(%[[A]], %{{.*}}, %[[B]])
// CHECK-NEXT: rt.begin %[[A]]
// CHECK-NEXT: rt.dispatch @kernels::@three(%[[A]], %[[B]], %[[A]])
// CHECK-NEXT: rt.free %[[B]]
// CHECK-NOT: rt.free
// CHECK: rt.dispatch @kernels::@two(%[[A]]
// CHECK: rt.free %[[A]]
func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) {
  %a = nn.dispatch @kernels::@one(%x) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<4xf32>) -> tensor<4xf32>
  %r = nn.for #nn.sizes<3> (%a : tensor<4xf32>) {
  ^bb0(%i: tensor<i32>, %s: tensor<4xf32>):
    %b = nn.dispatch @kernels::@two(%s, %x) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %c = nn.dispatch @kernels::@three(%s, %b) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    nn.yield %c : tensor<4xf32>
  }
  %y = nn.dispatch @kernels::@two(%r, %x) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
