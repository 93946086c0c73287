// Hand-written "compiled" models: what the compiler would emit, as C++ tables,
// so that the runtime is tested alone.
#ifndef INGOT_TEST_UNIT_RUNTIME_TESTMODEL_H
#define INGOT_TEST_UNIT_RUNTIME_TESTMODEL_H

#include "runtime/core/abi_internal.h"

#include <atomic>
#include <cstdint>
#include <vector>

/// A model `demo` with a constant `w` of 4 floats, a variable `counter` (i64)
/// and the signatures
///   0 scale    (x: batchx4xf32, y: batchx4xf32) -> (z: batchx4xf32) = x*w + y
///   1 count    (step: i64) -> (now: i64), counter += step
///   2 positive (x: nxf32) -> (indices: ?xi64) of data-dependent size
///   3 gather   (indices: nxi64) -> (v: nxf32) = w[indices], out of range fails
const ingot_module *demoModule();

/// Another copy of the same tables with its own instance.
const ingot_module *secondModule();

/// 1 has the kernel of `count` say 2 once it runs and wait for 0.
extern std::atomic<int> holdCount;

/// A tensor of the caller's vector.
template <typename T> ingot_dtype dtypeOf();
template <> inline ingot_dtype dtypeOf<float>() { return INGOT_F32; }
template <> inline ingot_dtype dtypeOf<int64_t>() { return INGOT_I64; }

template <typename T> ingot_tensor tensorOf(std::vector<T> &data, std::vector<int64_t> shape) {
  ingot_tensor t = {};
  t.data = data.data();
  t.capacity = data.size() * sizeof(T);
  t.dtype = dtypeOf<T>();
  t.rank = (int32_t)shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    t.shape[i] = shape[i];
  return t;
}

#endif // INGOT_TEST_UNIT_RUNTIME_TESTMODEL_H
