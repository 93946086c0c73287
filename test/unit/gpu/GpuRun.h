// Runs one nn.kernel as a GPU does: schedules it, makes PTX, emulates the PTX.
#ifndef INGOT_TEST_UNIT_GPU_GPURUN_H
#define INGOT_TEST_UNIT_GPU_GPURUN_H

#include "compiler/dialects/Nn/Nn.h"
#include "compiler/passes/schedule/gpu/GpuSchedule.h"
#include "test/emulator/Ptx.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"
#include <map>

namespace ingot::test {

class GpuRun {
public:
  /// `text`: a module with one function that holds one nn.kernel. Symbols give the
  /// values of named sizes.
  GpuRun(const std::string &text, std::map<std::string, int64_t> symbols = {});

  /// Results of the kernel; threads run in several orders, which must not change
  /// a bit.
  std::vector<std::vector<float>> call(const std::vector<std::vector<float>> &inputs);
  /// The first result.
  std::vector<float> one(const std::vector<std::vector<float>> &inputs);
  /// The emulator's error for this text in the place of the kernel's PTX.
  std::string callText(const std::string &ptx, const std::vector<std::vector<float>> &inputs);

  bool ok = false;
  std::string error, ptx;
  schedule::GpuSchedule schedule;
  int64_t grid = 0;

private:
  void build(const std::string &text, const std::map<std::string, int64_t> &symbols);
  std::string launch(const emulator::Kernel &kernel, const std::vector<std::vector<float>> &inputs,
                     unsigned seed, std::vector<std::vector<float>> &results);

  mlir::MLIRContext context;
  std::vector<int64_t> sizes, resultCounts;
};

/// Reproducible numbers in [-1, 1].
std::vector<float> randoms(size_t n, unsigned seed = 1);
/// |got - want| <= tolerance * (1 + |want|), NaN and infinities equal.
void expectNear(const std::vector<float> &got, const std::vector<double> &want, double tolerance);

} // namespace ingot::test

#endif // INGOT_TEST_UNIT_GPU_GPURUN_H
