// Hand-written kernels through lowering, object emission and the loader.
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/codegen/cpu/ObjectEmitter.h"
#include "compiler/codegen/loader/Loader.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <vector>

using namespace ingot;
using namespace mlir;

namespace {

struct Kernel : ::testing::Test {
  Kernel() {
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  EmittedObject compile(StringRef text, const TargetInfo &target, EmitOptions options = {}) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    EXPECT_TRUE(module);
    EXPECT_TRUE(succeeded(lowerToLlvmDialect(*module, target)));
    auto emitter = ObjectEmitter::create(target);
    EXPECT_TRUE(bool(emitter));
    FailureOr<EmittedObject> object = (*emitter)->emit(*module, options);
    EXPECT_TRUE(succeeded(object));
    return *object;
  }

  KernelFunction *load(StringRef text, StringRef name) {
    EmittedObject object = compile(text, getHostTarget());
    auto made = Loader::create();
    EXPECT_TRUE(bool(made));
    loader = std::move(*made);
    EXPECT_FALSE(bool(loader->addObject(object.object)));
    auto function = loader->function<KernelFunction>(name);
    EXPECT_TRUE(bool(function)) << llvm::toString(function.takeError());
    return *function;
  }

  MLIRContext context;
  std::unique_ptr<Loader> loader;
};

constexpr const char *scaleAdd = R"(
func.func @scale_add(%buffers: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
  %p0 = llvm.load %buffers : !llvm.ptr -> !llvm.ptr
  %a1 = llvm.getelementptr %buffers[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %p1 = llvm.load %a1 : !llvm.ptr -> !llvm.ptr
  %in = builtin.unrealized_conversion_cast %p0 : !llvm.ptr to memref<?xf32>
  %out = builtin.unrealized_conversion_cast %p1 : !llvm.ptr to memref<?xf32>
  %n64 = llvm.load %sizes : !llvm.ptr -> i64
  %n = arith.index_cast %n64 : i64 to index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %two = arith.constant dense<2.0> : vector<8xf32>
  %begin = arith.index_cast %lo : i64 to index
  %end = arith.index_cast %hi : i64 to index
  scf.for %row = %begin to %end step %c1 {
    %base = arith.muli %row, %n : index
    scf.for %j = %c0 to %n step %c8 {
      %at = arith.addi %base, %j : index
      %left = arith.subi %n, %j : index
      %mask = vector.create_mask %left : vector<8xi1>
      %zero = arith.constant dense<0.0> : vector<8xf32>
      %v = vector.maskedload %in[%at], %mask, %zero : memref<?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
      %r = vector.fma %v, %two, %two : vector<8xf32>
      vector.maskedstore %out[%at], %mask, %r : memref<?xf32>, vector<8xi1>, vector<8xf32>
    }
  }
  %ok = arith.constant 0 : i32
  return %ok : i32
})";

TEST_F(Kernel, RunsInChunks) {
  KernelFunction *kernel = load(scaleAdd, "scale_add");
  const int64_t rows = 5, n = 13;
  std::vector<float> in(rows * n), out(rows * n + 1, -7.0f);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = float(i);
  void *buffers[] = {in.data(), out.data()};
  int64_t sizes[] = {n};
  EXPECT_EQ(kernel(buffers, sizes, 0, 2, nullptr), 0);
  EXPECT_EQ(out[2 * n], -7.0f);
  EXPECT_EQ(kernel(buffers, sizes, 2, rows, nullptr), 0);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], 2 * in[i] + 2);
  EXPECT_EQ(out.back(), -7.0f);
}

TEST_F(Kernel, EveryTargetCompiles) {
  for (auto [triple, cpu] : {std::pair<const char *, const char *>{"x86_64-linux-gnu", "x86-64-v2"},
                             {"x86_64-linux-gnu", "haswell"},
                             {"x86_64-linux-gnu", "znver4"},
                             {"aarch64-linux-gnu", "neoverse-n1"}}) {
    auto target = getTarget(triple, cpu);
    ASSERT_TRUE(bool(target));
    EmitOptions options;
    options.wantAssembly = true;
    EmittedObject object = compile(scaleAdd, *target, options);
    ASSERT_EQ(object.functions.size(), 1u);
    EXPECT_EQ(object.functions[0].name, "scale_add");
    EXPECT_EQ(object.functions[0].vectorBytes, 32u);
    EXPECT_GT(object.functions[0].textBytes, 40u);
    EXPECT_EQ(object.assembly.find("fmaf"), std::string::npos) << cpu;
    EXPECT_EQ(object.object, compile(scaleAdd, *target).object);
  }
}

TEST_F(Kernel, SpillsAreCounted) {
  // 40 live accumulators do not fit 16 registers.
  std::string text = R"(
func.func @many(%p: !llvm.ptr, %s: !llvm.ptr, %lo: i64, %hi: i64, %x: !llvm.ptr) -> i32 {
  %m = builtin.unrealized_conversion_cast %p : !llvm.ptr to memref<?xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.index_cast %hi : i64 to index
  %z = arith.constant dense<0.0> : vector<8xf32>
)";
  std::string names, inits, types, body, yields, stores;
  for (int i = 0; i < 40; ++i) {
    std::string n = std::to_string(i), sep = i ? ", " : "";
    names += sep + "%a" + n + " = %z";
    types += sep + "vector<8xf32>";
    body += "  %k" + n + " = arith.constant " + n + " : index\n  %o" + n + " = arith.addi %i, %k" +
            n + " : index\n  %l" + n + " = vector.load %m[%o" + n +
            "] : memref<?xf32>, vector<8xf32>\n  %b" + n + " = vector.fma %l" + n + ", %l" + n +
            ", %a" + n + " : vector<8xf32>\n";
    yields += sep + "%b" + n;
    stores += "  %s" + n + " = arith.constant " + std::to_string(8 * i) +
              " : index\n  vector.store %r#" + n + ", %m[%s" + n +
              "] : memref<?xf32>, vector<8xf32>\n";
  }
  text += "  %r:40 = scf.for %i = %c0 to %n step %c1 iter_args(" + names + ") -> (" + types +
          ") {\n" + body + "  scf.yield " + yields + " : " + types + "\n  }\n" + stores +
          "  %ok = arith.constant 0 : i32\n  return %ok : i32\n}";
  auto target = getTarget("x86_64-linux-gnu", "haswell");
  ASSERT_TRUE(bool(target));
  EmittedObject object = compile(text, *target);
  ASSERT_EQ(object.functions.size(), 1u);
  EXPECT_GT(object.functions[0].spills, 20u);
  EXPECT_EQ(compile(scaleAdd, *target).functions[0].spills, 0u);
}

TEST_F(Kernel, MissingSymbolIsAnError) {
  auto made = Loader::create();
  ASSERT_TRUE(bool(made));
  auto function = (*made)->lookup("no_such_kernel");
  ASSERT_FALSE(bool(function));
  EXPECT_NE(llvm::toString(function.takeError()).find("no_such_kernel"), std::string::npos);
}

} // namespace
