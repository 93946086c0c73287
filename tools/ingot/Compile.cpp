// `ingot compile`: a model to an artifact, or to the text of a stage.
#include "Commands.h"
#include "ModelArguments.h"
#include "Values.h"
#include "training/arrays.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace ingot::cli {

void addModelArguments(CLI::App &app, ModelOptions &o) {
  app.add_option("model", o.path, "SavedModel folder, GraphDef .pb or .pbtxt")->required();
  app.add_option("--tag", o.tag, "Meta graph of a SavedModel")->capture_default_str();
  app.add_option("--signature", o.signatures,
                 "Signature (repeatable; default: all that users call)")
      ->take_all();
  app.add_option("--feed", o.feeds,
                 "NAME[:DIMSxDTYPE]: this tensor is an input; cuts the graph before it")
      ->take_all();
  app.add_option("--fetch", o.fetches, "NAME: this tensor is an output")->take_all();
  app.add_option("--shape", o.shapes, "NAME=1x224x224x3, NAME=batchxlenx64: sizes of an input")
      ->take_all()
      ->check(CLI::Validator(
          [](const std::string &text) {
            size_t eq = text.find('=');
            return eq == std::string::npos || eq == 0 || eq + 1 == text.size()
                       ? "'" + text + "': expected NAME=SIZES, such as x=batchx784"
                       : std::string();
          },
          ""));
}

void printMessage(const std::string &text) { fmt::print(stderr, "{}\n", text); }

namespace {
std::string stageHelp() {
  std::string s = "Write this stage instead of an artifact:";
  for (const StageInfo &stage : stages())
    s += fmt::format("\n  {:10} {}", stage.name, stage.description);
  return s;
}

bool endsWith(const std::string &text, std::initializer_list<std::string_view> ends) {
  for (std::string_view end : ends)
    if (text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0)
      return true;
  return false;
}

std::vector<std::string> stageNames() {
  std::vector<std::string> names;
  for (const StageInfo &stage : stages())
    names.push_back(stage.name);
  return names;
}

/// The variables in a .npz, for as long as `arrays` lives.
VariableValues readVariables(const std::string &path, training::Arrays &arrays) {
  std::string error;
  if (!training::readArrays(path, arrays, error))
    throw std::runtime_error(error);
  VariableValues values;
  for (auto &[name, array] : arrays) {
    if (array.shape.size() > INGOT_MAX_RANK)
      throw std::runtime_error(
          fmt::format("{}: array '{}' has rank {}", path, name, array.shape.size()));
    ingot_tensor &t = values[name];
    t.data = array.data.data();
    t.capacity = array.data.size();
    t.dtype = array.dtype;
    t.rank = static_cast<int32_t>(array.shape.size());
    std::copy(array.shape.begin(), array.shape.end(), t.shape);
  }
  if (values.empty())
    throw std::runtime_error(path + ": holds no array");
  return values;
}

int run(CompileOptions o, const std::string &load) {
  if (o.output.empty() && o.emit.empty()) {
    fmt::print(stderr, "ingot compile: error: -o OUT.so (or .o, .a) is "
                       "required, unless --emit is given\n");
    return 2;
  }
  if (o.emit.empty() && !endsWith(o.output, {".so", ".a", ".o"})) {
    fmt::print(stderr, "ingot compile: error: output '{}' must end in .so, .a or .o\n", o.output);
    return 2;
  }
  if (!o.report.empty() && !endsWith(o.report, {".json", ".html"})) {
    fmt::print(stderr, "ingot compile: error: report '{}' must end in .json or .html\n", o.report);
    return 2;
  }
  training::Arrays arrays;
  if (!load.empty())
    o.variables = readVariables(load, arrays);
  CompileResult r;
  if (!compile(o, r, printMessage))
    return 1;
  if (!o.emit.empty())
    return 0;
  fmt::print("{}: {}, {} kernels, {:.2f} s", r.output, spellBytes(r.outputBytes), r.kernels,
             r.seconds);
  if (!r.header.empty())
    fmt::print("; {}", r.header);
  if (!r.weights.empty())
    fmt::print("; {} ({})", r.weights, spellBytes(r.weightsBytes));
  fmt::print("\n");
  return 0;
}
} // namespace

Command addCompile(CLI::App &app) {
  auto o = std::make_shared<CompileOptions>();
  auto load = std::make_shared<std::string>();
  addModelArguments(app, o->model);
  app.add_option("-o,--output", o->output,
                 "OUT.so, OUT.a or OUT.o (with --emit: the text; default: "
                 "standard output)");
  app.add_option("--header", o->header, "Write the C header here");
  app.add_option("--name", o->name, "Prefix of the C functions (default: the output's name)");
  app.add_option("--weights", o->weights,
                 "Weights in this .safetensors file instead of the artifact "
                 "('embed': inside)");
  app.add_flag("--keep-weights", o->keepWeights,
               "Weights stay variables that can be read and replaced");
  app.add_option("--load", *load,
                 ".npz of variables to use instead of the model's (from ingot train --save)");
  app.add_option("--target", o->target, "cpu or cuda[:sm_80,...]")->capture_default_str();
  app.add_option("--mtriple", o->triple, "LLVM triple (default: the host)");
  app.add_option("--mcpu", o->cpu, "LLVM processor name (default: the host's)");
  CLI::Option *train = app.add_flag("--train", o->training.enabled, "Also compile a training step");
  CLI::Option *loss = app.add_option("--loss", o->training.loss,
                                     "mse, sparse_categorical_crossentropy, "
                                     "categorical_crossentropy, binary_crossentropy");
  train->needs(loss);
  loss->needs(train);
  app.add_flag("--from-logits", o->training.fromLogits, "The model's output is logits");
  app.add_option("--optimizer", o->training.optimizer, "sgd or adam")->capture_default_str();
  app.add_option("--learning-rate", o->training.learningRate, "Default: the optimizer's in Keras");
  app.add_option("--momentum", o->training.momentum, "Of sgd")->capture_default_str();
  app.add_option("--emit", o->emit, stageHelp())
      ->check(CLI::IsMember(stageNames()))
      ->type_name("STAGE");
  app.add_option("--report", o->report,
                 "Write a report of every kernel: FILE.json, or FILE.html for people");
  app.add_flag("--debug-arena", o->debugArena,
               "Guarded memory for each buffer, freed ones filled with NaN");
  app.add_option_function<std::string>(
         "--sanitize", [o](const std::string &) { o->sanitizeAddress = true; },
         "address: instrument the generated code")
      ->check(CLI::IsMember({"address"}));
  app.add_option("--threads", o->threads, "Threads of the compiler (default: all processors)");
  app.add_flag("--no-group{false}", o->group, "One kernel an operation (to compare with)");
  return [o, load] {
    if (const char *dir = std::getenv("INGOT_DUMP_DIR"))
      o->dumpDir = dir;
    return run(*o, *load);
  };
}

} // namespace ingot::cli
