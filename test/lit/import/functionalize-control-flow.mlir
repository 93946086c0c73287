// Frames of TensorFlow 1 become While, Switch/Merge pairs If; a conditional
// inside a loop, effects of a branch, and the index output of a Merge.
// RUN: ingot-opt %s --functionalize-control-flow --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @loop
// CHECK-SAME: %[[N:.*]]: tensor<i32>, %[[W:.*]]: tensor<f32>
// CHECK-NOT: Enter
// CHECK: %[[L:.*]]:4 = graph.node "While"(%{{.*}}, %[[W]], %[[N]]) "while" {T = [i32, f32, i32], body = @while_body, cond = @while_cond}
// CHECK: return %[[L]]#1
// CHECK-LABEL: func.func private @while_cond(%arg0: tensor<*xi32>, %arg1: tensor<*xf32>, %arg2: tensor<*xi32>) -> tensor<*xi1>
// CHECK: %[[C:.*]] = graph.node "Less"(%arg0, %arg2)
// CHECK: return %[[C]]
// CHECK-LABEL: func.func private @while_body
// CHECK: %[[ONE:.*]] = graph.node "Const"
// CHECK: %[[I:.*]] = graph.node "AddV2"(%{{.*}}, %[[ONE]]) "while/add"
// CHECK: %[[IF:.*]]:2 = graph.node "If"(%{{.*}}, %arg1) "while/cond"
// CHECK: return %[[I]], %[[IF]]#0, %arg2
// CHECK-LABEL: func.func private @"while/cond_else"(%arg0: tensor<*xf32>)
// CHECK: return %arg0
// CHECK-LABEL: func.func private @"while/cond_then"(%arg0: tensor<*xf32>)
// CHECK: %[[E:.*]] = graph.node "Exp"(%arg0)
// CHECK: return %[[E]]
func.func @loop(%n: tensor<i32>, %w: tensor<f32>) -> tensor<*xf32> {
  %zero = graph.node "Const"() "zero" {dtype = i32, value = dense<0> : tensor<i32>} : () -> tensor<*xi32>
  %ei = graph.node "Enter"(%zero) "while/Enter" {T = i32, frame_name = "while", is_constant = false} : (tensor<*xi32>) -> tensor<*xi32>
  %ew = graph.node "Enter"(%w) "while/Enter_1" {T = f32, frame_name = "while", is_constant = false} : (tensor<f32>) -> tensor<*xf32>
  %en = graph.node "Enter"(%n) "while/Enter_2" {T = i32, frame_name = "while", is_constant = true} : (tensor<i32>) -> tensor<*xi32>
  %bi = graph.backedge "while/Next"[0] : tensor<*xi32>
  %mi:2 = graph.node "Merge"(%ei, %bi) "while/Merge" {N = 2 : i64, T = i32} : (tensor<*xi32>, tensor<*xi32>) -> (tensor<*xi32>, tensor<*xi32>)
  %bw = graph.backedge "while/Next_1"[0] : tensor<*xf32>
  %mw:2 = graph.node "Merge"(%ew, %bw) "while/Merge_1" {N = 2 : i64, T = f32} : (tensor<*xf32>, tensor<*xf32>) -> (tensor<*xf32>, tensor<*xi32>)
  %c = graph.node "Less"(%mi#0, %en) "while/Less" {T = i32} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi1>
  %lc = graph.node "LoopCond"(%c) "while/LoopCond" {} : (tensor<*xi1>) -> tensor<*xi1>
  %si:2 = graph.node "Switch"(%mi#0, %lc) "while/Switch" {T = i32} : (tensor<*xi32>, tensor<*xi1>) -> (tensor<*xi32>, tensor<*xi32>)
  %sw:2 = graph.node "Switch"(%mw#0, %lc) "while/Switch_1" {T = f32} : (tensor<*xf32>, tensor<*xi1>) -> (tensor<*xf32>, tensor<*xf32>)
  %xw = graph.node "Exit"(%sw#0) "while/Exit_1" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  %ii, %ic = graph.node "Identity"(%si#1) "while/Identity" {T = i32} : (tensor<*xi32>) -> (tensor<*xi32>, !graph.control)
  %one = graph.node "Const"(%ic) "while/one" {dtype = i32, value = dense<1> : tensor<i32>} : (!graph.control) -> tensor<*xi32>
  %add = graph.node "AddV2"(%ii, %one) "while/add" {T = i32} : (tensor<*xi32>, tensor<*xi32>) -> tensor<*xi32>
  %ni = graph.node "NextIteration"(%add) "while/Next" {T = i32} : (tensor<*xi32>) -> tensor<*xi32>
  %p = graph.node "IsNan"(%sw#1) "while/p" {T = f32} : (tensor<*xf32>) -> tensor<*xi1>
  %cs:2 = graph.node "Switch"(%sw#1, %p) "while/cond/Switch" {T = f32} : (tensor<*xf32>, tensor<*xi1>) -> (tensor<*xf32>, tensor<*xf32>)
  %ce = graph.node "Exp"(%cs#1) "while/cond/Exp" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  %cm:2 = graph.node "Merge"(%cs#0, %ce) "while/cond/Merge" {N = 2 : i64, T = f32} : (tensor<*xf32>, tensor<*xf32>) -> (tensor<*xf32>, tensor<*xi32>)
  %nw = graph.node "NextIteration"(%cm#0) "while/Next_1" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
  return %xw : tensor<*xf32>
}

// -----

// An assignment under a condition moves into the branch; the second output of a
// Merge says which input it took.
// CHECK-LABEL: func.func @effects
// CHECK: %[[IF:.*]]:3 = graph.node "If"(%arg0, %arg0, %{{.*}}) "c" {
// CHECK: return %[[IF]]#0, %[[IF]]#1
// CHECK-LABEL: func.func private @c_else
// CHECK-NOT: Assign
// CHECK: %[[K:.*]] = graph.node "Const"() "c/Merge" {dtype = i32, value = dense<0>
// CHECK: return %{{.*}}, %[[K]]
// CHECK-LABEL: func.func private @c_then
// CHECK: graph.node "Assign"
// CHECK: dense<1>
func.func @effects(%p: tensor<i1>) -> (tensor<*xi1>, tensor<*xi32>) {
  %v = graph.node "VariableV2"() "v" {dtype = i1} : () -> tensor<*xi1>
  %s:2 = graph.node "Switch"(%p, %p) "c/Switch" {T = i1} : (tensor<i1>, tensor<i1>) -> (tensor<*xi1>, tensor<*xi1>)
  %t = graph.node "Identity"(%s#1) "c/switch_t" {T = i1} : (tensor<*xi1>) -> tensor<*xi1>
  %f = graph.node "Identity"(%s#0) "c/switch_f" {T = i1} : (tensor<*xi1>) -> tensor<*xi1>
  %r:2 = graph.node "RefSwitch"(%v, %p) "c/Assign/Switch" {T = i1} : (tensor<*xi1>, tensor<i1>) -> (tensor<*xi1>, tensor<*xi1>)
  %a:2 = graph.node "Assign"(%r#1, %t) "c/Assign" {T = i1} : (tensor<*xi1>, tensor<*xi1>) -> (tensor<*xi1>, !graph.control)
  %d = graph.node "Identity"(%t, %a#1) "c/done" {T = i1} : (tensor<*xi1>, !graph.control) -> tensor<*xi1>
  %m:2 = graph.node "Merge"(%f, %d) "c/Merge" {N = 2 : i64, T = i1} : (tensor<*xi1>, tensor<*xi1>) -> (tensor<*xi1>, tensor<*xi32>)
  return %m#0, %m#1 : tensor<*xi1>, tensor<*xi32>
}
