// RUN: ingot-opt %s --select-signatures --split-input-file --verify-diagnostics

module attributes {graph.main = @main, graph.signatures = [
    {name = "f", inputs = [], outputs = [{name = "out", node = "y", index = 0 : i64}]}]} {
  // expected-error @+1 {{signature 'f' needs the placeholder 'x', which is not one of its inputs}}
  func.func private @main() {
    %x = graph.node "Placeholder"() "x" {dtype = f32} : () -> tensor<*xf32>
    %y = graph.node "Exp"(%x) "y" {T = f32} : (tensor<*xf32>) -> tensor<*xf32>
    return
  }
}

// -----

module attributes {graph.main = @main, graph.signatures = [
    {name = "f", inputs = [], outputs = [{name = "out", node = "nobody", index = 0 : i64}]}]} {
  // expected-error @+1 {{which the graph does not hold}}
  func.func private @main() {
    return
  }
}
