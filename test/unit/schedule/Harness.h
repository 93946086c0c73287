// Runs one nn.kernel: schedules, emits, lowers, loads, calls it in odd chunks
// and all at once (the bits must agree), and hands back the results.
#ifndef INGOT_TEST_UNIT_SCHEDULE_HARNESS_H
#define INGOT_TEST_UNIT_SCHEDULE_HARNESS_H

#include "compiler/codegen/loader/Loader.h"
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/passes/schedule/EmitKernel.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"
#include <cstring>
#include <map>
#include <random>

namespace ingot::test {

/// Elements in memory, without a type.
struct Bytes {
  std::vector<char> data;
  Bytes() = default;
  template <typename T> Bytes(const std::vector<T> &v) : data(v.size() * sizeof(T)) {
    if (!v.empty())
      std::memcpy(data.data(), v.data(), data.size());
  }
  template <typename T> std::vector<T> as() const {
    std::vector<T> r(data.size() / sizeof(T));
    if (!r.empty())
      std::memcpy(r.data(), data.data(), data.size());
    return r;
  }
};

class KernelRun {
public:
  /// `text`: a module with one function that holds one nn.kernel. Symbols give
  /// the values of named sizes. An empty cpu is the host.
  KernelRun(llvm::StringRef text, std::map<std::string, int64_t> symbols = {},
            llvm::StringRef cpu = "");
  ~KernelRun();

  /// Calls the kernel; checks that chunks do not change a bit.
  std::vector<Bytes> call(std::vector<Bytes> inputs);
  template <typename T> std::vector<T> one(std::vector<Bytes> inputs) {
    return call(std::move(inputs))[0].as<T>();
  }
  /// Calls it once over the whole grid, best seconds of `times`.
  double time(std::vector<Bytes> inputs, int times);

  bool ok = false;
  int32_t status = 0;
  int64_t definedSize = -1; ///< what the kernel defined as a data symbol
  ingot::schedule::Schedule schedule;
  std::vector<int64_t> inplace;
  int64_t grid = 0;
  /// Calls give the first result of `inplace` the memory of its operand.
  bool shareInplace = false;
  std::string error;
  unsigned loopSpills = 0;
  uint64_t textBytes = 0;

private:
  void build(llvm::StringRef text, const std::map<std::string, int64_t> &symbols,
             llvm::StringRef cpu);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module, kernels;
  std::unique_ptr<Loader> loader;
  KernelFunction *function = nullptr;
  std::vector<int64_t> sizes, resultBytes;
};

/// Reproducible numbers in [-1, 1].
std::vector<float> randoms(size_t n, unsigned seed = 1);
void expectNear(const std::vector<float> &got, const std::vector<float> &want, float tolerance);

} // namespace ingot::test

#endif // INGOT_TEST_UNIT_SCHEDULE_HARNESS_H
