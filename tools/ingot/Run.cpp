// `ingot run`: one call of a signature.
#include "Artifact.h"
#include "Commands.h"
#include "Npy.h"
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

namespace ingot::cli {

namespace {
struct RunOptions {
  std::string artifact, signature, output;
  std::vector<std::string> inputs;
  int threads = 0;
};

/// A tensor's name as a file name.
std::string fileName(const std::string &name) {
  std::string s = name;
  for (char &c : s)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.' && c != '-')
      c = '_';
  return s + ".npy";
}

int run(const RunOptions &o) {
  Artifact artifact(o.artifact, o.threads);
  uint32_t index = artifact.signature(o.signature);
  const ingot_signature &s = artifact.module()->signatures[index];
  std::vector<Tensor> in = makeInputs(artifact.module(), index, o.inputs, /*fill=*/false);
  std::vector<Tensor> out = artifact.outputs(index, in);
  artifact.run(index, in, out);
  if (!o.output.empty())
    std::filesystem::create_directories(o.output);
  for (uint32_t i = 0; i < s.num_outputs; ++i) {
    out[i].data.resize(out[i].elements() * ingot_dtype_size(out[i].dtype));
    fmt::print("{}: {} = {}\n", s.outputs[i].name, spell(out[i].dtype, out[i].shape),
               preview(out[i]));
    if (!o.output.empty())
      writeNpy((std::filesystem::path(o.output) / fileName(s.outputs[i].name)).string(), out[i]);
  }
  return 0;
}
} // namespace

Command addRun(CLI::App &app) {
  auto o = std::make_shared<RunOptions>();
  app.add_option("artifact", o->artifact, "Compiled model (.so)")->required();
  app.add_option("--input", o->inputs,
                 "NAME=@x.npy, NAME=1x3xf32=0.5 (one value, or all of them) or NAME=random")
      ->take_all()
      ->type_name("NAME=VALUE");
  app.add_option("--output", o->output, "Folder that gets NAME.npy of each output");
  app.add_option("--signature", o->signature, "Signature (default: serving_default)");
  app.add_option("--threads", o->threads,
                 "Threads (default: INGOT_NUM_THREADS, else all processors)");
  return [o] { return run(*o); };
}

} // namespace ingot::cli
