/* The test model with a bug: `scale` reads a row too far. */
#define scale_kernel scale_kernel_right
#include "Model.c"
#undef scale_kernel

int32_t scale_kernel_wrong(void *const *b, const int64_t *sizes, int64_t lo, int64_t hi,
                           void *scratch) {
  const float *w = b[1];
  return w[4 * hi] == 42;
}
const ingot_rt_site wrong_site = {scale_kernel_wrong, "scale", "Mul", 0, 0, 0};

int32_t wrong_program(ingot_context *ctx, void *const *in, void *const *out, void *const *variables,
                      const void *const *constants, int64_t *symbols, char *arena) {
  void *buffers[] = {in[0], in[0], out[0]};
  return ingot_rt_dispatch(ctx, &wrong_site, buffers, 0, symbols[0], 2, 0);
}
