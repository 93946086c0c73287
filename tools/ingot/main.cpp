// The `ingot` command line.
#include "Commands.h"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>
#include <vector>

using namespace ingot::cli;

int main(int argc, char **argv) {
  CLI::App app{"Ingot compiles TensorFlow and Keras models to native code.", "ingot"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "ingot 0.1.0");
  app.footer("Exit status: 0 good, 1 the input is bad, 2 wrong usage.");
  std::vector<std::pair<CLI::App *, Command>> commands;
  auto add = [&](const char *name, const char *text, Command (*make)(CLI::App &)) {
    CLI::App *sub = app.add_subcommand(name, text);
    commands.emplace_back(sub, make(*sub));
  };
  add("inspect", "Signatures, inputs, outputs, ops and their support, parameters", addInspect);
  add("compile", "Compile a model to a shared object, archive or object", addCompile);
  add("run", "Run a signature of a compiled model once", addRun);
  add("bench", "Time a signature of a compiled model, kernel by kernel", addBench);
  add("train", "Train a model compiled with --train", addTrain);
  add("verify", "Compare a model's compiled kernels with the reference evaluator", addVerify);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    int status = app.exit(e);
    return status ? 2 : 0;
  }
  try {
    for (auto &[sub, command] : commands)
      if (sub->parsed())
        return command();
  } catch (const std::exception &e) {
    std::fprintf(stderr, "ingot: error: %s\n", e.what());
    return 1;
  }
  return 2;
}
