// Dispatches on tensors through prepare evaluation, planning, code generation
// and the in-memory loader, run by the C API: numbers, not shapes of IR.
#include "compiler/passes/program/Program.h"
#include "compiler/codegen/artifact/LoadedArtifact.h"
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/dialects/Rt/Rt.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace ingot;
using namespace mlir;

namespace {

// add: r = a + b, a row of `sizes[0]` floats a unit. inc: r = a + 1 on i32
// scalars. less: r = a < 5. row: writes b to row i of a, in place.
constexpr const char *kernels = R"(
module @kernels {
  func.func @add(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 attributes {kind = "elementwise"} {
    %n = llvm.load %sizes : !llvm.ptr -> i64
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %g2 = llvm.getelementptr %bufs[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %pa = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %pb = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %pr = llvm.load %g2 : !llvm.ptr -> !llvm.ptr
    %a = builtin.unrealized_conversion_cast %pa : !llvm.ptr to memref<?xf32>
    %b = builtin.unrealized_conversion_cast %pb : !llvm.ptr to memref<?xf32>
    %r = builtin.unrealized_conversion_cast %pr : !llvm.ptr to memref<?xf32>
    %from64 = arith.muli %lo, %n : i64
    %to64 = arith.muli %hi, %n : i64
    %from = arith.index_cast %from64 : i64 to index
    %to = arith.index_cast %to64 : i64 to index
    %c1 = arith.constant 1 : index
    %w = arith.index_cast %n : i64 to index
    scf.for %i = %from to %to step %c1 {
      %j = arith.remui %i, %w : index
      %x = memref.load %a[%i] : memref<?xf32>
      %y = memref.load %b[%j] : memref<?xf32>
      %z = arith.addf %x, %y : f32
      memref.store %z, %r[%i] : memref<?xf32>
    }
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
  func.func @inc(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %pa = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %pr = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %a = llvm.load %pa : !llvm.ptr -> i32
    %one = arith.constant 1 : i32
    %r = arith.addi %a, %one : i32
    llvm.store %r, %pr : i32, !llvm.ptr
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
  func.func @less(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %pa = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %pr = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %a = llvm.load %pa : !llvm.ptr -> i32
    %five = arith.constant 5 : i32
    %c = arith.cmpi slt, %a, %five : i32
    %r = arith.extui %c : i1 to i8
    llvm.store %r, %pr : i8, !llvm.ptr
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
  func.func @row(%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %g2 = llvm.getelementptr %bufs[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %g3 = llvm.getelementptr %bufs[3] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %pa = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %pb = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %pi = llvm.load %g2 : !llvm.ptr -> !llvm.ptr
    %pr = llvm.load %g3 : !llvm.ptr -> !llvm.ptr
    %ia = llvm.ptrtoint %pa : !llvm.ptr to i64
    %ir = llvm.ptrtoint %pr : !llvm.ptr to i64
    %same = arith.cmpi eq, %ia, %ir : i64
    scf.if %same {
      %b = builtin.unrealized_conversion_cast %pb : !llvm.ptr to memref<?xf32>
      %r = builtin.unrealized_conversion_cast %pr : !llvm.ptr to memref<?xf32>
      %i32 = llvm.load %pi : !llvm.ptr -> i32
      %i = arith.index_cast %i32 : i32 to index
      %c2 = arith.constant 2 : index
      %at = arith.muli %i, %c2 : index
      %v = vector.load %b[%at] : memref<?xf32>, vector<2xf32>
      vector.store %v, %r[%at] : memref<?xf32>, vector<2xf32>
    }
    %c1 = arith.constant 1 : i32
    %c0 = arith.constant 0 : i32
    %status = arith.select %same, %c0, %c1 : i32
    return %status : i32
  }
}
)";

#define ADD                                                                                        \
  "sizes = #nn.sizes<2>, grid = #nn.sizes<\"batch\">, chunk = 1 : i64, "                           \
  "scratch = #nn.sizes<0>, inplace = array<i64: 0, 0>"
#define ONE                                                                                        \
  "sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = "                          \
  "#nn.sizes<0>"
#define X "tensor<?x2xf32, #nn.sizes<\"batch\">>"

struct Program : ::testing::Test {
  Program() {
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    registry.insert<nn::NnDialect, rt::RtDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void compile(std::string text, PlanOptions plan = {}) {
    module = parseSourceString<ModuleOp>(text + kernels, ParserConfig(&context));
    ASSERT_TRUE(module);
    ASSERT_TRUE(succeeded(evaluatePrepare(*module)));
    ASSERT_TRUE(succeeded(planPrograms(*module, plan)));
    auto result = compileProgram(*module, getHostTarget(), ProgramOptions());
    ASSERT_TRUE(succeeded(result));
    program = std::move(*result);
    auto made = LoadedArtifact::create(program->spec);
    ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
    loaded = std::move(*made);
    ASSERT_EQ(ingot_state_create(loaded->module(), nullptr, &state), INGOT_OK);
    ingot_context_options options = {};
    options.struct_size = sizeof(options);
    options.state = state;
    ASSERT_EQ(ingot_context_create(loaded->module(), &options, &run), INGOT_OK);
  }
  ~Program() override {
    if (!loaded)
      return;
    ingot_context_destroy(loaded->module(), run);
    ingot_state_destroy(loaded->module(), state);
  }

  static ingot_tensor tensor(void *data, size_t bytes, ingot_dtype dtype,
                             std::vector<int64_t> shape) {
    ingot_tensor t = {};
    t.data = data;
    t.capacity = bytes;
    t.dtype = dtype;
    t.rank = shape.size();
    std::copy(shape.begin(), shape.end(), t.shape);
    return t;
  }
  std::vector<float> call(std::vector<float> x, int64_t columns = 2, unsigned signature = 0) {
    std::vector<float> y(x.size(), -1);
    int64_t rows = x.size() / columns;
    ingot_tensor in = tensor(x.data(), x.size() * 4, INGOT_F32, {rows, columns});
    ingot_tensor out = tensor(y.data(), y.size() * 4, INGOT_F32, {rows, columns});
    EXPECT_EQ(ingot_run(loaded->module(), run, signature, &in, &out), INGOT_OK)
        << ingot_message(loaded->module());
    return y;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<CompiledProgram> program;
  std::unique_ptr<LoadedArtifact> loaded;
  ingot_state *state = nullptr;
  ingot_context *run = nullptr;
};

TEST_F(Program, PreparedConstantsAndBatches) {
  compile(
      R"(
func.func @f(%x: )" X R"( {ingot.input = "x"}) -> ()" X
      R"( {ingot.output = "y"}) attributes {ingot.signature = "serving_default"} {
  %a = nn.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %b = nn.constant dense<10.0> : tensor<2xf32>
  %w = nn.dispatch @kernels::@add(%a, %b) {sizes = #nn.sizes<2>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>, prepare} : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %v = nn.reshape %w : (tensor<1x2xf32>) -> tensor<2xf32>
  %y = nn.dispatch @kernels::@add(%x, %v) {)" ADD R"(} : ()" X R"(, tensor<2xf32>) -> )" X R"(
  %z = nn.dispatch @kernels::@add(%y, %b) {)" ADD R"(} : ()" X R"(, tensor<2xf32>) -> )" X R"(
  return %z : )" X R"(
})");
  EXPECT_EQ(call({0, 0}), (std::vector<float>{21, 22}));
  EXPECT_EQ(call({0, 1, 2, 3, 4, 5}), (std::vector<float>{21, 23, 23, 25, 25, 27}));
  ASSERT_EQ(program->kernels.size(), 1u);
  EXPECT_EQ(program->kernels[0].name, "add");
  EXPECT_EQ(program->kernels[0].kind, "elementwise");
  EXPECT_EQ(program->kernels[0].dispatches, 2u);
  EXPECT_EQ(program->kernels[0].bytes, "16*batch + 8");
  EXPECT_EQ(program->spec.constants.size(), 2u);
}

TEST_F(Program, BytesDoNotDependOnThreads) {
  const char *text = R"(
func.func @f(%x: tensor<i32> {ingot.input = "x"}) -> (tensor<i32> {ingot.output = "y"}, tensor<i1> {ingot.output = "z"}) {
  %y = nn.dispatch @kernels::@inc(%x) {)" ONE
                     R"(, inplace = array<i64>} : (tensor<i32>) -> tensor<i32>
  %z = nn.dispatch @kernels::@less(%y) {)" ONE
                     R"(, inplace = array<i64>} : (tensor<i32>) -> tensor<i1>
  return %y, %z : tensor<i32>, tensor<i1>
})";
  std::vector<std::string> first;
  for (unsigned threads : {1, 2, 3}) {
    module = parseSourceString<ModuleOp>(std::string(text) + kernels, ParserConfig(&context));
    ASSERT_TRUE(module && succeeded(planPrograms(*module)));
    ProgramOptions options;
    options.threads = threads;
    auto result = compileProgram(*module, getHostTarget(), options);
    ASSERT_TRUE(succeeded(result));
    if (first.empty())
      first = (*result)->spec.objects;
    EXPECT_EQ(first, (*result)->spec.objects);
  }
}

TEST_F(Program, VariableIsUpdatedInPlace) {
  compile(R"(
nn.variable @v {value = dense<[1.0, 2.0]> : tensor<2xf32>}
func.func @f(%x: tensor<1x2xf32> {ingot.input = "x"}, %v: tensor<2xf32> {ingot.variable = @v})
    -> (tensor<1x2xf32> {ingot.output = "y"}, tensor<2xf32> {ingot.variable = @v}) {
  %s = nn.dispatch @kernels::@add(%x, %v) {sizes = #nn.sizes<2>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64: 0, 0, 0, 1>} : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %n = nn.reshape %s : (tensor<1x2xf32>) -> tensor<2xf32>
  return %s, %n : tensor<1x2xf32>, tensor<2xf32>
})");
  EXPECT_EQ(call({1, 1}), (std::vector<float>{2, 3}));
  EXPECT_EQ(call({1, 1}), (std::vector<float>{3, 4}));
  EXPECT_EQ(call({5, 0}), (std::vector<float>{8, 4}));
}

// A carried array updated row by row without a copy (the kernel fails unless it
// is in place), a while loop and a branch.
constexpr const char *loops =
    R"(
func.func @f(%x: )" X R"( {ingot.input = "x"}) -> ()" X
    R"( {ingot.output = "y"}) {
  %zero = nn.constant dense<0> : tensor<i32>
  %one = nn.constant dense<1.0> : tensor<2xf32>
  %two = nn.constant dense<2.0> : tensor<2xf32>
  %w:2 = nn.while (%zero, %x : tensor<i32>, )" X R"() {
  ^bb0(%i: tensor<i32>, %s: )" X R"():
    %c = nn.dispatch @kernels::@less(%i) {)" ONE
    R"(, inplace = array<i64>} : (tensor<i32>) -> tensor<i1>
    nn.yield %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %s: )" X R"():
    %n = nn.dispatch @kernels::@inc(%i) {)" ONE
    R"(, inplace = array<i64: 0, 0>} : (tensor<i32>) -> tensor<i32>
    %c = nn.dispatch @kernels::@less(%n) {)" ONE
    R"(, inplace = array<i64>} : (tensor<i32>) -> tensor<i1>
    %b = nn.if %c : tensor<i1> -> tensor<2xf32> {
      nn.yield %one : tensor<2xf32>
    } else {
      nn.yield %two : tensor<2xf32>
    }
    %t = nn.dispatch @kernels::@add(%s, %b) {)" ADD R"(} : ()" X R"(, tensor<2xf32>) -> )" X R"(
    nn.yield %n, %t : tensor<i32>, )" X R"(
  }
  %r = nn.for #nn.sizes<"batch"> (%x : )" X R"() {
  ^bb0(%i: tensor<i32>, %list: )" X R"():
    %l = nn.dispatch @kernels::@row(%list, %w#1, %i) {)" ONE
    R"(, inplace = array<i64: 0, 0>} : ()" X ", " X R"(, tensor<i32>) -> )" X
    R"(
    nn.yield %l : )" X R"(
  }
  return %r : )" X R"(
})";

TEST_F(Program, Loops) {
  compile(loops);
  EXPECT_EQ(call({0, 1, 2, 3}), (std::vector<float>{6, 7, 8, 9}));
  EXPECT_EQ(call({1, 1}), (std::vector<float>{7, 7}));
}

TEST_F(Program, DebugArenaGivesTheSameNumbers) {
  PlanOptions plan;
  plan.debugArena = true;
  compile(loops, plan);
  EXPECT_EQ(call({0, 1, 2, 3}), (std::vector<float>{6, 7, 8, 9}));
}

TEST_F(Program, DebugArenaFindsAnOverrun) {
  PlanOptions plan;
  plan.debugArena = true;
  // `add` is told of 3 units where there is room for one.
  compile(R"(
func.func @f(%x: tensor<1x2xf32> {ingot.input = "x"}) -> (tensor<1x2xf32> {ingot.output = "y"}) {
  %b = nn.constant dense<10.0> : tensor<2xf32>
  %a = nn.dispatch @kernels::@add(%b, %b) {sizes = #nn.sizes<2>, grid = #nn.sizes<3>, chunk = 3 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %y = nn.dispatch @kernels::@add(%x, %a) {sizes = #nn.sizes<2>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, inplace = array<i64>} : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
})",
          plan);
  std::vector<float> x = {0, 0}, y = {0, 0};
  ingot_tensor in = tensor(x.data(), 8, INGOT_F32, {1, 2});
  ingot_tensor out = tensor(y.data(), 8, INGOT_F32, {1, 2});
  EXPECT_EQ(ingot_run(loaded->module(), run, 0, &in, &out), INGOT_FAILED);
  EXPECT_NE(std::string(ingot_message(loaded->module())).find("wrote behind buffer 0"),
            std::string::npos);
}

TEST_F(Program, AFailingKernelEndsTheCall) {
  // `row` fails where it is not in place; what comes after must not run.
  compile(
      R"(
nn.variable @v {value = dense<0> : tensor<i32>}
func.func @f(%x: tensor<1x2xf32> {ingot.input = "x"}, %v: tensor<i32> {ingot.variable = @v})
    -> (tensor<1x2xf32> {ingot.output = "y"}, tensor<i32> {ingot.variable = @v}) {
  %l = nn.dispatch @kernels::@row(%x, %x, %v) {)" ONE
      R"(, inplace = array<i64>} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<i32>) -> tensor<1x2xf32>
  %n = nn.dispatch @kernels::@inc(%v) {)" ONE
      R"(, inplace = array<i64: 0, 0>} : (tensor<i32>) -> tensor<i32>
  return %l, %n : tensor<1x2xf32>, tensor<i32>
})");
  std::vector<float> x = {1, 2}, y = {0, 0};
  ingot_tensor in = tensor(x.data(), 8, INGOT_F32, {1, 2});
  ingot_tensor out = tensor(y.data(), 8, INGOT_F32, {1, 2});
  EXPECT_EQ(ingot_run(loaded->module(), run, 0, &in, &out), INGOT_INVALID_ARGUMENT);
  int32_t counted = -1;
  EXPECT_EQ(ingot_state_get(loaded->module(), state, 0, &counted, sizeof counted), INGOT_OK);
  EXPECT_EQ(counted, 0);
}

TEST_F(Program, UnequalSizesAreRefused) {
  compile(
      R"(
func.func @f(%x: )" X
      R"( {ingot.input = "x"}, %z: tensor<?xf32, #nn.sizes<"len">> {ingot.input = "z"}) -> ()" X
      R"( {ingot.output = "y"}) attributes {nn.requires = [["2*batch", "len"]]} {
  return %x : )" X R"(
})");
  std::vector<float> x = {1, 2}, z = {0, 0, 0}, y = {0, 0};
  ingot_tensor out = tensor(y.data(), 8, INGOT_F32, {1, 2});
  ingot_tensor in[] = {tensor(x.data(), 8, INGOT_F32, {1, 2}),
                       tensor(z.data(), 12, INGOT_F32, {3})};
  EXPECT_EQ(ingot_run(loaded->module(), run, 0, in, &out), INGOT_SHAPE_MISMATCH);
  EXPECT_NE(std::string(ingot_message(loaded->module()))
                .find("the sizes 2*batch and len of the inputs differ"),
            std::string::npos);
  in[1].shape[0] = 2;
  EXPECT_EQ(ingot_run(loaded->module(), run, 0, in, &out), INGOT_OK);
  EXPECT_EQ(y, x);
}

} // namespace
