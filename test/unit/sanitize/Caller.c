/* Runs the first signature of an artifact twice on x = 1, 2, 3, 4 and prints what
 * comes out, or the message. Built with AddressSanitizer. */
#include "ingot/ingot.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* Without the sign of a NaN. */
static const char *text(float value) {
  static char digits[32];
  snprintf(digits, sizeof digits, "%g", value);
  return value == value ? digits : "nan";
}

int main(int argc, char **argv) {
  void *so = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  const ingot_module *(*get)(void) =
      so ? (const ingot_module *(*)(void))dlsym(so, "ingot_module_get") : NULL;
  if (!get) {
    puts(so ? "no artifact" : dlerror());
    return 1;
  }
  const ingot_module *m = get();
  ingot_context *c = NULL;
  if (ingot_context_create(m, NULL, &c)) {
    puts(ingot_message(m));
    return 1;
  }
  for (int call = 0; call < 2; ++call) {
    float *x = malloc(4 * sizeof *x), *y = malloc(4 * sizeof *y);
    ingot_tensor in = {0}, out = {0};
    for (int i = 0; i < 4; ++i)
      x[i] = (float)(i + 1), y[i] = -1;
    in.data = x, out.data = y;
    in.capacity = out.capacity = 4 * sizeof *x;
    in.dtype = out.dtype = INGOT_F32;
    in.rank = out.rank = 1;
    in.shape[0] = out.shape[0] = 4;
    int failed = ingot_run(m, c, 0, &in, &out);
    if (failed)
      puts(ingot_message(m));
    for (int i = 0; i < 4 && !failed; ++i)
      printf(i < 3 ? "%s " : "%s\n", text(y[i]));
    free(x);
    free(y);
  }
  ingot_context_destroy(m, c);
  return 0;
}
