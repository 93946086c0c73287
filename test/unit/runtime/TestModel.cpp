#include "TestModel.h"

#include <thread>

std::atomic<int> holdCount{0};

// Kernels ---------------------------------------------------------------

/// buffers: x, w, y, z; a unit is a row. Uses scratch for the products.
static int32_t scaleKernel(void *const *b, const int64_t *, int64_t lo, int64_t hi, void *scratch) {
  auto *x = (const float *)b[0], *w = (const float *)b[1], *y = (const float *)b[2];
  auto *z = (float *)b[3];
  auto *product = (float *)scratch;
  for (int64_t r = lo; r < hi; ++r) {
    for (int j = 0; j < 4; ++j)
      product[j] = x[4 * r + j] * w[j];
    for (int j = 0; j < 4; ++j)
      z[4 * r + j] = product[j] + y[4 * r + j];
  }
  return 0;
}

static void scaleCost(const int64_t *sizes, int64_t *cost) {
  cost[0] = sizes[0] * 8;
  cost[1] = sizes[0] * 48;
}

static int32_t countKernel(void *const *b, const int64_t *, int64_t, int64_t, void *) {
  if (holdCount)
    holdCount = 2;
  while (holdCount)
    std::this_thread::yield();
  *(int64_t *)b[1] += *(const int64_t *)b[0];
  *(int64_t *)b[2] = *(int64_t *)b[1];
  return 0;
}

static int32_t positiveKernel(void *const *b, const int64_t *, int64_t lo, int64_t hi, void *) {
  auto *x = (const float *)b[0];
  auto *out = (int64_t *)b[1];
  int64_t n = 0;
  for (int64_t i = lo; i < hi; ++i)
    if (x[i] > 0)
      out[n++] = i;
  *(int64_t *)b[2] = n;
  return 0;
}

static int32_t gatherKernel(void *const *b, const int64_t *, int64_t lo, int64_t hi, void *) {
  auto *indices = (const int64_t *)b[0];
  auto *w = (const float *)b[1];
  auto *out = (float *)b[2];
  for (int64_t i = lo; i < hi; ++i) {
    if (indices[i] < 0 || indices[i] >= 4)
      return indices[i] == -7 ? INGOT_INVALID_ARGUMENT : INGOT_OUT_OF_RANGE;
    out[i] = w[indices[i]];
  }
  return 0;
}

static const ingot_rt_site scaleSite = {scaleKernel, "mul_add", "dense/Mul", scaleCost, 0, 0};
static const ingot_rt_site countSite = {countKernel, "add", "AssignAdd", nullptr, 1, 0};
static const ingot_rt_site positiveSite = {positiveKernel, "where", "Where", nullptr, 2, 0};
static const ingot_rt_site gatherSite = {gatherKernel, "gather", "embedding/Gather", nullptr, 3, 0};
static const ingot_rt_site *const sites[] = {&scaleSite, &countSite, &positiveSite, &gatherSite};

// Host programs ---------------------------------------------------------

static int32_t scaleProgram(ingot_context *ctx, void *const *in, void *const *out, void *const *,
                            const void *const *constants, int64_t *symbols, char *arena) {
  // Through the arena, so that its size and alignment matter.
  if ((uintptr_t)arena % 64)
    return ingot_rt_fail(ctx, INGOT_FAILED, "arena not aligned");
  int64_t bytes = symbols[0] * 16;
  __builtin_memcpy(arena, in[0], (size_t)bytes);
  void *buffers[] = {arena, const_cast<void *>(constants[0]), in[1], out[0]};
  int64_t sizes[] = {symbols[0]};
  return ingot_rt_dispatch(ctx, &scaleSite, buffers, sizes, symbols[0], 3, 16);
}
static int64_t scaleArena(const int64_t *symbols) { return symbols[0] * 16; }
static void scaleShapes(const int64_t *symbols, int64_t *dims) {
  for (int i = 0; i < 3; ++i) {
    dims[2 * i] = symbols[0];
    dims[2 * i + 1] = 4;
  }
}

static int32_t countProgram(ingot_context *ctx, void *const *in, void *const *out,
                            void *const *variables, const void *const *, int64_t *, char *) {
  void *buffers[] = {in[0], variables[0], out[0]};
  return ingot_rt_dispatch(ctx, &countSite, buffers, nullptr, 1, 1, 0);
}
static int64_t noArena(const int64_t *) { return 0; }
static void noShapes(const int64_t *, int64_t *) {}

static int32_t positiveProgram(ingot_context *ctx, void *const *in, void *const *out, void *const *,
                               const void *const *, int64_t *symbols, char *) {
  void *buffers[] = {in[0], out[0], &symbols[1]};
  // One chunk: the kernel is sequential.
  return ingot_rt_dispatch(ctx, &positiveSite, buffers, nullptr, symbols[0], symbols[0], 0);
}
static void positiveShapes(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[0];
  dims[1] = symbols[1];
}
static void positiveBounds(int64_t *symbols) { symbols[1] = symbols[0]; }

static int32_t gatherProgram(ingot_context *ctx, void *const *in, void *const *out, void *const *,
                             const void *const *constants, int64_t *symbols, char *) {
  void *buffers[] = {in[0], const_cast<void *>(constants[0]), out[0]};
  return ingot_rt_dispatch(ctx, &gatherSite, buffers, nullptr, symbols[0], 1, 0);
}
static void gatherShapes(const int64_t *symbols, int64_t *dims) { dims[0] = dims[1] = symbols[0]; }

// Descriptor ------------------------------------------------------------

alignas(64) static const
    char weights[] = "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40"; // 1..4
static const int64_t rowDims[] = {-1, 4}, vectorDims[] = {-1};
static const char *const rowNames[] = {"batch", nullptr};
static const char *const vectorNames[] = {"n"}, *const dataNames[] = {"nz0"};
static const char *const batchSizes[] = {"batch"}, *const nSizes[] = {"n"};
static const ingot_value scaleIn[] = {{"x", INGOT_F32, 2, rowDims, rowNames, 0, 0},
                                      {"y", INGOT_F32, 2, rowDims, rowNames, 0, 0}};
static const ingot_value scaleOut[] = {{"z", INGOT_F32, 2, rowDims, rowNames, 0, 0}};
static const ingot_value countIn[] = {{"step", INGOT_I64, 0, 0, 0, 0, 0}};
static const ingot_value countOut[] = {{"now", INGOT_I64, 0, 0, 0, 0, 0}};
static const ingot_value positiveIn[] = {{"x", INGOT_F32, 1, vectorDims, vectorNames, 0, 0}};
static const ingot_value positiveOut[] = {
    {"indices", INGOT_I64, 1, vectorDims, dataNames, INGOT_VALUE_DATA_DEPENDENT, 0}};
static const ingot_value gatherIn[] = {{"indices", INGOT_I64, 1, vectorDims, vectorNames, 0, 0}};
static const ingot_value gatherOut[] = {{"v", INGOT_F32, 1, vectorDims, vectorNames, 0, 0}};
static const ingot_signature signatures[] = {
    {"scale", 2, 1, scaleIn, scaleOut, 1, 0, batchSizes},
    {"count", 1, 1, countIn, countOut, 0, INGOT_SIGNATURE_WRITES_STATE, 0},
    {"positive", 1, 1, positiveIn, positiveOut, 1, 0, nSizes},
    {"gather", 1, 1, gatherIn, gatherOut, 1, 0, nSizes}};
static const ingot_rt_binding firstDim[] = {{0, 0}};
static const ingot_rt_signature rtSignatures[] = {
    {scaleProgram, scaleArena, scaleShapes, nullptr, firstDim, 1, 0, 6, 0},
    {countProgram, noArena, noShapes, nullptr, nullptr, 0, 0, 0, 0},
    {positiveProgram, noArena, positiveShapes, positiveBounds, firstDim, 1, 1, 2, 0},
    {gatherProgram, noArena, gatherShapes, nullptr, firstDim, 1, 0, 2, 0}};
static const ingot_variable variables[] = {{"counter", INGOT_I64, 0, nullptr, 0, 0}};
static const int64_t ten = 10;
static const ingot_rt_constant constants[] = {{nullptr, 0, 16}};
static const ingot_rt_constant initial[] = {{&ten, 0, 8}};

#define DEMO_TABLES(NAME, TEXT)                                                                    \
  extern const ingot_module NAME;                                                                  \
  alignas(64) static char NAME##Instance[INGOT_RT_INSTANCE_BYTES];                                 \
  static const ingot_rt_module NAME##Internals = {                                                 \
      &NAME, rtSignatures, constants, initial, weights, 0, 0, 1, 4, sites, 0, NAME##Instance};     \
  const ingot_module NAME = {INGOT_ABI_VERSION,                                                    \
                             sizeof(ingot_module),                                                 \
                             TEXT,                                                                 \
                             "test",                                                               \
                             "host",                                                               \
                             4,                                                                    \
                             1,                                                                    \
                             signatures,                                                           \
                             variables,                                                            \
                             16,                                                                   \
                             nullptr,                                                              \
                             &ingot_rt_functions,                                                  \
                             &NAME##Internals};

DEMO_TABLES(demo, "demo")
DEMO_TABLES(second, "second")

const ingot_module *demoModule() { return &demo; }
const ingot_module *secondModule() { return &second; }
