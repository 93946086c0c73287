/* Times one artifact for bench/peers.py, as an application would call it.
 *
 *   worker ARTIFACT THREADS REFERENCE.npy NAME=FILE.npy ...
 *
 * Runs the model once, prints "ready MAX_ERROR" against the reference, then
 * for each line "SECONDS" on standard input calls it for that long and prints
 * "MEDIAN MINIMUM COUNT" (seconds). Plain C on ingot/ingot.h alone. */
#define _POSIX_C_SOURCE 200809L
#include "../test/models/client.h"
#include <math.h>
#include <time.h>

enum { kMax = 16, kMaxTimes = 1 << 20 };

/* Aligned as the arena is; even an empty tensor has an address. */
static void *allocate(size_t bytes) {
  void *data;
  if (posix_memalign(&data, 64, bytes + 64))
    die("memory", "a tensor's data");
  return data;
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
  void *so;
  const ingot_module *m = openArtifact(argv[1], &so);
  ingot_context *c = createContext(m, argv[2]);
  int32_t s = ingot_find_signature(m, "serving_default");
  ingot_tensor in[kMax] = {{0}}, out[kMax] = {{0}}, want = {0};
  if (s < 0)
    die("no signature", "serving_default");
  const ingot_signature *sig = &m->signatures[s];
  if (sig->num_inputs > kMax || sig->num_outputs > kMax)
    die("too many tensors", argv[1]);
  readNpy(argv[3], allocate, &want);
  for (int i = 4; i < argc; ++i)
    readInput(sig, argv[i], allocate, in);
  if (ingot_output_shapes(m, c, (uint32_t)s, in, out))
    die("output_shapes", ingot_message(m));
  for (uint32_t i = 0; i < sig->num_outputs; ++i)
    out[i].data = allocate(out[i].capacity);
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
