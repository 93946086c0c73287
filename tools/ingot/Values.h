// Tensors on the command line: "1x3xf32=0.5", "@x.npy", random data.
#ifndef INGOT_TOOLS_VALUES_H
#define INGOT_TOOLS_VALUES_H

#include "ingot/ingot.h"
#include <complex>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::cli {

/// A tensor that owns its memory.
struct Tensor {
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<int64_t> shape;
  std::vector<char> data;

  int64_t elements() const;
  /// The C view of it.
  ingot_tensor view();
};

const char *dtypeName(ingot_dtype dtype);
/// INGOT_INVALID_DTYPE if there is none of that name.
ingot_dtype dtypeOf(std::string_view name);
/// "1x3xf32"; "f32" for rank 0.
std::string spell(ingot_dtype dtype, const std::vector<int64_t> &shape);

/// Element i in doubles (integers above 2^53 lose bits), and back.
std::complex<double> element(const Tensor &t, int64_t i);
void setElement(Tensor &t, int64_t i, std::complex<double> v);

/// Parses `SPEC` of `--input NAME=SPEC`: "@file.npy", "1x3xf32=1,2,3",
/// "1x3xf32=0.5" (all elements), "2xc64=1-2j,3j", "1x3xf32=random". Throws std::runtime_error.
Tensor parseTensor(const std::string &spec);
/// Deterministic data: floats in [-1, 1), integers in [0, 3], bools.
void fillRandom(Tensor &t, uint64_t seed);
/// "512 bytes", "12.3 KB", "4.56 MB".
std::string spellBytes(uint64_t bytes);
/// A few elements for people: "[0.5, 1, ...]".
std::string preview(const Tensor &t, int64_t most = 10);

} // namespace ingot::cli

#endif // INGOT_TOOLS_VALUES_H
