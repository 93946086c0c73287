// Does this processor have what the artifact was compiled for? Asked once for
// each context, so that a wrong machine gets a message and not SIGILL.
#include "core.h"

#include <stdio.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ingot_rt {

#if defined(__x86_64__)
static uint64_t presentFeatures() {
  uint32_t a, b, c, d, b7 = 0, c7 = 0, d7 = 0, a71 = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  uint32_t c1 = c;
  if (__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) && a >= 1)
    __get_cpuid_count(7, 1, &a71, &b, &c, &d);
  // What the system saves on a context switch counts as well (XCR0).
  uint32_t saved = 0, high = 0;
  if (c1 & (1u << 27))
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  bool ymm = (saved & 0x6) == 0x6;
  bool zmm = (saved & 0xe6) == 0xe6;
  bool tiles = (saved & 0x60000) == 0x60000;
  uint64_t f = 0;
  auto have = [&](bool present, uint64_t bit) { f |= present ? bit : 0; };
  have(c1 >> 20 & 1, INGOT_RT_CPU_SSE42);
  have(ymm && (c1 >> 28 & 1), INGOT_RT_CPU_AVX);
  have(ymm && (b7 >> 5 & 1), INGOT_RT_CPU_AVX2);
  have(ymm && (c1 >> 12 & 1), INGOT_RT_CPU_FMA);
  have(ymm && (c1 >> 29 & 1), INGOT_RT_CPU_F16C);
  have(b7 >> 8 & 1, INGOT_RT_CPU_BMI2);
  // F, DQ, CD, BW, VL.
  constexpr uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  have(zmm && (b7 & avx512) == avx512, INGOT_RT_CPU_AVX512);
  have(zmm && (a71 >> 5 & 1), INGOT_RT_CPU_AVX512_BF16);
  have(zmm && (c7 >> 11 & 1), INGOT_RT_CPU_AVX512_VNNI);
  have(tiles && (d7 >> 24 & 1), INGOT_RT_CPU_AMX);
  return f;
}
#else
static uint64_t presentFeatures() { return UINT64_MAX; }
#endif

uint64_t missingCpuFeatures(uint64_t needed) { return needed ? needed & ~presentFeatures() : 0; }

void describeCpuFeatures(uint64_t features, char *text, size_t size) {
  static const char *const names[] = {"SSE4.2", "AVX",     "AVX2",        "FMA",         "F16C",
                                      "BMI2",   "AVX-512", "AVX512_BF16", "AVX512_VNNI", "AMX"};
  size_t used = 0;
  text[0] = 0;
  for (unsigned i = 0; i < sizeof names / sizeof *names && used < size; ++i)
    if (features >> i & 1)
      used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", names[i]);
}

} // namespace ingot_rt
