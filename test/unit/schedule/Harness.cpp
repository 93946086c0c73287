// See Harness.h.
#include "test/unit/schedule/Harness.h"

#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/codegen/cpu/ObjectEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <chrono>
#include <cmath>
#include <cstdlib>

using namespace mlir;

namespace ingot::test {

KernelRun::KernelRun(StringRef text, std::map<std::string, int64_t> symbols, StringRef cpu) {
  build(text, symbols, cpu);
}

void KernelRun::build(StringRef text, const std::map<std::string, int64_t> &symbols,
                      StringRef cpu) {
  DialectRegistry registry;
  registerCpuCodegenDialects(registry);
  registry.insert<nn::NnDialect, func::FuncDialect>();
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
    error += d.str() + "\n";
    return success();
  });
  // Another processor of this architecture for a whole run of the tests.
  if (const char *other = getenv("INGOT_TEST_CPU"); other && cpu.empty())
    cpu = other;
  auto target = cpu.empty() ? llvm::Expected<TargetInfo>(getHostTarget()) : getTarget("", cpu);
  ASSERT_TRUE(bool(target));
  module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  ASSERT_TRUE(bool(module)) << error;
  nn::KernelOp kernel;
  module->walk([&](nn::KernelOp k) { kernel = k; });
  ASSERT_TRUE(bool(kernel));
  schedule::expandComposites(kernel);
  if (auto attr = kernel.getSchedule()) {
    auto s = schedule::Schedule::fromAttr(*attr, [&] { return kernel.emitOpError(); });
    if (failed(s) || failed(schedule::verifySchedule(kernel, *s)))
      return;
    schedule = *s;
  } else {
    schedule = schedule::chooseSchedule(kernel, *target);
  }
  ASSERT_TRUE(succeeded(schedule::verifySchedule(kernel, schedule))) << error;
  kernels = ModuleOp::create(UnknownLoc::get(&context));
  auto k = schedule::emitKernel(kernel, schedule, *target, *kernels, "kernel");
  if (failed(k))
    return;
  ASSERT_TRUE(succeeded(mlir::verify(*kernels))) << error;
  if (getenv("INGOT_TEST_DUMP")) {
    llvm::errs() << schedule.toAttr(&context) << "\n";
    kernels->dump();
  }

  auto value = [&](StringRef name) -> std::optional<int64_t> {
    auto it = symbols.find(name.str());
    return it == symbols.end() ? std::nullopt : std::optional<int64_t>(it->second);
  };
  for (const std::string &s : schedule::kernelSymbols(kernel))
    sizes.push_back(value(s).value_or(-1));
  grid = k->grid.evaluate(value).value_or(-1);
  ASSERT_GE(grid, 0);
  inplace.assign(k->inplace.begin(), k->inplace.end());
  for (Type t : kernel.getResultTypes()) {
    int64_t n = nn::elementCount(t).evaluate(value).value_or(-1);
    ASSERT_GE(n, 0);
    resultBytes.push_back(n * nn::elementBytes(cast<RankedTensorType>(t).getElementType()));
  }
  ASSERT_TRUE(succeeded(lowerToLlvmDialect(*kernels, *target))) << error;
  auto emitter = ObjectEmitter::create(*target);
  ASSERT_TRUE(bool(emitter));
  EmitOptions options;
  options.wantLlvm = options.wantAssembly = getenv("INGOT_TEST_DUMP");
  auto object = (*emitter)->emit(*kernels, options);
  if (succeeded(object))
    llvm::errs() << object->llvm << object->assembly;
  ASSERT_TRUE(succeeded(object)) << error;
  for (const CodeReport &r : object->functions) {
    loopSpills += r.loopSpills;
    textBytes += r.textBytes;
  }
  auto made = Loader::create();
  ASSERT_TRUE(bool(made));
  loader = std::move(*made);
  ASSERT_FALSE(bool(loader->addObject(object->object)));
  auto found = loader->function<KernelFunction>("kernel");
  ASSERT_TRUE(bool(found)) << llvm::toString(found.takeError());
  function = *found;
  ok = true;
}
KernelRun::~KernelRun() = default;

std::vector<Bytes> KernelRun::call(std::vector<Bytes> inputs) {
  if (!ok) {
    ADD_FAILURE() << "no kernel: " << error;
    return std::vector<Bytes>(std::max<size_t>(1, resultBytes.size()));
  }
  auto run = [&](bool chunks) {
    std::vector<Bytes> results(resultBytes.size());
    std::vector<void *> buffers;
    for (Bytes &b : inputs)
      buffers.push_back(b.data.data());
    constexpr size_t fence = 64; // nothing may be written beside a result
    for (size_t i = 0; i < results.size(); ++i) {
      results[i].data.assign(resultBytes[i] + 2 * fence, char(0x5a));
      buffers.push_back(results[i].data.data() + fence);
    }
    buffers.push_back(&definedSize);
    // The first pair alone: pairs are alternatives.
    for (size_t p = 0; shareInplace && p < std::min<size_t>(inplace.size(), 2); p += 2) {
      char *shared = results[inplace[p]].data.data() + fence;
      const Bytes &operand = inputs[inplace[p + 1]];
      std::memcpy(shared, operand.data.data(), operand.data.size());
      buffers[inplace[p + 1]] = shared;
    }
    status = 0;
    int64_t step = 1;
    for (int64_t at = 0; at < grid;) {
      int64_t end = chunks ? std::min(grid, at + step) : grid;
      int32_t s = function(buffers.data(), sizes.data(), at, end, nullptr);
      status = s ? s : status;
      at = end;
      step = step % 3 + 1;
    }
    for (Bytes &r : results) {
      for (size_t i = 0; i < fence; ++i)
        if (r.data[i] != 0x5a || r.data[r.data.size() - 1 - i] != 0x5a) {
          ADD_FAILURE() << "wrote outside its result";
          break;
        }
      r.data = std::vector<char>(r.data.begin() + fence, r.data.end() - fence);
    }
    return results;
  };
  auto a = run(false), b = run(true);
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(a[i].data == b[i].data) << "result " << i << " depends on the chunks";
  return a;
}

double KernelRun::time(std::vector<Bytes> inputs, int times) {
  std::vector<Bytes> results(resultBytes.size());
  std::vector<void *> buffers;
  std::vector<std::unique_ptr<char, void (*)(void *)>> aligned;
  auto place = [&](const void *data, size_t n) {
    char *p = static_cast<char *>(std::aligned_alloc(64, (n + 127) / 64 * 64));
    if (data)
      std::memcpy(p, data, n);
    else
      std::memset(p, 0, n);
    aligned.emplace_back(p, std::free);
    buffers.push_back(p);
  };
  for (Bytes &b : inputs)
    place(b.data.data(), b.data.size());
  for (int64_t n : resultBytes)
    place(nullptr, n);
  double best = 1e9;
  for (int i = 0; i < times; ++i) {
    auto t0 = std::chrono::steady_clock::now();
    function(buffers.data(), sizes.data(), 0, grid, nullptr);
    best = std::min(best,
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count());
  }
  return best;
}

std::vector<float> randoms(size_t n, unsigned seed) {
  std::mt19937 g(seed);
  std::vector<float> v(n);
  for (float &x : v)
    x = static_cast<float>(static_cast<int>(g() % 2001) - 1000) / 1000.0f;
  return v;
}
void expectNear(const std::vector<float> &got, const std::vector<float> &want, float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i]) && std::isnan(got[i]))
      continue;
    if (got[i] == want[i])
      continue;
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::fabs(want[i]))) << "element " << i;
  }
}

} // namespace ingot::test
