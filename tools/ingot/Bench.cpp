// `ingot bench`: time of a signature, and of each kernel.
#include "Artifact.h"
#include "Commands.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ingot::cli {

namespace {
struct BenchOptions {
  std::string artifact, signature;
  std::vector<std::string> inputs, sizes;
  int threads = 0;
  double seconds = 1;
  bool json = false;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double quantile(const std::vector<double> &sorted, double q) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(q * static_cast<double>(sorted.size())))];
}

std::vector<ingot_profile_row> profile(Artifact &a, uint32_t index, std::vector<Tensor> &in, std::vector<Tensor> &out,
                                       int runs) {
  ingot_profile(a.module(), a.context(), 1);
  for (int i = 0; i < runs; ++i)
    a.run(index, in, out);
  std::vector<ingot_profile_row> rows(ingot_profile_rows(a.module(), a.context(), nullptr, 0));
  rows.resize(ingot_profile_rows(a.module(), a.context(), rows.data(), static_cast<uint32_t>(rows.size())));
  ingot_profile(a.module(), a.context(), 0);
  std::stable_sort(rows.begin(), rows.end(), [](auto &x, auto &y) { return x.nanoseconds > y.nanoseconds; });
  return rows;
}

int bench(const BenchOptions &o) {
  double opened = now();
  Artifact artifact(o.artifact, o.threads);
  uint32_t index = artifact.signature(o.signature);
  std::vector<Tensor> in = makeInputs(artifact.module(), index, o.inputs, /*fill=*/true, o.sizes);
  std::vector<Tensor> out = artifact.outputs(index, in);
  double start = now();
  artifact.run(index, in, out);
  double first = now() - start, load = start - opened;
  std::vector<double> times;
  for (double end = now() + o.seconds; now() < end || times.size() < 5;) {
    double t = now();
    artifact.run(index, in, out);
    times.push_back(now() - t);
  }
  std::sort(times.begin(), times.end());
  double median = quantile(times, 0.5);
  int runs = std::clamp(static_cast<int>(0.5 / std::max(median, 1e-7)), 3, 1000);
  auto rows = profile(artifact, index, in, out, runs);
  if (o.json) {
    nlohmann::json j{{"signature", artifact.module()->signatures[index].name},
                     {"runs", times.size()}, {"median_ms", median * 1e3}, {"min_ms", times.front() * 1e3},
                     {"p90_ms", quantile(times, 0.9) * 1e3}, {"p99_ms", quantile(times, 0.99) * 1e3},
                     {"load_ms", load * 1e3}, {"first_ms", first * 1e3}};
    for (auto &r : rows)
      j["kernels"].push_back({{"name", r.kernel}, {"nodes", r.nodes}, {"us", 1e-3 * static_cast<double>(r.nanoseconds) / runs},
                              {"flops", r.flops / runs}, {"bytes", r.bytes / runs}});
    fmt::print("{}\n", j.dump(2));
    return 0;
  }
  fmt::print("{} {}: {} runs, median {:.4f} ms, min {:.4f}, p90 {:.4f}, p99 {:.4f}; load {:.2f} ms, first call {:.2f} ms\n",
             o.artifact, artifact.module()->signatures[index].name, times.size(), median * 1e3, times.front() * 1e3,
             quantile(times, 0.9) * 1e3, quantile(times, 0.99) * 1e3, load * 1e3, first * 1e3);
  fmt::print("target: {}\n\n{:>10} {:>6} {:>6} {:>9} {:>8}  {}\n", artifact.module()->target, "us/run", "%", "calls",
             "GFLOP/s", "GB/s", "kernel (nodes)");
  double total = 0;
  for (auto &r : rows)
    total += static_cast<double>(r.nanoseconds);
  for (auto &r : rows) {
    double ns = static_cast<double>(r.nanoseconds);
    std::string nodes = r.nodes;
    if (nodes.size() > 70)
      nodes = nodes.substr(0, 67) + "...";
    fmt::print("{:10.2f} {:6.1f} {:6} {:9.1f} {:8.1f}  {} ({})\n", ns / 1e3 / runs, 100 * ns / std::max(total, 1.0),
               r.calls / static_cast<uint64_t>(runs), static_cast<double>(r.flops) / std::max(ns, 1.0),
               static_cast<double>(r.bytes) / std::max(ns, 1.0), r.kernel, nodes);
  }
  return 0;
}
} // namespace

Command addBench(CLI::App &app) {
  auto o = std::make_shared<BenchOptions>();
  app.add_option("artifact", o->artifact, "Compiled model (.so)")->required();
  app.add_option("--input", o->inputs, "NAME=@x.npy or NAME=1x3xf32=0.5; others are random")->take_all();
  app.add_option("--size", o->sizes, "NAME=NUMBER: a named size of random inputs (default 1)")->take_all();
  app.add_option("--signature", o->signature, "Signature (default: serving_default)");
  app.add_option("--threads", o->threads, "Threads (default: INGOT_NUM_THREADS, else all processors)");
  app.add_option("--seconds", o->seconds, "How long to measure")->check(CLI::Range(0.01, 600.0));
  app.add_flag("--json", o->json, "Machine-readable");
  return [o] { return bench(*o); };
}

} // namespace ingot::cli
