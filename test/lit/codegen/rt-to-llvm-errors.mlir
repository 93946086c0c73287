// RUN: ingot-opt --rt-to-llvm --split-input-file --verify-diagnostics %s

// expected-error @+1 {{size symbol 'm' is neither an entry symbol nor a data symbol}}
rt.program @f attributes {arena = #nn.sizes<0>, bindings = array<i64>, bounds = #nn.sizes<>, data_symbols = [], inputs = [], outputs = [], signature = "f", symbols = []} {
  rt.dispatch @kernels::@k() {chunk = 1 : i64, defines = [], grid = #nn.sizes<"m">, scratch = #nn.sizes<0>, sizes = #nn.sizes<>}
}

// -----

rt.program @f attributes {arena = #nn.sizes<0>, bindings = array<i64>, bounds = #nn.sizes<>, data_symbols = [], inputs = [], outputs = [], signature = "f", symbols = []} {
  // expected-error @+1 {{names @w, which is no rt.data of the module}}
  %w = rt.constant @w
}

// -----

rt.program @f attributes {arena = #nn.sizes<0>, bindings = array<i64>, bounds = #nn.sizes<>, data_symbols = [], inputs = [], outputs = [], signature = "f", symbols = []} {
  // expected-error @+1 {{defines 'nz', which is no data symbol of the program}}
  rt.dispatch @kernels::@k() {chunk = 1 : i64, defines = ["nz"], grid = #nn.sizes<1>, scratch = #nn.sizes<0>, sizes = #nn.sizes<>}
}

// -----

// expected-error @+1 {{has 1 entry symbols but 0 bindings}}
rt.program @f attributes {arena = #nn.sizes<0>, bindings = array<i64>, bounds = #nn.sizes<>, data_symbols = [], inputs = [], outputs = [], signature = "f", symbols = ["n"]} {
}
