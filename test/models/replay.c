/* Replays calls on a compiled model in one process, as a plain C program that
 * loads the artifact with dlopen and knows only ingot/ingot.h.
 *
 *   replay ARTIFACT THREADS < calls
 *
 * A line of `calls` is: SIGNATURE TAB OUT_PREFIX TAB NAME=FILE.npy ...
 * ("-" is the first signature; NAME may be #K, the K-th input). Outputs go to
 * OUT_PREFIX.NAME.npy. One context serves all lines, so variables keep what
 * earlier calls left in them; the line "@variables TAB OUT_PREFIX" writes them
 * to OUT_PREFIX.K.npy, trainable ones first.
 *
 * Tensors end where a page ends that nobody may touch, and inputs may not be
 * written: an access outside of them is a crash. Built with AddressSanitizer they
 * come from malloc, and it says what is wrong. */
#define _DEFAULT_SOURCE
#include "client.h"
#include <sys/mman.h>

enum { kMaxTensors = 64 };

#if defined(__SANITIZE_ADDRESS__)
#define INGOT_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INGOT_MALLOC 1
#endif
#endif
#ifdef INGOT_MALLOC
static void *allocate(size_t bytes) { return malloc(bytes); }
static void release(void *data, size_t bytes) {
  (void)bytes;
  free(data);
}
static void protect(void *data, size_t bytes) { (void)data, (void)bytes; }
#else
enum { kPage = 4096 };
static size_t pages(size_t bytes) { return (bytes / kPage + 1) * kPage; }
static char *begin(void *data, size_t bytes) { return (char *)data + bytes - pages(bytes); }

static void *allocate(size_t bytes) {
  char *memory =
      mmap(NULL, pages(bytes) + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + pages(bytes), kPage, PROT_NONE))
    die("no memory", "");
  return memory + pages(bytes) - bytes;
}
static void release(void *data, size_t bytes) {
  if (data)
    munmap(begin(data, bytes), pages(bytes) + kPage);
}
static void protect(void *data, size_t bytes) {
  mprotect(begin(data, bytes), pages(bytes), PROT_READ);
}
#endif

static void writeNpy(const char *path, const ingot_tensor *t) {
  char shape[256] = "", header[512];
  const char *descr = "?";
  for (int i = 0; i < kNumDescr; ++i)
    if (kDescr[i].dtype == t->dtype)
      descr = kDescr[i].descr;
  for (int32_t i = 0; i < t->rank; ++i)
    sprintf(shape + strlen(shape), "%lld,%s", (long long)t->shape[i], i + 1 < t->rank ? " " : "");
  int len = snprintf(header, sizeof header,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
  int padded = (10 + len + 1 + 63) / 64 * 64 - 10;
  unsigned char head[10] = {
      0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
  FILE *f = fopen(path, "wb");
  if (!f)
    die("cannot write", path);
  fwrite(head, 1, 10, f);
  fprintf(f, "%s%*s\n", header, padded - len - 1, "");
  fwrite(t->data, 1, elements(t) * ingot_dtype_size(t->dtype), f);
  if (fclose(f))
    die("cannot write", path);
}

static void writeVariables(const ingot_module *m, ingot_context *c, const char *prefix) {
  int written = 0;
  for (uint32_t pass = 0; pass < 2; ++pass)
    for (uint32_t i = 0; i < m->num_variables; ++i) {
      const ingot_variable *v = &m->variables[i];
      ingot_tensor t = {0};
      char path[4096];
      if ((v->flags & INGOT_VARIABLE_TRAINABLE) == (pass ? INGOT_VARIABLE_TRAINABLE : 0))
        continue;
      t.dtype = v->dtype;
      t.rank = v->rank;
      for (int32_t k = 0; k < v->rank; ++k)
        t.shape[k] = v->dims[k];
      size_t bytes = elements(&t) * ingot_dtype_size(t.dtype);
      t.data = malloc(bytes + 1);
      if (ingot_state_get(m, ingot_context_state(m, c), i, t.data, bytes))
        die("state_get", ingot_message(m));
      snprintf(path, sizeof path, "%s.%d.npy", prefix, written++);
      writeNpy(path, &t);
      free(t.data);
    }
}

static void call(const ingot_module *m, ingot_context *c, char *line) {
  const char *name = strtok(line, "\t\n"), *prefix = strtok(NULL, "\t\n");
  if (!strcmp(name, "@variables")) {
    writeVariables(m, c, prefix);
    return;
  }
  int32_t s = strcmp(name, "-") ? ingot_find_signature(m, name) : 0;
  if (s < 0)
    die("no such signature", name);
  const ingot_signature *sig = &m->signatures[s];
  ingot_tensor in[kMaxTensors] = {{0}}, out[kMaxTensors] = {{0}};
  if (sig->num_inputs > kMaxTensors || sig->num_outputs > kMaxTensors)
    die("too many tensors", name);
  for (char *arg; (arg = strtok(NULL, "\t\n"));)
    readInput(sig, arg, allocate, in);
  for (uint32_t i = 0; i < sig->num_inputs; ++i)
    if (in[i].data)
      protect(in[i].data, in[i].capacity);
  if (ingot_output_shapes(m, c, (uint32_t)s, in, out))
    die("output_shapes", ingot_message(m));
  for (uint32_t i = 0; i < sig->num_outputs; ++i)
    out[i].data = allocate(out[i].capacity);
  if (ingot_run(m, c, (uint32_t)s, in, out))
    die("run", ingot_message(m));
  for (uint32_t i = 0; i < sig->num_outputs; ++i) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%s.npy", prefix, sig->outputs[i].name);
    for (char *p = path + strlen(prefix); *p; ++p)
      if (*p == '/' || *p == ':')
        *p = '_';
    writeNpy(path, &out[i]);
    release(out[i].data, out[i].capacity);
  }
  for (uint32_t i = 0; i < sig->num_inputs; ++i)
    release(in[i].data, in[i].capacity);
}

int main(int argc, char **argv) {
  if (argc != 3)
    die("usage", "replay ARTIFACT THREADS < calls");
  void *so;
  const ingot_module *m = openArtifact(argv[1], &so);
  ingot_context *c = createContext(m, argv[2]);
  static char line[1 << 16];
  while (fgets(line, sizeof line, stdin))
    if (line[0] != '\n')
      call(m, c, line);
  ingot_context_destroy(m, c);
  return dlclose(so);
}
