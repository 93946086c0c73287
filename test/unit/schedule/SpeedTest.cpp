// Rates of the hot kernels on this machine. Not run by default; see them with
// --gtest_also_run_disabled_tests --gtest_filter='*Speed*'.
#include "test/unit/schedule/Harness.h"
#include "test/unit/schedule/Texts.h"
#include <cstdio>
#include <memory>

using namespace ingot::test;

namespace {
void report(const char *what, KernelRun &k, std::vector<Bytes> in, double work, const char *unit) {
  if (!k.ok)
    return;
  double t = k.time(std::move(in), 25);
  std::printf("%-34s %9.1f us %8.1f %s  %5u B, %u spills in loops, rows %d "
              "vecs %d lanes %d, %ld units\n",
              what, t * 1e6, work / t * 1e-9, unit, unsigned(k.textBytes), k.loopSpills,
              int(k.schedule.rows), int(k.schedule.vecs), int(k.schedule.lanes), long(k.grid));
}
} // namespace

TEST(DISABLED_Speed, Dense) {
  for (auto [m, n, k, tile] : {std::tuple(512, 512, 512, 32),
                               {128, 768, 768, 32},
                               {127, 768, 768, 32},
                               {128, 3072, 768, 32},
                               {3136, 64, 576, 32},
                               {1, 1024, 1024, 32},
                               {1, 1000, 2048, 32},
                               {32, 10, 128, 16},
                               {512, 512, 512, 0}})
    for (bool dynamic : {true, false}) {
      KernelRun run(denseText(dynamic ? "batch" : std::to_string(m), k, n, tile), {{"batch", m}});
      std::string name = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) +
                         (dynamic ? " unknown M" : "") + (tile ? "" : " unpacked");
      report(name.c_str(), run, {randoms(m * k), randoms(k * ((n + 31) / 32 * 32)), randoms(n)},
             2.0 * m * n * k, "GF/s");
    }
}
TEST(DISABLED_Speed, Conv) {
  Conv convs[] = {
      {1, 56, 56, 64, 3, 3, 64, 1, 1, 1, 1, 1, 1},   {1, 28, 28, 128, 3, 3, 128, 1, 1, 1, 1, 1, 1},
      {1, 14, 14, 256, 3, 3, 256, 1, 1, 1, 1, 1, 1}, {2, 7, 7, 512, 3, 3, 512, 1, 1, 1, 1, 1, 1},
      {1, 56, 56, 64, 3, 3, 128, 2, 1, 0, 1, 0, 1},  {1, 224, 224, 3, 7, 7, 64, 2, 1, 3, 3, 3, 3},
      {1, 28, 28, 256, 1, 1, 1024, 1, 1, 0, 0, 0, 0}};
  for (const Conv &c : convs) {
    KernelRun run(c.text(false, 32), {{"batch", c.n}});
    std::string name = "conv " + std::to_string(c.h) + "x" + std::to_string(c.c) + " " +
                       std::to_string(c.kh) + "x" + std::to_string(c.kw) + " to " +
                       std::to_string(c.f);
    report(name.c_str(), run, {randoms(c.n * c.h * c.w * c.c), randoms(c.kh * c.kw * c.c * c.f)},
           2.0 * c.n * c.outH() * c.outW() * c.f * c.kh * c.kw * c.c, "GF/s nominal");
  }
  for (int n : {1, 16}) {
    Conv c{n, 28, 28, 128, 3, 3, 64, 1, 1, 1, 2, 1, 2, 1, 2};
    KernelRun run(c.text(false), {{"batch", n}});
    report("gradient of 3x3 stride 2", run, {randoms(n * 28 * 28 * 128), randoms(9 * 128 * 64)},
           2.0 * n * 56 * 56 * 64 * 9 * 128 / 4, "GF/s");
  }
  for (const Conv &c : {Conv{1, 112, 112, 32, 3, 3, 32, 1, 1, 1, 1, 1, 1, 32},
                        Conv{1, 56, 56, 32, 3, 3, 32, 1, 1, 1, 1, 1, 1, 32}}) {
    KernelRun run(c.text(false), {{"batch", c.n}});
    report("depthwise 3x3", run, {randoms(c.n * c.h * c.w * c.c), randoms(9 * 32)},
           2.0 * c.n * c.outH() * c.outW() * c.f * 9, "GF/s");
  }
}
TEST(DISABLED_Speed, Rows) {
  for (auto n : {"1000", "n", "10"}) {
    KernelRun run(softmaxText(n), {{"b", 1024}, {"n", 1000}});
    int width = n[1] == '0' && !n[2] ? 10 : 1000;
    report("softmax of 1024 rows", run, {randoms(1024 * width)}, 8.0 * 1024 * width, "GB/s");
  }
}

/// Tiles of a convolution side by side: what the policy takes, and fewer accumulators, in turns.
TEST(DISABLED_Speed, TilesOfConvolutions) {
  for (const Conv &c : {Conv{1, 224, 224, 3, 7, 7, 64, 2, 1, 3, 3, 3, 3},
                        Conv{1, 56, 56, 64, 3, 3, 64, 1, 1, 1, 1, 1, 1},
                        Conv{1, 28, 28, 128, 3, 3, 128, 1, 1, 1, 1, 1, 1}}) {
    std::string text = c.text(false, 32);
    size_t at = text.find(" {\n^bb0");
    std::vector<std::pair<std::string, std::unique_ptr<KernelRun>>> runs;
    runs.emplace_back("policy", std::make_unique<KernelRun>(
                                    text, std::map<std::string, int64_t>{{"batch", c.n}}));
    for (auto [rows, vecs] : {std::pair(14, 2),
                              {12, 2},
                              {10, 2},
                              {8, 2},
                              {7, 2},
                              {6, 2},
                              {4, 2},
                              {28, 1},
                              {24, 1},
                              {16, 1},
                              {14, 1},
                              {6, 4},
                              {7, 4}}) {
      std::string schedule = " attributes {schedule = {lane_dim = 3, lanes = 16, loops = \"tile\", "
                             "order = [2, 3], row_dim = 2, rows = " +
                             std::to_string(rows) +
                             ", units = [[0, 1], [1, 1]], vecs = " + std::to_string(vecs) + "}}";
      runs.emplace_back(
          std::to_string(rows) + "x" + std::to_string(vecs),
          std::make_unique<KernelRun>(text.substr(0, at) + schedule + text.substr(at),
                                      std::map<std::string, int64_t>{{"batch", c.n}}));
    }
    std::vector<Bytes> in{randoms(c.n * c.h * c.w * c.c), randoms(c.kh * c.kw * c.c * c.f)};
    std::vector<double> best(runs.size(), 1e9);
    for (int round = 0; round < 10; ++round)
      for (size_t i = 0; i < runs.size(); ++i)
        if (runs[i].second->ok)
          best[i] = std::min(best[i], runs[i].second->time(in, 5));
    for (size_t i = 0; i < runs.size(); ++i)
      std::printf("conv %dx%d of %d, tile %6s: %8.1f us, %4u spills in loops, %6u B\n", c.kh, c.kw,
                  c.h, runs[i].first.c_str(), best[i] * 1e6, runs[i].second->loopSpills,
                  unsigned(runs[i].second->textBytes));
  }
}
