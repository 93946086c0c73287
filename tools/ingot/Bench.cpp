// `ingot bench`: time of a signature, and of each kernel.
#include "Artifact.h"
#include "Commands.h"
#include "Peak.h"
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
  return sorted[std::min(sorted.size() - 1,
                         static_cast<size_t>(q * static_cast<double>(sorted.size())))];
}

std::vector<ingot_profile_row> profile(Artifact &a, uint32_t index, std::vector<Tensor> &in,
                                       std::vector<Tensor> &out, int runs) {
  ingot_profile(a.module(), a.context(), 1);
  for (int i = 0; i < runs; ++i)
    a.run(index, in, out);
  std::vector<ingot_profile_row> rows(ingot_profile_rows(a.module(), a.context(), nullptr, 0));
  rows.resize(
      ingot_profile_rows(a.module(), a.context(), rows.data(), static_cast<uint32_t>(rows.size())));
  ingot_profile(a.module(), a.context(), 0);
  std::stable_sort(rows.begin(), rows.end(),
                   [](auto &x, auto &y) { return x.nanoseconds > y.nanoseconds; });
  return rows;
}

struct Times {
  double load = 0, first = 0; // seconds
  std::vector<double> sorted;
  double median() const { return quantile(sorted, 0.5); }
};

struct Profile {
  std::vector<ingot_profile_row> rows; // of `runs` calls
  int runs = 1;
  double peak = 0; // GFLOP/s of the processors
};

void printJson(const ingot_module *module, const char *signature, const Times &t,
               const Profile &p) {
  nlohmann::json j{{"signature", signature},
                   {"target", module->target},
                   {"runs", t.sorted.size()},
                   {"median_ms", t.median() * 1e3},
                   {"min_ms", t.sorted.front() * 1e3},
                   {"p90_ms", quantile(t.sorted, 0.9) * 1e3},
                   {"p99_ms", quantile(t.sorted, 0.99) * 1e3},
                   {"load_ms", t.load * 1e3},
                   {"first_ms", t.first * 1e3},
                   {"peak_gflops", p.peak}};
  auto runs = static_cast<uint64_t>(p.runs);
  for (const ingot_profile_row &r : p.rows)
    j["kernels"].push_back({{"name", r.kernel},
                            {"nodes", r.nodes},
                            {"calls", r.calls / runs},
                            {"us", 1e-3 * static_cast<double>(r.nanoseconds) / p.runs},
                            {"flops", r.flops / runs},
                            {"bytes", r.bytes / runs}});
  fmt::print("{}\n", j.dump(2));
}

/// One line of the table: a kernel or the sum.
void printRow(const ingot_profile_row &r, const Profile &p, double total,
              const std::string &title) {
  double ns = std::max(static_cast<double>(r.nanoseconds), 1.0),
         rate = static_cast<double>(r.flops) / ns;
  fmt::print("{:10.2f} {:6.1f} {:6} {:9.1f} {:6.1f} {:8.1f}  {}\n", ns / 1e3 / p.runs,
             100 * ns / total, r.calls / static_cast<uint64_t>(p.runs), rate, 100 * rate / p.peak,
             static_cast<double>(r.bytes) / ns, title);
}

void printTable(const BenchOptions &o, const ingot_module *module, const char *signature,
                const Times &t, const Profile &p) {
  fmt::print("{} {}: {} runs, median {:.4f} ms, min {:.4f}, p90 {:.4f}, p99 "
             "{:.4f}; load {:.2f} ms, first call {:.2f} ms\n",
             o.artifact, signature, t.sorted.size(), t.median() * 1e3, t.sorted.front() * 1e3,
             quantile(t.sorted, 0.9) * 1e3, quantile(t.sorted, 0.99) * 1e3, t.load * 1e3,
             t.first * 1e3);
  fmt::print("target: {}; peak of {} threads, measured: {:.1f} GFLOP/s in float32\n\n",
             module->target, o.threads > 0 ? o.threads : defaultThreads(), p.peak);
  fmt::print("{:>10} {:>6} {:>6} {:>9} {:>6} {:>8}  {}\n", "us/run", "%", "calls", "GFLOP/s",
             "% peak", "GB/s", "kernel (nodes)");
  ingot_profile_row sum{};
  for (const ingot_profile_row &r : p.rows) {
    sum.calls += r.calls;
    sum.nanoseconds += r.nanoseconds;
    sum.flops += r.flops;
    sum.bytes += r.bytes;
  }
  double total = std::max(static_cast<double>(sum.nanoseconds), 1.0);
  for (const ingot_profile_row &r : p.rows) {
    std::string nodes = r.nodes;
    if (nodes.size() > 70)
      nodes = nodes.substr(0, 67) + "...";
    printRow(r, p, total, fmt::format("{} ({})", r.kernel, nodes));
  }
  printRow(sum, p, total, "all kernels");
}

int bench(const BenchOptions &o) {
  double opened = now();
  Artifact artifact(o.artifact, o.threads);
  uint32_t index = artifact.signature(o.signature);
  std::vector<Tensor> in = makeInputs(artifact.module(), index, o.inputs, /*fill=*/true, o.sizes);
  std::vector<Tensor> out = artifact.outputs(index, in);
  Times times;
  double start = now();
  times.load = start - opened;
  artifact.run(index, in, out);
  times.first = now() - start;
  for (double end = now() + o.seconds; now() < end || times.sorted.size() < 5;) {
    double t = now();
    artifact.run(index, in, out);
    times.sorted.push_back(now() - t);
  }
  std::sort(times.sorted.begin(), times.sorted.end());
  Profile p;
  p.runs = std::clamp(static_cast<int>(0.5 / std::max(times.median(), 1e-7)), 3, 1000);
  p.rows = profile(artifact, index, in, out, p.runs);
  p.peak = measurePeak(o.threads > 0 ? o.threads : defaultThreads());
  const char *signature = artifact.module()->signatures[index].name;
  if (o.json)
    printJson(artifact.module(), signature, times, p);
  else
    printTable(o, artifact.module(), signature, times, p);
  return 0;
}
} // namespace

Command addBench(CLI::App &app) {
  auto o = std::make_shared<BenchOptions>();
  app.add_option("artifact", o->artifact, "Compiled model (.so)")->required();
  app.add_option("--input", o->inputs, "NAME=@x.npy or NAME=1x3xf32=0.5; others are random")
      ->take_all();
  app.add_option("--size", o->sizes,
                 "NAME=NUMBER: a named size of random inputs (default: as in given ones, else 1)")
      ->take_all();
  app.add_option("--signature", o->signature, "Signature (default: serving_default)");
  app.add_option("--threads", o->threads,
                 "Threads (default: INGOT_NUM_THREADS, else all processors)");
  app.add_option("--seconds", o->seconds, "How long to measure")->check(CLI::Range(0.01, 600.0));
  app.add_flag("--json", o->json, "Machine-readable");
  return [o] { return bench(*o); };
}

} // namespace ingot::cli
