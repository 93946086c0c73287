// RUN: ingot-opt --plan-program --split-input-file --verify-diagnostics %s

// expected-error @+1 {{argument 0 is neither an ingot.input nor an ingot.variable}}
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32> {ingot.output = "y"}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{result 0 is neither an ingot.output nor an ingot.variable}}
func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) {
  // expected-error @+1 {{size symbol 'm' is not bound by an input's dimension and has no nn.bounds}}
  %y = nn.dispatch @kernels::@k(%x) {sizes = #nn.sizes<>, grid = #nn.sizes<"m">, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) {
  // expected-error @+1 {{cannot be planned: expected nn.dispatch, nn.constant, nn.reshape}}
  %y = nn.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// expected-error @+1 {{nn.bounds of 'nz' must be a size expression in quotes}}
func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) attributes {nn.bounds = {nz = 3}} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{variable @v is two results}}
func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.variable = @v}, tensor<4xf32> {ingot.variable = @v}) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @+1 {{nn.requires must list pairs of sizes in known symbols, found ["k", "3"]}}
func.func @f(%x: tensor<4xf32> {ingot.input = "x"}) -> (tensor<4xf32> {ingot.output = "y"}) attributes {nn.requires = [["k", "3"]]} {
  return %x : tensor<4xf32>
}
