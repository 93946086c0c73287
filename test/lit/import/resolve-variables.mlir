// Reads become the current value, assignments the next one; loops and branches
// carry the variables they take.
// RUN: ingot-opt %s --resolve-variables --split-input-file | FileCheck %s

// CHECK: nn.variable @n {value = dense<7> : tensor<i64>}
graph.variable @n : tensor<i64> = dense<7> : tensor<i64>
// CHECK-NOT: @unused
graph.variable @unused : tensor<*xf32>

// CHECK-LABEL: func.func @count(
// CHECK-SAME: %[[BY:.*]]: tensor<i64> {ingot.input = "by"}, %[[N:.*]]: tensor<i64> {ingot.variable = @n})
// CHECK-SAME: -> (tensor<i64> {ingot.output = "before"}, tensor<*xi64> {ingot.output = "after"}, tensor<*xi64> {ingot.variable = @n})
// CHECK: %[[S:.*]] = graph.node "AddV2"(%[[N]], %[[BY]]) "add" {T = i64}
// CHECK: return %[[N]], %[[S]], %[[S]]
func.func @count(%by: tensor<i64> {ingot.input = "by"})
    -> (tensor<*xi64> {ingot.output = "before"}, tensor<*xi64> {ingot.output = "after"}) {
  %h = graph.node "VarHandleOp"() "n" {dtype = i64} attributes {ingot.variable = @n} : () -> tensor<*x!graph.resource>
  %a = graph.node "ReadVariableOp"(%h) "r" {dtype = i64} : (tensor<*x!graph.resource>) -> tensor<*xi64>
  graph.node "AssignAddVariableOp"(%h, %by) "add" {dtype = i64} : (tensor<*x!graph.resource>, tensor<i64>) -> ()
  %b = graph.node "ReadVariableOp"(%h) "r2" {dtype = i64} : (tensor<*x!graph.resource>) -> tensor<*xi64>
  return %a, %b : tensor<*xi64>, tensor<*xi64>
}

// -----

// References of TensorFlow 1: an assignment hands the reference on.
graph.variable @v : tensor<2xf32> = dense<1.0> : tensor<2xf32>
// CHECK-LABEL: func.func @reference(
// CHECK-SAME: %[[V:.*]]: tensor<2xf32> {ingot.variable = @v}
// CHECK: %[[A:.*]] = graph.node "Exp"(%[[V]]) "old"
// CHECK: %[[S:.*]] = graph.node "Sub"(%[[V]], %[[A]]) "sub"
// CHECK: %[[B:.*]] = graph.node "Exp"(%[[S]]) "new"
// CHECK: return %[[B]], %[[S]]
func.func @reference() -> (tensor<*xf32> {ingot.output = "y"}) {
  %v = graph.node "VariableV2"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*xf32>
  %a = graph.node "Exp"(%v) "old" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  %w = graph.node "AssignSub"(%v, %a) "sub" {T = f32} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %b = graph.node "Exp"(%w) "new" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %b : tensor<*xf32>
}

// -----

graph.variable @v : tensor<f32> = dense<1.0> : tensor<f32>
// CHECK-LABEL: func.func @branches(
// CHECK-SAME: %[[P:.*]]: tensor<i1>{{.*}}, %[[V:.*]]: tensor<f32> {ingot.variable = @v})
// CHECK: %[[I:.*]]:2 = graph.node "If"(%[[P]], %[[V]]) "if"
// CHECK-SAME: Tin = [f32], Tout = [f32, f32], else_branch = @[[ELSE:.*]], then_branch = @[[THEN:[a-z0-9_]+]]}
// CHECK: return %[[I]]#0, %[[I]]#1
func.func @branches(%p: tensor<i1> {ingot.input = "p"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %h = graph.node "VarHandleOp"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*x!graph.resource>
  %r = graph.node "If"(%p, %h) "if" {Tin = [!graph.resource], Tout = [f32], then_branch = @then, else_branch = @else} : (tensor<i1>, tensor<*x!graph.resource>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}
// CHECK: func.func private @[[THEN]](%[[X:.*]]: tensor<*xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
// CHECK: %[[E:.*]] = graph.node "Exp"(%[[X]])
// CHECK: return %[[X]], %[[E]]
func.func private @then(%h: tensor<*x!graph.resource>) -> tensor<*xf32> {
  %a = graph.node "ReadVariableOp"(%h) "r" {dtype = f32} : (tensor<*x!graph.resource>) -> tensor<*xf32>
  %e = graph.node "Exp"(%a) "e" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  graph.node "AssignVariableOp"(%h, %e) "w" {dtype = f32} : (tensor<*x!graph.resource>, tensor<*xf32>) -> ()
  return %a : tensor<*xf32>
}
// CHECK: func.func private @[[ELSE]](%[[X:.*]]: tensor<*xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
// CHECK: return %[[X]], %[[X]]
func.func private @else(%h: tensor<*x!graph.resource>) -> tensor<*xf32> {
  %a = graph.node "ReadVariableOp"(%h) "r" {dtype = f32} : (tensor<*x!graph.resource>) -> tensor<*xf32>
  return %a : tensor<*xf32>
}

// -----

graph.variable @v : tensor<f32> = dense<1.0> : tensor<f32>
// CHECK-LABEL: func.func @loop(
// CHECK-SAME: %[[X:.*]]: tensor<f32>{{.*}}, %[[V:.*]]: tensor<f32> {ingot.variable = @v})
// CHECK: %[[L:.*]]:2 = graph.node "While"(%[[X]], %[[V]]) "loop" {T = [f32, f32], body = @[[BODY:.*]], cond = @[[COND:.*]]}
// CHECK: %[[E:.*]] = graph.node "Exp"(%[[L]]#1)
// CHECK: return %[[E]], %[[L]]#1
func.func @loop(%x: tensor<f32> {ingot.input = "x"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %h = graph.node "VarHandleOp"() "v" {dtype = f32} attributes {ingot.variable = @v} : () -> tensor<*x!graph.resource>
  %l:2 = graph.node "While"(%h, %x) "loop" {T = [!graph.resource, f32], body = @body, cond = @cond, output_shapes = []}
    : (tensor<*x!graph.resource>, tensor<f32>) -> (tensor<*x!graph.resource>, tensor<*xf32>)
  %a = graph.node "ReadVariableOp"(%l#0) "r" {dtype = f32} : (tensor<*x!graph.resource>) -> tensor<*xf32>
  %e = graph.node "Exp"(%a) "e" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %e : tensor<*xf32>
}
// CHECK: func.func private @[[COND]](%[[A:.*]]: tensor<*xf32>, %[[B:.*]]: tensor<*xf32>) -> tensor<*xi1>
// CHECK: graph.node "Less"(%[[A]], %[[B]])
func.func private @cond(%h: tensor<*x!graph.resource>, %x: tensor<*xf32>) -> tensor<*xi1> {
  %a = graph.node "ReadVariableOp"(%h) "r" {dtype = f32} : (tensor<*x!graph.resource>) -> tensor<*xf32>
  %c = graph.node "Less"(%x, %a) "c" {T = f32} : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xi1>
  return %c : tensor<*xi1>
}
// CHECK: func.func private @[[BODY]](%[[A:.*]]: tensor<*xf32>, %[[B:.*]]: tensor<*xf32>) -> (tensor<*xf32>, tensor<*xf32>)
// CHECK: %[[S:.*]] = graph.node "AddV2"(%[[B]], %[[A]])
// CHECK: return %[[A]], %[[S]]
func.func private @body(%h: tensor<*x!graph.resource>, %x: tensor<*xf32>) -> (tensor<*x!graph.resource>, tensor<*xf32>) {
  graph.node "AssignAddVariableOp"(%h, %x) "w" {dtype = f32} : (tensor<*x!graph.resource>, tensor<*xf32>) -> ()
  return %h, %x : tensor<*x!graph.resource>, tensor<*xf32>
}

// -----

// Gathers and scatters on a handle.
graph.variable @t : tensor<5x2xf32> = dense<1.0> : tensor<5x2xf32>
// CHECK-LABEL: func.func @table(
// CHECK: %[[AX:.*]] = graph.node "Const"() "g" {dtype = i32, value = dense<0> : tensor<i32>}
// CHECK: %[[G:.*]] = graph.node "GatherV2"(%arg1, %arg0, %[[AX]]) "g" {Taxis = i32, Tindices = i32, Tparams = f32, batch_dims = 0 : i64}
// CHECK: %[[I:.*]] = graph.node "ExpandDims"(%arg0, %{{.*}}) "s" {T = i32, Tdim = i32}
// CHECK: %[[S:.*]] = graph.node "TensorScatterAdd"(%arg1, %[[I]], %[[G]]) "s"
// CHECK: return %[[G]], %[[S]]
func.func @table(%i: tensor<3xi32> {ingot.input = "i"}) -> (tensor<*xf32> {ingot.output = "y"}) {
  %h = graph.node "VarHandleOp"() "t" {dtype = f32} attributes {ingot.variable = @t} : () -> tensor<*x!graph.resource>
  %g = graph.node "ResourceGather"(%h, %i) "g" {Tindices = i32, batch_dims = 0 : i64, dtype = f32} : (tensor<*x!graph.resource>, tensor<3xi32>) -> tensor<*xf32>
  graph.node "ResourceScatterAdd"(%h, %i, %g) "s" {Tindices = i32, dtype = f32} : (tensor<*x!graph.resource>, tensor<3xi32>, tensor<*xf32>) -> ()
  return %g : tensor<*xf32>
}
