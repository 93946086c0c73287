// Does --sanitize=address see what it must, does --debug-arena? Mistakes are
// planted in kernels (a loop that ends too late or too early, a read one element
// ahead) and in plans (memory freed too early, shared or not yet written), and a
// program built with AddressSanitizer runs the artifact.
#include "compiler/codegen/artifact/Artifact.h"
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/dialects/Rt/Rt.h"
#include "compiler/passes/program/Program.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "gmock/gmock.h"
#include <functional>

using namespace ingot;
using namespace mlir;
using testing::HasSubstr;

namespace {

/// r[i] = a[i + ahead] + b[i] for i from `skip` to 3 + `more`.
std::string kernel(const std::string &name, int skip = 0, int more = 0, int ahead = 0) {
  return "  func.func @" + name +
         R"((%bufs: !llvm.ptr, %sizes: !llvm.ptr, %lo: i64, %hi: i64, %scratch: !llvm.ptr) -> i32 {
    %g1 = llvm.getelementptr %bufs[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %g2 = llvm.getelementptr %bufs[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
    %pa = llvm.load %bufs : !llvm.ptr -> !llvm.ptr
    %pb = llvm.load %g1 : !llvm.ptr -> !llvm.ptr
    %pr = llvm.load %g2 : !llvm.ptr -> !llvm.ptr
    %a = builtin.unrealized_conversion_cast %pa : !llvm.ptr to memref<?xf32>
    %b = builtin.unrealized_conversion_cast %pb : !llvm.ptr to memref<?xf32>
    %r = builtin.unrealized_conversion_cast %pr : !llvm.ptr to memref<?xf32>
    %from = arith.constant )" +
         std::to_string(skip) + R"( : index
    %to = arith.constant )" +
         std::to_string(4 + more) + R"( : index
    %ahead = arith.constant )" +
         std::to_string(ahead) + R"( : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    scf.for %i = %from to %to step %c1 {
      %k = arith.minui %i, %c3 : index
      %j = arith.addi %k, %ahead : index
      %x = memref.load %a[%j] : memref<?xf32>
      %y = memref.load %b[%k] : memref<?xf32>
      %z = arith.addf %x, %y : f32
      memref.store %z, %r[%i] : memref<?xf32>
    }
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
)";
}

/// a = x + x, b = a + x, c = b + x, y = c + a, each by a kernel named here.
std::string program(const char *a = "add", const char *b = "add", const char *c = "add",
                    const char *y = "add") {
  auto call = [](const std::string &result, const std::string &callee,
                 const std::string &operands) {
    return "  " + result + " = nn.dispatch @kernels::@" + callee + "(" + operands +
           ") {sizes = #nn.sizes<>, grid = #nn.sizes<1>, chunk = 1 : i64, scratch = #nn.sizes<0>, "
           "inplace = array<i64>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>\n";
  };
  return "func.func @f(%x: tensor<4xf32> {ingot.input = \"x\"}) -> (tensor<4xf32> {ingot.output = "
         "\"y\"}) {\n" +
         call("%a", a, "%x, %x") + call("%b", b, "%a, %x") + call("%c", c, "%b, %x") +
         call("%y", y, "%c, %a") + "  return %y : tensor<4xf32>\n}\nmodule @kernels {\n" +
         kernel("add") + kernel("short", 0, -1) + kernel("ahead", 0, 0, 1) + kernel("long", 0, 1) +
         "}\n";
}
constexpr const char *right = "6 12 18 24\n6 12 18 24\n"; // 4x + 2x

enum class Check { None, Arena, Address };
/// Changes a plan: its dispatches in order.
using Change = std::function<void(rt::ProgramOp, MutableArrayRef<rt::DispatchOp>)>;

class Sanitize : public ::testing::Test {
protected:
  void SetUp() override {
    llvm::sys::fs::createUniqueDirectory("ingot-sanitize", folder);
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    registry.insert<nn::NnDialect, rt::RtDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    ASSERT_EQ(execute({INGOT_TEST_CC, "-fsanitize=address", "-I", INGOT_TEST_INCLUDE,
                       INGOT_TEST_CALLER, "-o", path("caller")}),
              "");
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(StringRef name) { return (folder + "/" + name).str(); }

  /// What a program prints.
  std::string execute(std::vector<std::string> arguments) {
    std::string file = path("output");
    std::vector<StringRef> refs(arguments.begin(), arguments.end());
    std::optional<StringRef> redirects[] = {std::nullopt, StringRef(file), StringRef(file)};
    llvm::sys::ExecuteAndWait(arguments[0], refs, std::nullopt, redirects);
    auto text = llvm::MemoryBuffer::getFile(file);
    return text ? (*text)->getBuffer().str() : "no output";
  }

  /// What the caller prints with this model.
  std::string run(const std::string &text, Check check, const Change &change = nullptr) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    PlanOptions plan;
    plan.debugArena = check != Check::None;
    if (!module || failed(planPrograms(*module, plan)))
      return "not planned";
    if (change) {
      rt::ProgramOp program = *module->getOps<rt::ProgramOp>().begin();
      SmallVector<rt::DispatchOp> dispatches(program.getBody().getOps<rt::DispatchOp>());
      change(program, dispatches);
    }
    ProgramOptions options;
    options.emit.sanitizeAddress = check == Check::Address;
    auto compiled = compileProgram(*module, getHostTarget(), options);
    if (failed(compiled))
      return "not compiled";
    ArtifactOptions artifact;
    artifact.output = path("model.so");
    auto files = writeArtifact((*compiled)->spec, artifact);
    if (!files)
      return llvm::toString(files.takeError());
    return execute({path("caller"), artifact.output});
  }

  /// Both see nothing wrong, and nothing is.
  void expectRight(const std::string &text) {
    for (Check check : {Check::None, Check::Arena, Check::Address})
      EXPECT_EQ(run(text, check), right);
  }
  /// AddressSanitizer names the place; a result is NaN with --debug-arena.
  void expectSeen(const std::string &text, const Change &change, StringRef kernel) {
    EXPECT_THAT(run(text, Check::Arena, change), HasSubstr("nan"));
    std::string report = run(text, Check::Address, change);
    EXPECT_THAT(report, HasSubstr("use-after-poison"));
    EXPECT_THAT(report, HasSubstr("model__k_" + kernel.str()));
  }

  MLIRContext context;
  SmallString<64> folder;
};

TEST_F(Sanitize, NothingIsWrong) { expectRight(program()); }

TEST_F(Sanitize, KernelWritesOneElementTooMany) {
  std::string text = program("long");
  EXPECT_EQ(run(text, Check::None), right); // which is why it takes a tool
  EXPECT_THAT(run(text, Check::Arena), HasSubstr("a kernel wrote behind buffer"));
  std::string report = run(text, Check::Address);
  EXPECT_THAT(report, HasSubstr("use-after-poison"));
  EXPECT_THAT(report, HasSubstr("model__k_long"));
}

TEST_F(Sanitize, KernelWritesBehindAnOutput) {
  std::string report = run(program("add", "add", "add", "long"), Check::Address);
  EXPECT_THAT(report, HasSubstr("heap-buffer-overflow"));
  EXPECT_THAT(report, HasSubstr("model__k_long"));
}

TEST_F(Sanitize, KernelReadsOneElementTooMany) {
  expectSeen(program("add", "ahead"), nullptr, "ahead");
}

TEST_F(Sanitize, KernelReadsBehindAnInput) {
  EXPECT_THAT(run(program("ahead"), Check::Address), HasSubstr("heap-buffer-overflow"));
}

TEST_F(Sanitize, KernelLeavesAnElementUnwritten) {
  for (Check check : {Check::Arena, Check::Address})
    EXPECT_EQ(run(program("add", "short"), check), "6 12 18 nan\n6 12 18 nan\n");
}

TEST_F(Sanitize, PlanFreesBeforeTheLastRead) {
  expectSeen(
      program(),
      [](rt::ProgramOp program, MutableArrayRef<rt::DispatchOp> dispatches) {
        Value a = dispatches[0].getBuffers().back();
        for (rt::FreeOp free : program.getBody().getOps<rt::FreeOp>())
          if (free.getBuffer() == a) {
            free->moveBefore(dispatches[3]);
            return;
          }
        FAIL() << "a is never freed";
      },
      "add");
}

TEST_F(Sanitize, PlanPutsTwoLiveBuffersAtOneOffset) {
  Change change = [](rt::ProgramOp program, MutableArrayRef<rt::DispatchOp> dispatches) {
    auto a = dispatches[0].getBuffers().back().getDefiningOp<rt::SliceOp>();
    auto b = dispatches[1].getBuffers().back().getDefiningOp<rt::SliceOp>();
    ASSERT_TRUE(a && b);
    b.setOffsetAttr(a.getOffset());
  };
  std::string wrong = run(program(), Check::None, change);
  EXPECT_NE(wrong, right);
  EXPECT_THAT(wrong, testing::Not(HasSubstr("nan"))); // plausible numbers
  expectSeen(program(), change, "add");
}

TEST_F(Sanitize, PlanReadsWhatNobodyHasWritten) {
  expectSeen(
      program(),
      [](rt::ProgramOp, MutableArrayRef<rt::DispatchOp> dispatches) {
        dispatches[1]->moveBefore(dispatches[0]); // b = a + x before a = x + x
      },
      "add");
}

} // namespace
