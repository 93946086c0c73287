/* What the compiler would emit for a small model: kernels, sites and host
 * programs, with the private ABI and nothing else. SCALE is its constant.
 *   scale (x: batchx4xf32) -> (y: batchx4xf32) = x * w, through libm's expf
 *   count (step: i64) -> (now: i64)
 *   positive (x: nxf32) -> (indices: ?xi64) */
#include "runtime/core/abi_internal.h"

#include <math.h>
#include <string.h>

int32_t scale_kernel(void *const *b, const int64_t *sizes, int64_t lo, int64_t hi, void *scratch) {
  const float *x = b[0], *w = b[1];
  float *y = b[2];
  for (int64_t i = 4 * lo; i < 4 * hi; ++i)
    y[i] = x[i] * w[i % 4] * expf(0.0f * x[i]);
  return 0;
}
int32_t count_kernel(void *const *b, const int64_t *sizes, int64_t lo, int64_t hi, void *scratch) {
  *(int64_t *)b[2] = *(int64_t *)b[1] += *(const int64_t *)b[0];
  return 0;
}
int32_t positive_kernel(void *const *b, const int64_t *sizes, int64_t lo, int64_t hi,
                        void *scratch) {
  const float *x = b[0];
  int64_t *out = b[1], n = 0;
  for (int64_t i = lo; i < hi; ++i)
    if (x[i] > 0)
      out[n++] = i;
  *(int64_t *)b[2] = n;
  return 0;
}

const ingot_rt_site scale_site = {scale_kernel, "scale", "dense/Mul", 0, 0, 0};
const ingot_rt_site count_site = {count_kernel, "count", "AssignAdd", 0, 1, 0};
const ingot_rt_site positive_site = {positive_kernel, "where", "Where", 0, 2, 0};

int32_t scale_program(ingot_context *ctx, void *const *in, void *const *out, void *const *variables,
                      const void *const *constants, int64_t *symbols, char *arena) {
  memcpy(arena, in[0], 16 * symbols[0]);
  void *buffers[] = {arena, (void *)constants[0], out[0]};
  return ingot_rt_dispatch(ctx, &scale_site, buffers, symbols, symbols[0], 2, 0);
}
int64_t scale_arena(const int64_t *symbols) { return 16 * symbols[0]; }
void scale_shapes(const int64_t *symbols, int64_t *dims) {
  dims[0] = dims[2] = symbols[0];
  dims[1] = dims[3] = 4;
}
int32_t count_program(ingot_context *ctx, void *const *in, void *const *out, void *const *variables,
                      const void *const *constants, int64_t *symbols, char *arena) {
  void *buffers[] = {in[0], variables[0], out[0]};
  return ingot_rt_dispatch(ctx, &count_site, buffers, 0, 1, 1, 0);
}
int32_t positive_program(ingot_context *ctx, void *const *in, void *const *out,
                         void *const *variables, const void *const *constants, int64_t *symbols,
                         char *arena) {
  void *buffers[] = {in[0], out[0], &symbols[1]};
  return ingot_rt_dispatch(ctx, &positive_site, buffers, 0, symbols[0], symbols[0], 0);
}
void positive_shapes(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[0];
  dims[1] = symbols[1];
}
void positive_bounds(int64_t *symbols) { symbols[1] = symbols[0]; }
