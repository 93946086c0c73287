// NumPy's .npy files (versions 1-3, C order).
#ifndef INGOT_TOOLS_NPY_H
#define INGOT_TOOLS_NPY_H

#include "Values.h"

namespace ingot::cli {

/// Throws std::runtime_error that names the file and what is wrong with it.
Tensor readNpy(const std::string &path);
/// Complete or not at all. bfloat16 is written as 2-byte voids, as numpy does.
void writeNpy(const std::string &path, const Tensor &t);

} // namespace ingot::cli

#endif // INGOT_TOOLS_NPY_H
