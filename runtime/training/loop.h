// The training loop over a training artifact: batches, shuffling, epochs,
// validation, variables on disk. It sees the artifact through the public C ABI
// alone, so any program can use it with any artifact.
//
// Functions return false and set `error` when something is wrong; nothing
// prints or throws.
#ifndef INGOT_TRAINING_LOOP_H
#define INGOT_TRAINING_LOOP_H

#include "arrays.h"
#include <optional>

namespace ingot::training {

/// Inputs of a signature for many examples, in its order and element types.
struct Dataset {
  std::vector<Array> inputs;
  int64_t examples = 0;

  /// Matches arrays with the signature's inputs by name; a single one that is
  /// left on both sides is matched as well (so "x" and "y" fit any model of one
  /// input). Values are converted to the declared element types.
  static bool make(const ingot_module *module, uint32_t signature, Arrays arrays, Dataset &dataset,
                   std::string &error);
};

struct Metrics {
  double loss = 0;                ///< mean over examples
  std::optional<double> accuracy; ///< if the model is a classifier
};

/// Trains one artifact's state through one context.
class Trainer {
public:
  /// The module must have the signatures `train` and `evaluate`.
  static bool make(const ingot_module *module, ingot_context *context, Trainer &trainer,
                   std::string &error);

  uint32_t trainSignature() const { return train; }
  /// One pass over the data in batches, in an order that `seed` decides
  /// (none: as it is). `metrics.loss` is the mean of what the steps reported.
  bool epoch(const Dataset &data, int64_t batch, std::optional<uint64_t> seed, Metrics &metrics,
             std::string &error);
  /// Loss and accuracy, without changing anything.
  bool measure(const Dataset &data, int64_t batch, Metrics &metrics, std::string &error);
  /// All variables under their names.
  bool variables(Arrays &arrays, std::string &error);
  /// Sets the variables that are there; names that the module does not know and
  /// shapes that differ are errors.
  bool setVariables(const Arrays &arrays, std::string &error);

private:
  bool run(uint32_t signature, const Dataset &data, const std::vector<int64_t> &order,
           int64_t batch, std::vector<double> &means, std::string &error);
  const ingot_module *module = nullptr;
  ingot_context *context = nullptr;
  uint32_t train = 0, evaluate = 0;
};

} // namespace ingot::training

#endif // INGOT_TRAINING_LOOP_H
