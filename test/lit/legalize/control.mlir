// RUN: ingot-opt %s --legalize-graph-to-nn --split-input-file | FileCheck %s

// A known number of iterations: the counter is the iteration, `w` is captured.
// CHECK-LABEL: func.func @counted
// CHECK: %[[R:.*]] = nn.for <"len">(%{{.*}} : tensor<2x2xf32>) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i32>, %[[X:.*]]: tensor<2x2xf32>):
// CHECK-NEXT: %[[D:.*]] = nn.dot_general %[[X]], %arg2
// CHECK-NEXT: nn.yield %[[D]]
// The counter's value after the loop is a size.
// CHECK: %[[N:.*]] = nn.sizes {values = #nn.sizes<"len">}
// CHECK: return %[[R]], %[[N]]
func.func @counted(%l: tensor<?xf32, #nn.sizes<"len">> {ingot.input = "l"}, %x: tensor<2x2xf32> {ingot.input = "x"}, %w: tensor<2x2xf32> {ingot.input = "w"}) -> (tensor<*xf32>, tensor<*xi32>) {
  %0 = graph.node "Const"() "zero" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %n = graph.node "Size"(%l) "n" {} : (tensor<?xf32, #nn.sizes<"len">>) -> tensor<*xi32>
  %r:4 = graph.node "While"(%0, %n, %x, %w) "while" {cond = @cond, body = @body} : (tensor<*xi32>, tensor<*xi32>, tensor<2x2xf32>, tensor<2x2xf32>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>)
  return %r#2, %r#0 : tensor<*xf32>, tensor<*xi32>
}
func.func private @cond(%i: tensor<*xi32>, %n: tensor<*xi32>, %x: tensor<*xf32>, %w: tensor<*xf32>) -> tensor<*xi1> {
  %0 = graph.node "Less"(%i, %n) "less" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}
func.func private @body(%i: tensor<*xi32>, %n: tensor<*xi32>, %x: tensor<*xf32>, %w: tensor<*xf32>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>) {
  %0 = graph.node "Const"() "one" {value = dense<1> : tensor<i32>} : () -> tensor<*xi32>
  %1 = graph.node "AddV2"(%i, %0) "next" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %2 = graph.node "MatMul"(%x, %w) "mm" {} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %3 = graph.node "Identity"(%w) "w_again" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %1, %n, %2, %3 : tensor<*xi32>, tensor<*xi32>, tensor<*xf32>, tensor<*xf32>
}

// -----

// A limit that only run time knows: nn.while.
// CHECK-LABEL: func.func @steps
// CHECK: nn.while(%{{.*}}, %arg0 : tensor<i32>, tensor<f32>) {
// CHECK: nn.compare  lt
// CHECK: } do {
// CHECK: nn.add %{{.*}} : tensor<i32>
// CHECK: nn.exp
func.func @steps(%x: tensor<f32> {ingot.input = "x"}, %n: tensor<i32> {ingot.input = "n"}) -> tensor<*xf32> {
  %0 = graph.node "Const"() "zero" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %r:3 = graph.node "StatelessWhile"(%0, %n, %x) "while" {cond = @cond, body = @body} : (tensor<*xi32>, tensor<i32>, tensor<f32>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*xf32>)
  return %r#2 : tensor<*xf32>
}
func.func private @cond(%i: tensor<*xi32>, %n: tensor<*xi32>, %x: tensor<*xf32>) -> tensor<*xi1> {
  %0 = graph.node "Less"(%i, %n) "less" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}
func.func private @body(%i: tensor<*xi32>, %n: tensor<*xi32>, %x: tensor<*xf32>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*xf32>) {
  %0 = graph.node "Const"() "one" {value = dense<1> : tensor<i32>} : () -> tensor<*xi32>
  %1 = graph.node "AddV2"(%i, %0) "next" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %2 = graph.node "Exp"(%x) "e" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %1, %n, %2 : tensor<*xi32>, tensor<*xi32>, tensor<*xf32>
}

// -----

// CHECK-LABEL: func.func @branches
// CHECK: nn.if %{{.*}} : tensor<i1> -> tensor<?xf32, #nn.sizes<"batch">> {
// CHECK: nn.exp
// CHECK: } else {
// CHECK: nn.tanh
// The branch of a known condition is taken at compile time.
// CHECK-NOT: nn.if
// CHECK: nn.exp
func.func @branches(%x: tensor<?xf32> {ingot.input = "x"}, %p: tensor<i1> {ingot.input = "p"}) -> (tensor<*xf32>, tensor<*xf32>) {
  %r = graph.node "If"(%p, %x) "if" {then_branch = @a, else_branch = @b} : (tensor<i1>, tensor<?xf32>) -> tensor<*xf32>
  %t = graph.node "Const"() "true" {value = dense<true> : tensor<i1>} : () -> tensor<*xi1>
  %s = graph.node "StatelessIf"(%t, %x) "if2" {then_branch = @a, else_branch = @b} : (tensor<*xi1>, tensor<?xf32>) -> tensor<*xf32>
  return %r, %s : tensor<*xf32>, tensor<*xf32>
}
func.func private @a(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Exp"(%x) "exp" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @b(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Tanh"(%x) "tanh" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// CHECK-LABEL: func.func @case
// CHECK: nn.if
// CHECK: nn.exp
// CHECK: nn.if
// CHECK: nn.tanh
// CHECK: nn.sin
func.func @case(%x: tensor<4xf32> {ingot.input = "x"}, %p: tensor<i32> {ingot.input = "p"}) -> tensor<*xf32> {
  %r = graph.node "Case"(%p, %x) "case" {branches = [@a, @b, @c]} : (tensor<i32>, tensor<4xf32>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}
func.func private @a(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Exp"(%x) "exp" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @b(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Tanh"(%x) "tanh" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
func.func private @c(%x: tensor<*xf32>) -> tensor<*xf32> {
  %0 = graph.node "Sin"(%x) "sin" {} : (tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// The first write into a reserved list decides its element shape.
// CHECK-LABEL: func.func @list
// CHECK: %[[Z:.*]] = nn.broadcast %{{.*}} -> tensor<?x?xf32, #nn.sizes<"len", "batch">>
// CHECK: %[[R:.*]] = nn.for <"len">(%[[Z]] : tensor<?x?xf32, #nn.sizes<"len", "batch">>)
// CHECK-NEXT: ^bb0(%[[I:.*]]: tensor<i32>, %[[L:.*]]: tensor
// CHECK: nn.dynamic_update_slice %[[L]], %{{.*}}, %[[I]], %{{.*}}
// CHECK: return %[[R]]
func.func @list(%x: tensor<?x?xf32, #nn.sizes<"len", "batch">> {ingot.input = "x"}) -> tensor<*xf32> {
  %0 = graph.node "Const"() "zero" {value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %m = graph.node "Const"() "any" {value = dense<-1> : tensor<i32>} : () -> tensor<*xi32>
  %in = graph.node "TensorListFromTensor"(%x, %m) "in" {element_dtype = f32} : (tensor<?x?xf32, #nn.sizes<"len", "batch">>, tensor<*xi32>) -> tensor<*x!graph.variant>
  %n = graph.node "TensorListLength"(%in) "n" {} : (tensor<*x!graph.variant>) -> tensor<*xi32>
  %out = graph.node "TensorListReserve"(%m, %n) "out" {element_dtype = f32} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*x!graph.variant>
  %r:4 = graph.node "While"(%0, %n, %out, %in) "while" {cond = @cond, body = @body} : (tensor<*xi32>, tensor<*xi32>, tensor<*x!graph.variant>, tensor<*x!graph.variant>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*x!graph.variant>, tensor<*x!graph.variant>)
  %s = graph.node "TensorListStack"(%r#2, %m) "stack" {element_dtype = f32, num_elements = -1 : i64} : (tensor<*x!graph.variant>, tensor<*xi32>) -> tensor<*xf32>
  return %s : tensor<*xf32>
}
func.func private @cond(%i: tensor<*xi32>, %n: tensor<*xi32>, %x: tensor<*x!graph.variant>, %w: tensor<*x!graph.variant>) -> tensor<*xi1> {
  %0 = graph.node "Greater"(%n, %i) "less" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi1>
  return %0 : tensor<*xi1>
}
func.func private @body(%i: tensor<*xi32>, %n: tensor<*xi32>, %out: tensor<*x!graph.variant>, %in: tensor<*x!graph.variant>) -> (tensor<*xi32>, tensor<*xi32>, tensor<*x!graph.variant>, tensor<*x!graph.variant>) {
  %0 = graph.node "Const"() "one" {value = dense<1> : tensor<i32>} : () -> tensor<*xi32>
  %m = graph.node "Const"() "any" {value = dense<-1> : tensor<i32>} : () -> tensor<*xi32>
  %1 = graph.node "AddV2"(%i, %0) "next" {} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %2 = graph.node "TensorListGetItem"(%in, %i, %m) "get" {element_dtype = f32} : (tensor<*x!graph.variant>, tensor<*xi32>, tensor<*xi32>) -> tensor<*xf32>
  %3 = graph.node "Exp"(%2) "e" {} : (tensor<*xf32>) -> tensor<*xf32>
  %4 = graph.node "TensorListSetItem"(%out, %i, %3) "set" {element_dtype = f32} : (tensor<*x!graph.variant>, tensor<*xi32>, tensor<*xf32>) -> tensor<*x!graph.variant>
  return %1, %n, %4, %in : tensor<*xi32>, tensor<*xi32>, tensor<*x!graph.variant>, tensor<*x!graph.variant>
}
