// Reader of the container that container.py writes: one-op graphs and random
// graphs with their feeds, TensorFlow's results and the rules of comparison.
#ifndef INGOT_TEST_CONFORMANCE_CASEFILE_H
#define INGOT_TEST_CONFORMANCE_CASEFILE_H

#include "ingot/ingot.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace ingot::conform {

/// A tensor of the file; `bytes` points into it.
struct Tensor {
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<int64_t> shape;
  llvm::StringRef bytes;
};

/// When a value passes; see container.py.
struct Rule {
  int64_t ulp = 0;
  double atol = 0, rtol = 0;
  bool zero = false; ///< zeros may differ in sign
};

struct Run {
  std::vector<Tensor> feeds, fetches;
  std::vector<std::optional<Tensor>> truth;
  bool error = false;
};

struct Case {
  std::string name;
  llvm::StringRef graph;
  std::vector<std::string> feeds, fetches;
  /// The declared type of each feed, as the command line spells it.
  std::vector<std::string> shapes;
  std::vector<Rule> rules;
  std::vector<Run> runs;
};

/// Reads all cases in `data`, which must outlive them. On a malformed file
/// returns false and sets `error`.
bool readCases(llvm::StringRef data, std::vector<Case> &cases, std::string &error);

/// Compares a result with what is expected; empty if it passes, else the
/// first difference in words.
std::string compare(const Tensor &found, const Tensor &expected, const std::optional<Tensor> &truth,
                    const Rule &rule);

} // namespace ingot::conform

#endif
