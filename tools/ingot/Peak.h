// What this machine's processors could do, measured: the denominator of "share
// of peak" in `ingot bench`.
#ifndef INGOT_TOOLS_PEAK_H
#define INGOT_TOOLS_PEAK_H

namespace ingot::cli {

/// Float32 operations a nanosecond (GFLOP/s) of `threads` threads that run
/// independent fused multiply-adds on the widest vectors, for a few
/// milliseconds.
double measurePeak(int threads);

/// Threads that a context uses where 0 is given.
int defaultThreads();

} // namespace ingot::cli

#endif // INGOT_TOOLS_PEAK_H
