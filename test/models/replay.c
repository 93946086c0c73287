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
#include "ingot/ingot.h"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
  const char *descr;
  ingot_dtype dtype;
} kDescr[] = {{"|b1", INGOT_BOOL}, {"|i1", INGOT_I8},  {"<i2", INGOT_I16},  {"<i4", INGOT_I32},
              {"<i8", INGOT_I64},  {"|u1", INGOT_U8},  {"<u2", INGOT_U16},  {"<u4", INGOT_U32},
              {"<u8", INGOT_U64},  {"<f2", INGOT_F16}, {"|V2", INGOT_BF16}, {"<f4", INGOT_F32},
              {"<f8", INGOT_F64},  {"<c8", INGOT_C64}, {"<c16", INGOT_C128}};
enum { kNumDescr = sizeof kDescr / sizeof kDescr[0], kMaxTensors = 64 };

static void die(const char *what, const char *detail) {
  fprintf(stderr, "replay: %s: %s\n", what, detail);
  exit(1);
}

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

static size_t elements(const ingot_tensor *t) {
  size_t n = 1;
  for (int32_t i = 0; i < t->rank; ++i)
    n *= (size_t)t->shape[i];
  return n;
}

static void readNpy(const char *path, ingot_tensor *t) {
  FILE *f = fopen(path, "rb");
  unsigned char head[10];
  char text[4096];
  if (!f || fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\x01", 7))
    die("not a .npy file of version 1", path);
  size_t len = head[8] | (size_t)head[9] << 8;
  if (len >= sizeof text || fread(text, 1, len, f) != len)
    die("bad header", path);
  text[len] = 0;
  if (strstr(text, "'fortran_order': True"))
    die("Fortran order", path);
  t->dtype = INGOT_INVALID_DTYPE;
  for (int i = 0; i < kNumDescr; ++i) {
    char quoted[16];
    snprintf(quoted, sizeof quoted, "'%s'", kDescr[i].descr);
    if (strstr(text, quoted))
      t->dtype = kDescr[i].dtype;
  }
  t->rank = 0;
  char *p = strchr(strstr(text, "'shape'"), '(') + 1;
  while (*p != ')') {
    char *end;
    long long v = strtoll(p, &end, 10);
    if (end == p)
      ++p;
    else if (t->rank == INGOT_MAX_RANK)
      die("rank too large", path);
    else
      t->shape[t->rank++] = v, p = end;
  }
  t->capacity = elements(t) * ingot_dtype_size(t->dtype);
  t->data = allocate(t->capacity);
  if (fread(t->data, 1, t->capacity, f) != t->capacity)
    die("shorter than its header says", path);
  protect(t->data, t->capacity);
  fclose(f);
}

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

static uint32_t findInput(const ingot_signature *sig, const char *name) {
  uint32_t i = 0;
  if (name[0] == '#')
    return (uint32_t)atoi(name + 1);
  while (i < sig->num_inputs && strcmp(sig->inputs[i].name, name))
    ++i;
  return i;
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
  for (char *arg; (arg = strtok(NULL, "\t\n"));) {
    char *file = strrchr(arg, '=');
    *file++ = 0;
    uint32_t i = findInput(sig, arg);
    if (i >= sig->num_inputs)
      die("no such input", arg);
    readNpy(file, &in[i]);
  }
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
  void *so = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!so)
    die("dlopen", dlerror());
  const ingot_module *(*get)(void) = (const ingot_module *(*)(void))dlsym(so, "ingot_module_get");
  if (!get || ingot_check(get()))
    die("not an artifact of this ABI version", argv[1]);
  const ingot_module *m = get();
  ingot_context_options options = {0};
  options.struct_size = sizeof options;
  options.threads = atoi(argv[2]);
  ingot_context *c = NULL;
  if (ingot_context_create(m, &options, &c))
    die("context_create", ingot_message(m));
  static char line[1 << 16];
  while (fgets(line, sizeof line, stdin))
    if (line[0] != '\n')
      call(m, c, line);
  ingot_context_destroy(m, c);
  return dlclose(so);
}
