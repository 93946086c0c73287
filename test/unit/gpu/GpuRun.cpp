// See GpuRun.h.
#include "test/unit/gpu/GpuRun.h"

#include "compiler/codegen/nvptx/LowerToNvvm.h"
#include "compiler/codegen/nvptx/PtxEmitter.h"
#include "compiler/passes/schedule/EmitKernel.h"
#include "compiler/passes/schedule/gpu/GpuEmitter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace mlir;

namespace ingot::test {

GpuRun::GpuRun(const std::string &text, std::map<std::string, int64_t> symbols) {
  build(text, symbols);
}

void GpuRun::build(const std::string &text, const std::map<std::string, int64_t> &symbols) {
  DialectRegistry registry;
  registerGpuCodegenDialects(registry);
  registry.insert<nn::NnDialect, func::FuncDialect>();
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
    error += d.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  ASSERT_TRUE(bool(module)) << error;
  nn::KernelOp kernel;
  module->walk([&](nn::KernelOp k) { kernel = k; });
  ASSERT_TRUE(bool(kernel));
  schedule::expandComposites(kernel);
  auto chosen = kernel.getSchedule()
                    ? schedule::GpuSchedule::fromAttr(*kernel.getSchedule(),
                                                      [&] { return kernel.emitOpError(); })
                    : schedule::chooseGpuSchedule(kernel);
  if (failed(chosen) || failed(schedule::verifyGpuSchedule(kernel, *chosen)))
    return;
  schedule = *chosen;
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto target = gpu::GPUModuleOp::create(b, module->getLoc(), "gpu_kernels");
  auto emitted = schedule::emitGpuKernel(kernel, schedule, target, "kernel");
  if (failed(emitted))
    return;
  ASSERT_TRUE(succeeded(mlir::verify(target))) << error;
  auto value = [&](StringRef name) -> std::optional<int64_t> {
    auto it = symbols.find(name.str());
    return it == symbols.end() ? std::nullopt : std::optional<int64_t>(it->second);
  };
  for (const std::string &s : schedule::kernelSymbols(kernel))
    sizes.push_back(value(s).value_or(-1));
  grid = emitted->grid.evaluate(value).value_or(-1);
  ASSERT_GE(grid, 0);
  for (Type t : kernel.getResultTypes())
    resultCounts.push_back(nn::elementCount(t).evaluate(value).value_or(-1));
  ASSERT_TRUE(succeeded(lowerToNvvm(target))) << error;
  auto made = emitPtx(target, GpuArch());
  ASSERT_TRUE(succeeded(made)) << error;
  ptx = *made;
  if (getenv("INGOT_TEST_DUMP"))
    llvm::errs() << ptx;
  ok = true;
}

/// Device memory: aligned as a device's, with exact bounds.
namespace {
struct DeviceMemory {
  std::vector<std::unique_ptr<char, void (*)(void *)>> blocks;
  emulator::Allocations allocations;
  char *add(size_t bytes, const void *data) {
    char *p = static_cast<char *>(std::aligned_alloc(256, (bytes + 511) / 256 * 256));
    std::memset(p, 0xFF, bytes);
    if (data && bytes)
      std::memcpy(p, data, bytes);
    blocks.emplace_back(p, std::free);
    allocations[reinterpret_cast<uint64_t>(p)] = bytes;
    return p;
  }
};
} // namespace

std::string GpuRun::launch(const emulator::Kernel &kernel,
                           const std::vector<std::vector<float>> &inputs, unsigned seed,
                           std::vector<std::vector<float>> &results) {
  DeviceMemory memory;
  emulator::Launch l;
  std::vector<char *> outputs;
  auto param = [&](uint64_t v) { l.params.insert(l.params.end(), (char *)&v, (char *)&v + 8); };
  for (auto &in : inputs)
    param(reinterpret_cast<uint64_t>(memory.add(in.size() * 4, in.data())));
  for (int64_t n : resultCounts) {
    outputs.push_back(memory.add(n * 4, nullptr));
    param(reinterpret_cast<uint64_t>(outputs.back()));
  }
  for (int64_t s : sizes)
    param(s);
  l.grid[0] = grid;
  l.block[0] = schedule.threads;
  l.seed = seed;
  std::string message = grid ? emulator::run(kernel, l, memory.allocations) : "";
  results.clear();
  for (size_t i = 0; i < outputs.size(); ++i) {
    results.emplace_back(resultCounts[i]);
    if (resultCounts[i])
      std::memcpy(results[i].data(), outputs[i], resultCounts[i] * 4);
  }
  return message;
}

std::vector<std::vector<float>> GpuRun::call(const std::vector<std::vector<float>> &inputs) {
  std::vector<std::vector<float>> results(std::max<size_t>(1, resultCounts.size())), again;
  if (!ok) {
    ADD_FAILURE() << "no kernel: " << error;
    return results;
  }
  auto module = emulator::parse(ptx, error);
  if (!module) {
    ADD_FAILURE() << error;
    return results;
  }
  const emulator::Kernel &kernel = module->kernels.at("kernel");
  EXPECT_EQ(launch(kernel, inputs, 0, results), "");
  EXPECT_EQ(launch(kernel, inputs, 7, again), "");
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_TRUE(results[i].empty() ||
                !std::memcmp(results[i].data(), again[i].data(), results[i].size() * 4))
        << "result " << i << " depends on the order of threads";
  return results;
}
std::vector<float> GpuRun::one(const std::vector<std::vector<float>> &inputs) {
  return call(inputs)[0];
}

std::string GpuRun::callText(const std::string &text,
                             const std::vector<std::vector<float>> &inputs) {
  std::string message;
  auto module = emulator::parse(text, message);
  if (!module)
    return message;
  std::vector<std::vector<float>> results;
  return launch(module->kernels.at("kernel"), inputs, 3, results);
}

std::vector<float> randoms(size_t n, unsigned seed) {
  std::mt19937 g(seed);
  std::vector<float> v(n);
  for (float &x : v)
    x = static_cast<float>(static_cast<int>(g() % 2001) - 1000) / 1000.0f;
  return v;
}
void expectNear(const std::vector<float> &got, const std::vector<double> &want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if ((std::isnan(want[i]) && std::isnan(got[i])) || got[i] == want[i])
      continue;
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::fabs(want[i]))) << "element " << i;
  }
}

} // namespace ingot::test
