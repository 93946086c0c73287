// `ingot inspect`: what a model is, and whether it can be compiled.
#include "Commands.h"
#include "ModelArguments.h"
#include "Values.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ingot::cli {

namespace {
int run(const ModelOptions &o) {
  ModelDescription d;
  if (!inspect(o, d, printMessage))
    return 1;
  for (const SignatureDescription &s : d.signatures) {
    fmt::print("signature {}\n", s.name);
    for (auto &v : s.inputs)
      fmt::print("  input   {}: {}\n", v.name, v.type);
    for (auto &v : s.outputs)
      fmt::print("  output  {}: {}\n", v.name, v.type);
  }
  unsigned unsupported = 0;
  fmt::print("ops\n");
  for (const OpDescription &op : d.ops) {
    fmt::print("  {:30} {:6}  {}\n", op.op, op.count, op.supported ? "supported" : "NOT SUPPORTED");
    unsupported += !op.supported;
  }
  fmt::print("parameters {} ({} trainable), {}\n", d.parameters, d.trainableParameters,
             spellBytes(d.parameterBytes));
  if (!d.flops.empty())
    fmt::print("FLOPs of a call: {}\n", d.flops);
  if (unsupported)
    fmt::print("{} of {} ops are not supported: `ingot compile` names every node; --feed can cut "
               "the graph behind them\n",
               unsupported, d.ops.size());
  return 0;
}
} // namespace

Command addInspect(CLI::App &app) {
  auto o = std::make_shared<ModelOptions>();
  addModelArguments(app, *o);
  return [o] { return run(*o); };
}

} // namespace ingot::cli
