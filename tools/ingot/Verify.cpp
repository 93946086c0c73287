// `ingot verify`: compiled code against the reference evaluator.
#include "Artifact.h"
#include "Commands.h"
#include "ModelArguments.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace ingot::cli {

namespace {
struct VerifyOptions {
  CompileOptions compile;
  std::vector<std::string> inputs, sizes;
  bool all = false;
};

const char *verdict(bool good) { return good ? "ok" : "WRONG"; }

void printOutput(const Comparison &c) {
  fmt::print("  {:5} {} {}: error {:.3g} ({:.1f} roundings), {:.3g} of what is "
             "allowed",
             verdict(c.wrong == 0), c.name, c.type, c.maxError, c.maxUnits, c.share);
  if (c.undecided)
    fmt::print("; {} elements that rounding decides", c.undecided);
  fmt::print("\n");
  if (c.wrong)
    fmt::print("        {} of {} elements are wrong; the worst: {}\n", c.wrong, c.elements,
               c.worst);
}

void printKernels(const VerifyReport &report) {
  size_t width = 6;
  for (const KernelComparison &k : report.kernels)
    width = std::max(width, k.kernel.size());
  fmt::print("\n{:5} {:{}} {:>10} {:>9} {:>8}  {}\n", "", "kernel", width, "error", "roundings",
             "allowed", "nodes");
  for (const KernelComparison &k : report.kernels) {
    double error = 0, units = 0, share = 0;
    for (const Comparison &c : k.results) {
      error = std::max(error, c.maxError);
      units = std::max(units, c.maxUnits);
      share = std::max(share, c.share);
    }
    std::string nodes = k.nodes.size() > 70 && k.good() ? k.nodes.substr(0, 67) + "..." : k.nodes;
    fmt::print("{:5} {:{}} {:10.3g} {:9.1f} {:8.3g}  {}{}\n", verdict(k.good()), k.kernel, width,
               error, units, share, nodes, k.call ? fmt::format(" (call {})", k.call + 1) : "");
    if (!k.problem.empty())
      fmt::print("      {}\n", k.problem);
    for (const Comparison &c : k.results)
      if (c.wrong)
        fmt::print("      {}{}{} of {} elements of {} are wrong; the worst: {}\n", c.name,
                   c.name.empty() ? "" : ": ", c.wrong, c.elements, c.type, c.worst);
  }
}

int run(const VerifyOptions &o) {
  std::unique_ptr<VerifiedModel> model = VerifiedModel::compile(o.compile, printMessage);
  if (!model)
    return 1;
  const ingot_module *module = model->module();
  bool good = true;
  for (uint32_t i = 0; i < module->num_signatures; ++i) {
    std::vector<Tensor> inputs = makeInputs(module, i, o.inputs, /*fill=*/true, o.sizes);
    std::vector<ingot_tensor> in = views(inputs);
    VerifyReport report;
    if (!model->compareSignature(i, in, report))
      return 1;
    bool same = true;
    fmt::print("signature {}\n", module->signatures[i].name);
    for (const Comparison &c : report.outputs) {
      printOutput(c);
      same &= c.wrong == 0;
    }
    const KernelComparison *first = nullptr;
    if (o.all || !same) {
      if (!model->compareKernels(i, in, report))
        return 1;
      printKernels(report);
      for (const KernelComparison &k : report.kernels)
        if (!first && !k.good())
          first = &k;
    }
    if (first)
      fmt::print(stderr,
                 "ingot verify: error: kernel {} of signature '{}' computes "
                 "wrong results; its nodes: {}\n",
                 first->kernel, module->signatures[i].name, first->nodes);
    else if (!same)
      fmt::print(stderr,
                 "ingot verify: error: signature '{}' computes wrong results, "
                 "although each of its kernels is right: "
                 "look at the plan (--debug-arena) and at the stages before "
                 "the kernels\n",
                 module->signatures[i].name);
    good &= same && !first;
  }
  return good ? 0 : 1;
}
} // namespace

Command addVerify(CLI::App &app) {
  auto o = std::make_shared<VerifyOptions>();
  addModelArguments(app, o->compile.model);
  app.add_option("--input", o->inputs, "NAME=@x.npy or NAME=1x3xf32=0.5; others are random")
      ->take_all();
  app.add_option("--size", o->sizes,
                 "NAME=NUMBER: a named size of random inputs (default: as in given ones, else 1)")
      ->take_all();
  app.add_flag("--all", o->all, "Compare every kernel, also where all outputs are right");
  app.add_flag("--keep-weights", o->compile.keepWeights, "Compile with weights as variables");
  app.add_flag("--debug-arena", o->compile.debugArena,
               "Guarded memory for each buffer, freed ones filled with NaN");
  app.add_flag("--no-group{false}", o->compile.group, "One kernel an operation");
  app.add_option("--threads", o->compile.threads,
                 "Threads of the compiler (default: all processors)");
  return [o] { return run(*o); };
}
} // namespace ingot::cli
