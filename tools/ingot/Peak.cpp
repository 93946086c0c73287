// Register-only loops with enough accumulators to hide the latency of an FMA.
#include "Peak.h"
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

namespace ingot::cli {

namespace {
constexpr int accumulators = 12;
thread_local volatile float sink;

/// Returns operations a nanosecond. Inlined into functions for one instruction
/// set each.
template <int Lanes> [[gnu::always_inline]] inline double spin(long rounds, float seed) {
  typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));
  Vector factor = seed - Vector{} * 0.5f, term = seed * 1e-6f - Vector{}, sums[accumulators];
  for (int i = 0; i < accumulators; ++i)
    sums[i] = factor * static_cast<float>(i);
  auto start = std::chrono::steady_clock::now();
  for (long r = 0; r < rounds; ++r)
#pragma clang loop unroll(full)
    for (int i = 0; i < accumulators; ++i)
      sums[i] = sums[i] * factor + term;
  double ns =
      std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  for (const Vector &sum : sums)
    sink = sum[0]; // or nothing would be computed
  return 2.0 * Lanes * accumulators * static_cast<double>(rounds) / std::max(ns, 1.0);
}

using Spin = double (*)(long, float);
double spin128(long rounds, float seed) { return spin<4>(rounds, seed); }
#if defined(__x86_64__)
[[gnu::target("avx512f")]] double spin512(long rounds, float seed) {
  return spin<16>(rounds, seed);
}
[[gnu::target("avx2,fma")]] double spin256(long rounds, float seed) {
  return spin<8>(rounds, seed);
}
Spin choose() {
  if (__builtin_cpu_supports("avx512f"))
    return spin512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? spin256 : spin128;
}
#else
Spin choose() { return spin128; }
#endif
} // namespace

double measurePeak(int threads) {
  Spin run = choose();
  std::vector<double> best(std::max(threads, 1), 0);
  auto work = [&](size_t thread) {
    // The first rounds wake the wide units; the best one was not interrupted.
    for (int i = 0; i < 12; ++i)
      best[thread] = std::max(best[thread], run(100000, 0.999f));
  };
  std::vector<std::thread> others;
  for (size_t t = 1; t < best.size(); ++t)
    others.emplace_back(work, t);
  work(0);
  for (std::thread &t : others)
    t.join();
  double sum = 0;
  for (double b : best)
    sum += b;
  return sum;
}

int defaultThreads() {
  if (const char *text = std::getenv("INGOT_NUM_THREADS"))
    if (int n = std::atoi(text); n > 0)
      return n;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace ingot::cli
