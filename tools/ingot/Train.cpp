// `ingot train`: epochs over a training artifact.
#include "Artifact.h"
#include "Commands.h"
#include "training/loop.h"
#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace ingot::cli {

namespace {
struct TrainCommand {
  std::string artifact, data, validation, save, load;
  int64_t epochs = 1, batch = 32;
  uint64_t seed = 0;
  int threads = 0;
  bool noShuffle = false;
};

void require(bool ok, const std::string &error) {
  if (!ok)
    throw std::runtime_error(error);
}
training::Dataset dataset(const ingot_module *module, uint32_t signature, const std::string &path) {
  training::Arrays arrays;
  training::Dataset data;
  std::string error;
  require(training::readArrays(path, arrays, error), error);
  if (!training::Dataset::make(module, signature, std::move(arrays), data, error))
    throw std::runtime_error(path + ": " + error);
  return data;
}
/// Before hours of training, not behind them.
void expectWritable(const std::string &path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (!path.empty() && access(folder.empty() ? "." : folder.c_str(), W_OK))
    throw std::runtime_error(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}
std::string spell(const char *prefix, const training::Metrics &m) {
  std::string text = fmt::format("  {}loss {:.4f}", prefix, m.loss);
  if (m.accuracy)
    text += fmt::format("  {}accuracy {:.4f}", prefix, *m.accuracy);
  return text;
}

int run(const TrainCommand &o) {
  if (o.batch < 1 || o.epochs < 0)
    throw std::runtime_error("--batch must be at least 1 and --epochs at least 0");
  expectWritable(o.save);
  Artifact artifact(o.artifact, o.threads);
  training::Trainer trainer;
  std::string error;
  if (!training::Trainer::make(artifact.module(), artifact.context(), trainer, error))
    throw std::runtime_error(o.artifact + ": " + error);
  if (!o.load.empty()) {
    training::Arrays arrays;
    require(training::readArrays(o.load, arrays, error), error);
    if (!trainer.setVariables(arrays, error))
      throw std::runtime_error(o.load + ": " + error);
  }
  training::Dataset data = dataset(artifact.module(), trainer.trainSignature(), o.data), held;
  if (!o.validation.empty()) {
    held = dataset(artifact.module(), trainer.trainSignature(), o.validation);
    training::Metrics before;
    require(trainer.measure(held, o.batch, before, error), error);
    fmt::print("before  {}\n", spell("val_", before));
  }
  int64_t steps = (data.examples + o.batch - 1) / o.batch;
  for (int64_t e = 0; e < o.epochs; ++e) {
    training::Metrics metrics;
    std::optional<uint64_t> seed;
    if (!o.noShuffle)
      seed = o.seed + static_cast<uint64_t>(e);
    auto start = std::chrono::steady_clock::now();
    require(trainer.epoch(data, o.batch, seed, metrics, error), error);
    require(
        std::isfinite(metrics.loss),
        fmt::format("{}: the loss of epoch {} is {}: a label may be none of the classes, an input "
                    "not finite, or --learning-rate (when compiling) too large; nothing is saved",
                    o.data, e + 1, metrics.loss));
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::string line = fmt::format("epoch {}/{}{}", e + 1, o.epochs, spell("", metrics));
    if (!o.validation.empty()) {
      training::Metrics after;
      require(trainer.measure(held, o.batch, after, error), error);
      line += spell("val_", after);
    }
    fmt::print("{}  {:.2f} s, {:.3f} ms/step\n", line, time.count(), 1e3 * time.count() / steps);
    std::fflush(stdout);
  }
  if (!o.save.empty()) {
    training::Arrays arrays;
    require(trainer.variables(arrays, error), error);
    require(training::writeArrays(o.save, arrays, error), error);
    fmt::print("{}: {} variables\n", o.save, arrays.size());
  }
  return 0;
}
} // namespace

Command addTrain(CLI::App &app) {
  auto o = std::make_shared<TrainCommand>();
  app.add_option("artifact", o->artifact, "Model compiled with --train (.so)")->required();
  app.add_option("--data", o->data, ".npz with an array for each input, and the labels 'y'")
      ->required();
  app.add_option("--validation", o->validation, "The same, to measure after each epoch");
  app.add_option("--epochs", o->epochs, "Passes over the data")->capture_default_str();
  app.add_option("--batch", o->batch, "Examples of a step")->capture_default_str();
  app.add_option("--seed", o->seed, "Of the order of examples")->capture_default_str();
  app.add_flag("--no-shuffle", o->noShuffle, "Take the examples in their order");
  app.add_option("--load", o->load, ".npz of variables to begin with (from --save)");
  app.add_option("--save", o->save, ".npz that gets all variables at the end");
  app.add_option("--threads", o->threads,
                 "Threads (default: INGOT_NUM_THREADS, else all processors)");
  return [o] { return run(*o); };
}

} // namespace ingot::cli
