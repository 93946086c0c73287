// Arrays in NumPy's files: .npz (a zip of .npy) read and written, .npy read.
#ifndef INGOT_TRAINING_ARRAYS_H
#define INGOT_TRAINING_ARRAYS_H

#include "ingot/ingot.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ingot::training {

/// A dense row-major array that owns its memory.
struct Array {
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<int64_t> shape;
  std::vector<char> data;

  int64_t elements() const;
  /// "1400x8x8x1 of 1-byte elements", for messages.
  std::string describe() const;
};
using Arrays = std::map<std::string, Array>;

/// Reads a .npz, or a .npy under the name "x". Compressed archives work where
/// zlib was there at build time. False: `error` names the file and the reason.
bool readArrays(const std::string &path, Arrays &arrays, std::string &error);
/// Writes an uncompressed .npz, complete or not at all.
bool writeArrays(const std::string &path, const Arrays &arrays, std::string &error);

/// The array with another element type, each value converted. False for types
/// without a conversion (complex, 16-bit floats).
bool convertArray(Array &array, ingot_dtype dtype);

} // namespace ingot::training

#endif // INGOT_TRAINING_ARRAYS_H
