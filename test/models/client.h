/* What the plain C programs that call an artifact share: loading it with dlopen
 * and reading .npy files. They know ingot/ingot.h alone. */
#ifndef INGOT_TEST_MODELS_CLIENT_H
#define INGOT_TEST_MODELS_CLIENT_H

#include "ingot/ingot.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types in the header of a .npy file. */
static const struct {
  const char *descr;
  ingot_dtype dtype;
} kDescr[] = {{"|b1", INGOT_BOOL}, {"|i1", INGOT_I8},  {"<i2", INGOT_I16},  {"<i4", INGOT_I32},
              {"<i8", INGOT_I64},  {"|u1", INGOT_U8},  {"<u2", INGOT_U16},  {"<u4", INGOT_U32},
              {"<u8", INGOT_U64},  {"<f2", INGOT_F16}, {"|V2", INGOT_BF16}, {"<f4", INGOT_F32},
              {"<f8", INGOT_F64},  {"<c8", INGOT_C64}, {"<c16", INGOT_C128}};
enum { kNumDescr = sizeof kDescr / sizeof kDescr[0] };

static void die(const char *what, const char *detail) {
  fprintf(stderr, "error: %s: %s\n", what, detail);
  exit(1);
}

static size_t elements(const ingot_tensor *t) {
  size_t n = 1;
  for (int32_t i = 0; i < t->rank; ++i)
    n *= (size_t)t->shape[i];
  return n;
}

/* Where a program puts a tensor of so many bytes. */
typedef void *(*Allocate)(size_t bytes);

static void readNpy(const char *path, Allocate allocate, ingot_tensor *t) {
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
  fclose(f);
}

/* The artifact stays loaded: its handle, for who wants to close it, goes to *so. */
static const ingot_module *openArtifact(const char *path, void **so) {
  *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!*so)
    die("dlopen", dlerror());
  const ingot_module *(*get)(void) = (const ingot_module *(*)(void))dlsym(*so, "ingot_module_get");
  if (!get || ingot_check(get()))
    die("not an artifact of this ABI version", path);
  return get();
}

static ingot_context *createContext(const ingot_module *m, const char *threads) {
  ingot_context_options options = {0};
  ingot_context *c = NULL;
  options.struct_size = sizeof options;
  options.threads = atoi(threads);
  if (ingot_context_create(m, &options, &c))
    die("context_create", ingot_message(m));
  return c;
}

/* The input's index; num_inputs if there is none. NAME may be #K, the K-th. */
static uint32_t findInput(const ingot_signature *sig, const char *name) {
  uint32_t i = 0;
  if (name[0] == '#')
    return (uint32_t)atoi(name + 1);
  while (i < sig->num_inputs && strcmp(sig->inputs[i].name, name))
    ++i;
  return i;
}

/* Reads "NAME=FILE.npy" into the input of that name. */
static void readInput(const ingot_signature *sig, char *argument, Allocate allocate,
                      ingot_tensor *inputs) {
  char *file = strrchr(argument, '=');
  if (!file)
    die("expected NAME=FILE.npy", argument);
  *file++ = 0;
  uint32_t i = findInput(sig, argument);
  if (i >= sig->num_inputs)
    die("no such input", argument);
  readNpy(file, allocate, &inputs[i]);
}

#endif
