/* Times one artifact for bench/peers.py, as an application would call it.
 *
 *   worker ARTIFACT THREADS REFERENCE.npy NAME=FILE.npy ...
 *
 * Runs the model once, prints "ready MAX_ERROR" against the reference, then
 * for each line "SECONDS" on standard input calls it for that long and prints
 * "MEDIAN MINIMUM COUNT" (seconds). Plain C on ingot/ingot.h alone. */
#define _POSIX_C_SOURCE 200809L
#include "ingot/ingot.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kMax = 16, kMaxTimes = 1 << 20 };

static void die(const char *what, const char *detail) {
  fprintf(stderr, "worker: %s: %s\n", what, detail);
  exit(1);
}

static size_t elements(const ingot_tensor *t) {
  size_t n = 1;
  for (int32_t i = 0; i < t->rank; ++i)
    n *= (size_t)t->shape[i];
  return n;
}

/* Reads a .npy file of float32 or int32. */
static void readNpy(const char *path, ingot_tensor *t) {
  FILE *f = fopen(path, "rb");
  unsigned char head[10];
  char text[1024];
  if (!f || fread(head, 1, 10, f) != 10)
    die("cannot read", path);
  size_t len = head[8] | (size_t)head[9] << 8;
  if (len >= sizeof text || fread(text, 1, len, f) != len)
    die("bad header", path);
  text[len] = 0;
  t->dtype = strstr(text, "<f4")   ? INGOT_F32
             : strstr(text, "<i4") ? INGOT_I32
                                   : INGOT_INVALID_DTYPE;
  t->rank = 0;
  for (char *p = strchr(strstr(text, "'shape'"), '(') + 1; *p != ')' && t->rank < INGOT_MAX_RANK;) {
    char *end;
    long long v = strtoll(p, &end, 10);
    if (end == p)
      ++p;
    else
      t->shape[t->rank++] = v, p = end;
  }
  t->capacity = elements(t) * ingot_dtype_size(t->dtype);
  if (posix_memalign(&t->data, 64, t->capacity + 64) ||
      fread(t->data, 1, t->capacity, f) != t->capacity)
    die("cannot read", path);
  fclose(f);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 5)
    die("usage", "worker ARTIFACT THREADS REFERENCE.npy NAME=FILE.npy ...");
  void *so = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!so)
    die("dlopen", dlerror());
  const ingot_module *(*get)(void) = (const ingot_module *(*)(void))dlsym(so, "ingot_module_get");
  if (!get || ingot_check(get()))
    die("not an artifact", argv[1]);
  const ingot_module *m = get();
  int32_t s = ingot_find_signature(m, "serving_default");
  ingot_context_options options = {0};
  ingot_context *c;
  ingot_tensor in[kMax] = {{0}}, out[kMax] = {{0}}, want = {0};
  options.struct_size = sizeof options;
  options.threads = atoi(argv[2]);
  if (s < 0 || ingot_context_create(m, &options, &c))
    die("context", ingot_message(m));
  readNpy(argv[3], &want);
  for (int i = 4; i < argc; ++i) {
    char *file = strrchr(argv[i], '=');
    uint32_t k = 0;
    *file++ = 0;
    while (k < m->signatures[s].num_inputs && strcmp(m->signatures[s].inputs[k].name, argv[i]))
      ++k;
    if (k == m->signatures[s].num_inputs)
      die("no such input", argv[i]);
    readNpy(file, &in[k]);
  }
  if (ingot_output_shapes(m, c, (uint32_t)s, in, out))
    die("output_shapes", ingot_message(m));
  for (uint32_t i = 0; i < m->signatures[s].num_outputs; ++i)
    if (posix_memalign(&out[i].data, 64, out[i].capacity + 64))
      die("memory", "outputs");
  if (ingot_run(m, c, (uint32_t)s, in, out))
    die("run", ingot_message(m));
  double error = elements(&out[0]) == elements(&want) ? 0 : INFINITY;
  for (size_t i = 0; i < elements(&want) && error < INFINITY; ++i)
    error = fmax(error, fabs((double)((float *)out[0].data)[i] - (double)((float *)want.data)[i]));
  printf("ready %.3g\n", error);
  fflush(stdout);
  double *times = malloc(kMaxTimes * sizeof *times), budget;
  while (scanf("%lf", &budget) == 1) {
    size_t n = 0;
    for (double start = now(), t = start; n < kMaxTimes && (n < 3 || t - start < budget); ++n) {
      double before = now();
      if (ingot_run(m, c, (uint32_t)s, in, out))
        die("run", ingot_message(m));
      t = now();
      times[n] = t - before;
    }
    qsort(times, n, sizeof *times, ascending);
    printf("%.9g %.9g %zu\n", times[n / 2], times[0], n);
    fflush(stdout);
  }
  return 0;
}
