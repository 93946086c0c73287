// A function of each signature: only what its outputs need, control edges
// included; arguments with named sizes.
// RUN: ingot-opt %s --select-signatures | FileCheck %s

// CHECK-NOT: graph.signatures
// CHECK-NOT: @main
// CHECK-LABEL: func.func @first(
// CHECK-SAME: %[[X:.*]]: tensor<?x3xf32, #nn.sizes<"batch">> {ingot.input = "in", ingot.shape = ["batch", 3]}) -> (tensor<*xf32> {ingot.output = "out"}) attributes {ingot.signature = "first"}
// CHECK: graph.node "NoOp"() "c"
// CHECK: graph.node "Exp"(%[[X]], %{{.*}}) "y"
// CHECK-NOT: "z"
// CHECK-LABEL: func.func @second(
// CHECK: graph.node "Tanh"(%arg0) "z"
// CHECK-NOT: "y"
module attributes {graph.main = @main, graph.signatures = [
    {name = "first", inputs = [{name = "in", node = "x", index = 0 : i64, shape = ["batch", 3], type = f32}],
     outputs = [{name = "out", node = "y", index = 0 : i64}]},
    {name = "second", inputs = [{name = "in", node = "x", index = 0 : i64, shape = ["batch", 3], type = f32}],
     outputs = [{name = "out", node = "z", index = 0 : i64}]}]} {
  func.func private @main() {
    %x = graph.node "Placeholder"() "x" {dtype = f32, shape = array<i64: -1, 3>} : () -> tensor<*xf32>
    %c = graph.node "NoOp"() "c" {} : () -> !graph.control
    %y = graph.node "Exp"(%x, %c) "y" {T = f32} : (tensor<*xf32>, !graph.control) -> tensor<*xf32>
    %z = graph.node "Tanh"(%x) "z" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
    return
  }
}
