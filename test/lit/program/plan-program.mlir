// RUN: ingot-opt --plan-program --split-input-file %s | FileCheck %s

// Intermediate values share the arena by liveness; the result is written into the
// caller's buffer; sizes are formulas of the entry symbols.

// CHECK-LABEL: rt.program @mlp
// CHECK-SAME: arena = #nn.sizes<"4096*batch">
// CHECK-SAME: bindings = array<i64: 0, 0>
// CHECK-SAME: symbols = ["batch"]
// CHECK: %[[A:.*]] = rt.slice <0> <"2048*batch">
// CHECK-NEXT: %[[B:.*]] = rt.slice <"2048*batch"> <"2048*batch">
// CHECK-NEXT: %[[C:.*]] = rt.slice <0> <"2048*batch">
// CHECK-DAG: %[[X:.*]] = rt.input 0
// CHECK-DAG: %[[W:.*]] = rt.constant @data0
// CHECK-DAG: %[[Y:.*]] = rt.output 0
// CHECK: rt.dispatch @kernels::@mm(%[[X]], %[[W]], %[[A]])
// CHECK: rt.dispatch @kernels::@mm(%[[A]], %[[W]], %[[B]])
// CHECK: rt.dispatch @kernels::@mm(%[[B]], %[[W]], %[[C]])
// CHECK: rt.dispatch @kernels::@mm(%[[C]], %[[W]], %[[Y]])
// CHECK-NOT: rt.copy
// CHECK: rt.data @data0
func.func @mlp(%x: tensor<?x512xf32, #nn.sizes<"batch">> {ingot.input = "x"})
    -> (tensor<?x512xf32, #nn.sizes<"batch">> {ingot.output = "y"})
    attributes {ingot.signature = "serving_default"} {
  %w = nn.constant dense<0.5> : tensor<512x512xf32>
  %a = nn.dispatch @kernels::@mm(%x, %w) {sizes = #nn.sizes<>, grid = #nn.sizes<"batch">, chunk = 14 : i64, scratch = #nn.sizes<0>, inplace = array<i64>}
    : (tensor<?x512xf32, #nn.sizes<"batch">>, tensor<512x512xf32>) -> tensor<?x512xf32, #nn.sizes<"batch">>
  %b = nn.dispatch @kernels::@mm(%a, %w) {sizes = #nn.sizes<>, grid = #nn.sizes<"batch">, chunk = 14 : i64, scratch = #nn.sizes<0>, inplace = array<i64>}
    : (tensor<?x512xf32, #nn.sizes<"batch">>, tensor<512x512xf32>) -> tensor<?x512xf32, #nn.sizes<"batch">>
  %c = nn.dispatch @kernels::@mm(%b, %w) {sizes = #nn.sizes<>, grid = #nn.sizes<"batch">, chunk = 14 : i64, scratch = #nn.sizes<0>, inplace = array<i64>}
    : (tensor<?x512xf32, #nn.sizes<"batch">>, tensor<512x512xf32>) -> tensor<?x512xf32, #nn.sizes<"batch">>
  %d = nn.dispatch @kernels::@mm(%c, %w) {sizes = #nn.sizes<>, grid = #nn.sizes<"batch">, chunk = 14 : i64, scratch = #nn.sizes<0>, inplace = array<i64>}
    : (tensor<?x512xf32, #nn.sizes<"batch">>, tensor<512x512xf32>) -> tensor<?x512xf32, #nn.sizes<"batch">>
  return %d : tensor<?x512xf32, #nn.sizes<"batch">>
}

// -----

// A variable is updated in place when its old value is dead; an output that is an
// input or a variable is copied.

// CHECK-LABEL: rt.program @step
// CHECK-SAME: writes_state
// CHECK-DAG: %[[X:.*]] = rt.input 0
// CHECK-DAG: %[[V:.*]] = rt.variable @v
// CHECK-DAG: %[[Y:.*]] = rt.output 0
// CHECK-DAG: %[[Z:.*]] = rt.output 1
// CHECK: rt.dispatch @kernels::@add(%[[V]], %[[X]], %[[V]])
// CHECK-DAG: rt.copy %[[X]] to %[[Y]] <16>
// CHECK-DAG: rt.copy %[[V]] to %[[Z]] <16>
nn.variable @v {value = dense<0.0> : tensor<4xf32>}
func.func @step(%x: tensor<4xf32> {ingot.input = "x"}, %v: tensor<4xf32> {ingot.variable = @v})
    -> (tensor<4xf32> {ingot.output = "y"}, tensor<4xf32> {ingot.output = "z"}, tensor<4xf32> {ingot.variable = @v}) {
  %n = nn.dispatch @kernels::@add(%v, %x) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>}
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %x, %n, %n : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Two variables exchanged: one goes through a temporary.

// CHECK-LABEL: rt.program @swap
// CHECK-DAG: %[[A:.*]] = rt.variable @a
// CHECK-DAG: %[[B:.*]] = rt.variable @b
// CHECK-DAG: %[[T:.*]] = rt.slice <0> <16>
// CHECK: rt.copy %[[B]] to %[[T]]
// CHECK: rt.copy %[[A]] to %[[B]]
// CHECK: rt.copy %[[T]] to %[[A]]
func.func @swap(%a: tensor<4xf32> {ingot.variable = @a}, %b: tensor<4xf32> {ingot.variable = @b})
    -> (tensor<4xf32> {ingot.variable = @a}, tensor<4xf32> {ingot.variable = @b}) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// A carried array updated a row at a time stays where it is: one copy at the
// start, none in the loop. The other carried value alternates without a copy as
// its kernel may write over its operand.

// CHECK-LABEL: rt.program @loop
// CHECK-DAG: %[[I:.*]] = rt.slice <{{.*}}> <4>
// CHECK-DAG: %[[H:.*]] = rt.slice <{{.*}}> <32>
// CHECK-DAG: %[[OUT:.*]] = rt.output 0
// CHECK: rt.copy %{{.*}} to %[[OUT]] <"32*len">
// CHECK: rt.copy %{{.*}} to %[[H]] <32>
// CHECK: rt.for <"len"> counter %[[I]] {
// CHECK-NEXT: rt.dispatch @kernels::@cell(%[[H]], %{{.*}}, %[[I]], %[[H]])
// CHECK-NEXT: rt.dispatch @kernels::@update(%[[OUT]], %[[H]], %[[I]], %[[OUT]])
// CHECK-NEXT: {{^ *}}}
func.func @loop(%x: tensor<?x8xf32, #nn.sizes<"len">> {ingot.input = "x"})
    -> (tensor<?x8xf32, #nn.sizes<"len">> {ingot.output = "y"}) {
  %h0 = nn.constant dense<0.0> : tensor<8xf32>
  %r:2 = nn.for #nn.sizes<"len"> (%x, %h0 : tensor<?x8xf32, #nn.sizes<"len">>, tensor<8xf32>) {
  ^bb0(%i: tensor<i32>, %list: tensor<?x8xf32, #nn.sizes<"len">>, %h: tensor<8xf32>):
    %n = nn.dispatch @kernels::@cell(%h, %x, %i) {sizes = #nn.sizes<"len">, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>}
      : (tensor<8xf32>, tensor<?x8xf32, #nn.sizes<"len">>, tensor<i32>) -> tensor<8xf32>
    %l = nn.dispatch @kernels::@update(%list, %n, %i) {sizes = #nn.sizes<"len">, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>}
      : (tensor<?x8xf32, #nn.sizes<"len">>, tensor<8xf32>, tensor<i32>) -> tensor<?x8xf32, #nn.sizes<"len">>
    nn.yield %l, %n : tensor<?x8xf32, #nn.sizes<"len">>, tensor<8xf32>
  }
  return %r#0 : tensor<?x8xf32, #nn.sizes<"len">>
}

// -----

// The condition is read by the host; what is used in the loop but made outside
// keeps its place for all iterations.

// CHECK-LABEL: rt.program @while_loop
// CHECK: rt.dispatch @kernels::@pre(%{{.*}}, %[[P:.*]])
// CHECK: rt.copy
// CHECK: rt.while {
// CHECK: rt.dispatch @kernels::@less(%[[C:.*]], %[[F:.*]])
// CHECK: rt.condition %[[F]]
// CHECK: } do {
// CHECK: rt.dispatch @kernels::@body(%[[C]], %[[P]], %[[C]])
// CHECK-NEXT: {{^ *}}}
func.func @while_loop(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) {
  %p = nn.dispatch @kernels::@pre(%x) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %r = nn.while (%x : tensor<4xf32>) {
  ^bb0(%c: tensor<4xf32>):
    %f = nn.dispatch @kernels::@less(%c) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<4xf32>) -> tensor<i1>
    nn.yield %f : tensor<i1>
  } do {
  ^bb0(%c: tensor<4xf32>):
    %n = nn.dispatch @kernels::@body(%c, %p) {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    nn.yield %n : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// Both branches write the same place; a data symbol's buffer has its bound's size.

// CHECK-LABEL: rt.program @branch
// CHECK-SAME: bounds = #nn.sizes<"batch">
// CHECK-SAME: data_symbols = ["nz0"]
// CHECK-DAG: %[[Y:.*]] = rt.output 0
// CHECK-DAG: %[[N:.*]] = rt.slice <{{.*}}> <"8*batch">
// CHECK: rt.dispatch @kernels::@nonzero(%{{.*}}, %[[N]]) {{{.*}}defines = ["nz0"]
// CHECK: rt.if %{{.*}} {
// CHECK-NEXT: rt.dispatch @kernels::@f(%[[N]], %[[Y]])
// CHECK-NEXT: {{^ *}}} else {
// CHECK-NEXT: rt.copy %[[N]] to %[[Y]] <"8*nz0">
// CHECK-NEXT: {{^ *}}}
func.func @branch(%x: tensor<?xi1, #nn.sizes<"batch">> {ingot.input = "x"}, %p: tensor<i1> {ingot.input = "p"})
    -> (tensor<?xi64, #nn.sizes<"nz0">> {ingot.output = "y"}) attributes {nn.bounds = {nz0 = "batch"}} {
  %n = nn.dispatch @kernels::@nonzero(%x) {sizes = #nn.sizes<"batch">, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, defines = ["nz0"]}
    : (tensor<?xi1, #nn.sizes<"batch">>) -> tensor<?xi64, #nn.sizes<"nz0">>
  %r = nn.if %p : tensor<i1> -> tensor<?xi64, #nn.sizes<"nz0">> {
    %a = nn.dispatch @kernels::@f(%n) {sizes = #nn.sizes<"nz0">, grid = #nn.sizes<"nz0">, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>}
      : (tensor<?xi64, #nn.sizes<"nz0">>) -> tensor<?xi64, #nn.sizes<"nz0">>
    nn.yield %a : tensor<?xi64, #nn.sizes<"nz0">>
  } else {
    nn.yield %n : tensor<?xi64, #nn.sizes<"nz0">>
  }
  return %r : tensor<?xi64, #nn.sizes<"nz0">>
}

// -----

// Sizes that the model needs equal are compared first; those of data as soon as
// they are known.

// CHECK-LABEL: rt.program @requires
// CHECK: rt.require <"a", "b">
// CHECK: rt.dispatch @kernels::@nonzero
// CHECK-NEXT: rt.require <"nz0", "a">
func.func @requires(%x: tensor<?xi1, #nn.sizes<"a">> {ingot.input = "x"}, %y: tensor<?xi1, #nn.sizes<"b">> {ingot.input = "y"})
    -> (tensor<?xi64, #nn.sizes<"nz0">> {ingot.output = "y"}) attributes {nn.bounds = {nz0 = "a"}, nn.requires = [["a", "b"], ["nz0", "a"], ["a", "a"]]} {
  %n = nn.dispatch @kernels::@nonzero(%x) {sizes = #nn.sizes<"a">, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, defines = ["nz0"]}
    : (tensor<?xi1, #nn.sizes<"a">>) -> tensor<?xi64, #nn.sizes<"nz0">>
  return %n : tensor<?xi64, #nn.sizes<"nz0">>
}
