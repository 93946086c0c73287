// Contexts and calls: check what the caller gave, bind the named sizes, run
// the host program. After the first call of a size nothing here allocates.
#include "core.h"
#include "device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace ingot_rt {

/// Above this a named size is taken for a mistake, so that products of a few
/// sizes stay within 64 bits.
static constexpr int64_t largestSize = (int64_t)1 << 40;

static Pool *poolOf(const ingot_rt_module *module) {
  Instance &instance = instanceOf(module);
  Pool *pool = instance.pool.loadAcquire();
  if (pool)
    return pool;
  auto *made = (Pool *)calloc(1, sizeof(Pool));
  if (!made)
    return nullptr;
  pthread_mutex_init(&made->growth, nullptr);
  registerInstance(instance);
  if (instance.pool.swapIf(pool, made))
    return made;
  free(made);
  return pool;
}

static ingot_status checkProcessor(const ingot_rt_module *m) {
  uint64_t missing = missingCpuFeatures(m->cpu_features);
  if (!missing)
    return INGOT_OK;
  char names[128];
  describeCpuFeatures(missing, names, sizeof names);
  return fail(INGOT_UNSUPPORTED,
              "%s: was compiled for %s; this processor lacks %s. Compile it "
              "with --mcpu for this machine",
              m->module->name, m->module->target, names);
}

ingot_status contextCreate(const ingot_module *module, const ingot_context_options *options,
                           ingot_context **out) {
  if (!module || !out)
    return fail(INGOT_INVALID_ARGUMENT, "context_create: null argument");
  *out = nullptr;
  const ingot_rt_module *m = internals(module);
  ingot_context_options o = {};
  if (options)
    memcpy(&o, options, minimum((size_t)options->struct_size, sizeof(ingot_context_options)));
  if (o.pool && (!o.pool->run || o.pool->workers < 1))
    return fail(INGOT_INVALID_ARGUMENT, "%s: the thread pool needs a run function and workers >= 1",
                module->name);
  ingot_status status = checkProcessor(m);
  if (status != INGOT_OK)
    return status;
  ingot_state *state = o.state;
  if (!state && (status = defaultState(m, &state)) != INGOT_OK)
    return status;
  if (state->module != m)
    return fail(INGOT_INVALID_ARGUMENT, "%s: the state belongs to another model", module->name);
  uint32_t symbols = 0, dims = 0, pointers = 0;
  for (uint32_t s = 0; s < module->num_signatures; ++s) {
    const ingot_signature &signature = module->signatures[s];
    const ingot_rt_signature &rt = m->signatures[s];
    symbols = maximum(symbols, rt.num_entry_symbols + rt.num_data_symbols);
    dims = maximum(dims, rt.num_dims);
    pointers = maximum(pointers, signature.num_inputs + signature.num_outputs);
  }
  if (m->device)
    pointers *= 2; // the caller's, then the device's
  ingot_allocator allocator = o.allocator ? *o.allocator : defaultAllocator;
  uint64_t selfBytes = align64(sizeof(ingot_context)) + 8 * ((uint64_t)symbols + dims + pointers) +
                       m->num_sites * sizeof(SiteTotals);
  auto *c = (ingot_context *)allocator.allocate(allocator.user, selfBytes, 64);
  if (!c)
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory for a context", module->name);
  memset(c, 0, selfBytes);
  c->module = m;
  c->allocator = allocator;
  c->selfBytes = selfBytes;
  c->symbols = (int64_t *)((char *)c + align64(sizeof(ingot_context)));
  c->dims = c->symbols + symbols;
  c->pointers = (void **)(c->dims + dims);
  c->totals = (SiteTotals *)(c->pointers + pointers);
  state->references.add(1);
  c->state = state;
  c->trace = traceOpen();
  if (m->device) {
    c->threads = 1;
    status = m->device->functions->openStream(m, &c->stream);
    if (status != INGOT_OK) {
      contextDestroy(c);
      return status;
    }
  } else if (o.pool) {
    c->userPool = *o.pool;
    c->threads = minimum(o.pool->workers, maxThreads);
    c->userPool.workers = c->threads;
  } else {
    c->threads = chooseThreads(o.threads);
    if (c->threads > 1) {
      c->pool = poolOf(m);
      if (c->pool)
        c->pool->grow(c->threads);
      else
        c->threads = 1;
    }
  }
  *out = c;
  return INGOT_OK;
}

void contextDestroy(ingot_context *c) {
  if (!c)
    return;
  traceClose(c->trace);
  ingot_allocator allocator = c->allocator;
  if (c->module->device)
    releaseDeviceMemory(c);
  if (c->arena)
    allocator.release(allocator.user, c->arena, c->arenaBytes);
  if (c->scratch)
    allocator.release(allocator.user, c->scratch, c->scratchStride * (uint64_t)c->threads);
  stateDestroy(c->state);
  allocator.release(allocator.user, c, c->selfBytes);
}

/// Which tensor a message is about.
struct Subject {
  const ingot_module *module;
  const ingot_signature *signature;
  const char *kind;
  const ingot_value *value;
};

#define INGOT_SUBJECT_FORMAT "%s: %s '%s' of '%s'"
#define INGOT_SUBJECT(s) (s).module->name, (s).kind, (s).value->name, (s).signature->name

static const char *dtypeName(ingot_dtype dtype) {
  static const char *const names[17] = {"invalid", "i1",   "i8",   "i16",  "i32", "i64",
                                        "ui8",     "ui16", "ui32", "ui64", "f16", "bf16",
                                        "f32",     "f64",  "c64",  "c128", "str"};
  return dtype >= 0 && dtype < 17 ? names[dtype] : "unknown";
}

/// Spells a declared shape as in "batchx784xf32".
static void spellType(const ingot_value &v, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int32_t d = 0; d < v.rank && used < size; ++d)
    used +=
        (size_t)(v.dims[d] >= 0 ? snprintf(text + used, size - used, "%lldx", (long long)v.dims[d])
                                : snprintf(text + used, size - used, "%sx",
                                           v.dim_names && v.dim_names[d] ? v.dim_names[d] : "?"));
  if (used < size)
    snprintf(text + used, size - used, "%s", dtypeName(v.dtype));
}

static ingot_status checkType(const Subject &s, const ingot_tensor &t) {
  char type[160];
  if (t.dtype != s.value->dtype) {
    spellType(*s.value, type, sizeof type);
    return fail(INGOT_DTYPE_MISMATCH, INGOT_SUBJECT_FORMAT " has dtype %s, expected %s (%s)",
                INGOT_SUBJECT(s), dtypeName(t.dtype), dtypeName(s.value->dtype), type);
  }
  return INGOT_OK;
}

/// Checks an input but for the sizes that depend on named sizes.
static ingot_status checkInput(const Subject &s, const ingot_tensor &t, bool withData) {
  ingot_status status = checkType(s, t);
  if (status != INGOT_OK)
    return status;
  char type[160];
  if (t.rank != s.value->rank) {
    spellType(*s.value, type, sizeof type);
    return fail(INGOT_SHAPE_MISMATCH, INGOT_SUBJECT_FORMAT " has rank %d, expected %d (%s)",
                INGOT_SUBJECT(s), t.rank, s.value->rank, type);
  }
  for (int32_t d = 0; d < t.rank; ++d) {
    int64_t want = s.value->dims[d];
    if (t.shape[d] < 0 || t.shape[d] > largestSize || (want >= 0 && t.shape[d] != want)) {
      spellType(*s.value, type, sizeof type);
      return fail(INGOT_SHAPE_MISMATCH,
                  INGOT_SUBJECT_FORMAT ": dimension %d is %lld, which %s does not allow",
                  INGOT_SUBJECT(s), d, (long long)t.shape[d], type);
    }
  }
  int64_t count = 0;
  if (!elementCount(t.shape, t.rank, count))
    return fail(INGOT_SHAPE_MISMATCH, INGOT_SUBJECT_FORMAT " has too many elements",
                INGOT_SUBJECT(s));
  if (!withData || count == 0)
    return INGOT_OK;
  if (!t.data)
    return fail(INGOT_INVALID_ARGUMENT, INGOT_SUBJECT_FORMAT ": data is null", INGOT_SUBJECT(s));
  uint64_t bytes = (uint64_t)count * ingot_dtype_size(t.dtype);
  if (t.capacity < bytes)
    return fail(INGOT_CAPACITY,
                INGOT_SUBJECT_FORMAT " needs %llu bytes for its shape, capacity is %llu",
                INGOT_SUBJECT(s), (unsigned long long)bytes, (unsigned long long)t.capacity);
  return INGOT_OK;
}

void evaluateSizes(ingot_context *c, uint32_t index) {
  const ingot_rt_signature &rt = c->module->signatures[index];
  if (rt.bounds)
    rt.bounds(c->symbols);
  if (rt.shapes)
    rt.shapes(c->symbols, c->dims);
}

static ingot_status checkSignature(const ingot_context *c, uint32_t index) {
  const ingot_module *module = c->module->module;
  if (index < module->num_signatures)
    return INGOT_OK;
  return fail(INGOT_INVALID_ARGUMENT, "%s: there is no signature %u; the model has %u",
              module->name, index, module->num_signatures);
}

/// Checks all inputs, binds the entry symbols and compares every size.
static ingot_status bindInputs(ingot_context *c, uint32_t index, const ingot_tensor *inputs,
                               bool withData) {
  const ingot_module *module = c->module->module;
  const ingot_signature &signature = module->signatures[index];
  const ingot_rt_signature &rt = c->module->signatures[index];
  Subject s = {module, &signature, "input", nullptr};
  for (uint32_t i = 0; i < signature.num_inputs; ++i) {
    s.value = &signature.inputs[i];
    ingot_status status = checkInput(s, inputs[i], withData);
    if (status != INGOT_OK)
      return status;
  }
  for (uint32_t k = 0; k < rt.num_entry_symbols; ++k)
    c->symbols[k] = inputs[rt.bindings[k].input].shape[rt.bindings[k].dim];
  evaluateSizes(c, index);
  const int64_t *dims = c->dims;
  for (uint32_t i = 0; i < signature.num_inputs; ++i) {
    const ingot_value &v = signature.inputs[i];
    for (int32_t d = 0; d < v.rank; ++d, ++dims) {
      if (inputs[i].shape[d] == *dims)
        continue;
      char bound[200];
      size_t used = 0;
      bound[0] = 0;
      for (uint32_t k = 0; k < rt.num_entry_symbols && used < sizeof bound; ++k)
        used += (size_t)snprintf(bound + used, sizeof bound - used, "%s%s = %lld from input '%s'",
                                 k ? ", " : "", signature.sizes[k], (long long)c->symbols[k],
                                 signature.inputs[rt.bindings[k].input].name);
      s.value = &v;
      return fail(INGOT_SHAPE_MISMATCH,
                  INGOT_SUBJECT_FORMAT ": dimension %d is %lld, expected %s = %lld (%s)",
                  INGOT_SUBJECT(s), d, (long long)inputs[i].shape[d],
                  v.dim_names && v.dim_names[d] ? v.dim_names[d] : "size", (long long)*dims, bound);
    }
  }
  return INGOT_OK;
}

/// Sizes of the outputs behind those of the inputs in `c->dims`.
static const int64_t *outputDims(const ingot_context *c, const ingot_signature &signature) {
  const int64_t *dims = c->dims;
  for (uint32_t i = 0; i < signature.num_inputs; ++i)
    dims += signature.inputs[i].rank;
  return dims;
}

/// Bytes of an output with these sizes, or a failure.
static ingot_status outputBytes(const Subject &s, const int64_t *dims, uint64_t &bytes) {
  int64_t count = 0;
  if (!elementCount(dims, s.value->rank, count))
    return fail(INGOT_SHAPE_MISMATCH,
                INGOT_SUBJECT_FORMAT " would have a negative or huge size for these inputs",
                INGOT_SUBJECT(s));
  bytes = (uint64_t)count * ingot_dtype_size(s.value->dtype);
  return INGOT_OK;
}

ingot_status outputShapes(ingot_context *c, uint32_t index, const ingot_tensor *inputs,
                          ingot_tensor *outputs) {
  if (!c)
    return fail(INGOT_INVALID_ARGUMENT, "output_shapes: the context is null");
  ingot_status status = checkSignature(c, index);
  if (status != INGOT_OK)
    return status;
  const ingot_signature &signature = c->module->module->signatures[index];
  if ((!inputs && signature.num_inputs) || (!outputs && signature.num_outputs))
    return fail(INGOT_INVALID_ARGUMENT, "%s: output_shapes: null argument",
                c->module->module->name);
  status = bindInputs(c, index, inputs, false);
  if (status != INGOT_OK)
    return status;
  const int64_t *dims = outputDims(c, signature);
  Subject s = {c->module->module, &signature, "output", nullptr};
  for (uint32_t o = 0; o < signature.num_outputs; ++o) {
    s.value = &signature.outputs[o];
    uint64_t bytes = 0;
    status = outputBytes(s, dims, bytes);
    if (status != INGOT_OK)
      return status;
    outputs[o].capacity = bytes;
    outputs[o].dtype = s.value->dtype;
    outputs[o].rank = s.value->rank;
    for (int32_t d = 0; d < s.value->rank; ++d)
      outputs[o].shape[d] = *dims++;
  }
  return INGOT_OK;
}

static ingot_status growArena(ingot_context *c, int64_t bytes) {
  const char *model = c->module->module->name;
  if (bytes < 0)
    return fail(INGOT_INVALID_ARGUMENT,
                "%s: the inputs are too large: their buffers exceed 2^63 bytes", model);
  if ((uint64_t)bytes <= c->arenaBytes)
    return INGOT_OK;
  if (c->module->device)
    return growOnDevice(c, c->arena, c->arenaBytes, (uint64_t)bytes);
  if (c->arena)
    c->allocator.release(c->allocator.user, c->arena, c->arenaBytes);
  c->arenaBytes = 0;
  c->arena = (char *)c->allocator.allocate(c->allocator.user, (size_t)bytes, 64);
  if (!c->arena)
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory for an arena of %lld bytes", model,
                (long long)bytes);
  c->arenaBytes = (uint64_t)bytes;
  return INGOT_OK;
}

ingot_status execute(ingot_context *c, uint32_t index) {
  const ingot_module *module = c->module->module;
  const ingot_signature &signature = module->signatures[index];
  const ingot_rt_signature &rt = c->module->signatures[index];
  if (rt.arena_bytes) {
    ingot_status status = growArena(c, rt.arena_bytes(c->symbols));
    if (status != INGOT_OK)
      return status;
  }
  bool writes = signature.flags & INGOT_SIGNATURE_WRITES_STATE;
  bool usesState = module->num_variables != 0;
  if (usesState && !acquireState(c->state, writes))
    return fail(INGOT_BUSY,
                "%s: '%s' %s the state while another call %s it; give each its "
                "own state or call one after the other",
                module->name, signature.name, writes ? "changes" : "reads",
                writes ? "uses" : "changes");
  uint64_t saved = flushDenormals();
  uint64_t begin = c->trace ? nanoseconds() : 0;
  ingot_status status =
      c->module->device
          ? runOnDevice(c, index)
          : rt.program(c, c->pointers, c->pointers + signature.num_inputs, c->state->variables,
                       c->state->constants, c->symbols, c->arena);
  if (c->trace)
    traceRun(c->trace, signature.name, begin, nanoseconds());
  restoreDenormals(saved);
  if (usesState)
    releaseState(c->state, writes);
  return status;
}

/// Checks data, capacity and overlap of an output.
static ingot_status checkOutput(const Subject &s, const ingot_tensor &t, uint64_t bytes,
                                const ingot_tensor *others, uint32_t numOthers,
                                const ingot_value *names) {
  ingot_status status = checkType(s, t);
  if (status != INGOT_OK || bytes == 0)
    return status;
  if (!t.data)
    return fail(INGOT_INVALID_ARGUMENT, INGOT_SUBJECT_FORMAT ": data is null", INGOT_SUBJECT(s));
  if (t.capacity < bytes)
    return fail(INGOT_CAPACITY, INGOT_SUBJECT_FORMAT " needs %llu bytes, capacity is %llu",
                INGOT_SUBJECT(s), (unsigned long long)bytes, (unsigned long long)t.capacity);
  auto begin = (uintptr_t)t.data;
  for (uint32_t i = 0; i < numOthers; ++i) {
    auto other = (uintptr_t)others[i].data;
    int64_t count = 0;
    elementCount(others[i].shape, others[i].rank, count);
    uint64_t size = (uint64_t)count * ingot_dtype_size(others[i].dtype);
    if (size && begin < other + size && other < begin + bytes)
      return fail(INGOT_INVALID_ARGUMENT, INGOT_SUBJECT_FORMAT " overlaps '%s' in memory",
                  INGOT_SUBJECT(s), names[i].name);
  }
  return INGOT_OK;
}

ingot_status run(ingot_context *c, uint32_t index, const ingot_tensor *inputs,
                 ingot_tensor *outputs) {
  if (!c)
    return fail(INGOT_INVALID_ARGUMENT, "run: the context is null");
  ingot_status status = checkSignature(c, index);
  if (status != INGOT_OK)
    return status;
  const ingot_module *module = c->module->module;
  const ingot_signature &signature = module->signatures[index];
  if ((!inputs && signature.num_inputs) || (!outputs && signature.num_outputs))
    return fail(INGOT_INVALID_ARGUMENT, "%s: run: null argument", module->name);
  status = bindInputs(c, index, inputs, true);
  if (status != INGOT_OK)
    return status;
  void **pointers = c->pointers;
  for (uint32_t i = 0; i < signature.num_inputs; ++i)
    *pointers++ = inputs[i].data;
  const int64_t *dims = outputDims(c, signature);
  Subject s = {module, &signature, "output", nullptr};
  bool dataDependent = false;
  for (uint32_t o = 0; o < signature.num_outputs; ++o) {
    s.value = &signature.outputs[o];
    uint64_t bytes = 0;
    status = outputBytes(s, dims, bytes);
    if (status == INGOT_OK)
      status = checkOutput(s, outputs[o], bytes, inputs, signature.num_inputs, signature.inputs);
    outputs[o].rank = s.value->rank;
    for (int32_t d = 0; d < s.value->rank; ++d)
      outputs[o].shape[d] = *dims++;
    if (status == INGOT_OK)
      status = checkOutput(s, outputs[o], bytes, outputs, o, signature.outputs);
    if (status != INGOT_OK)
      return status;
    dataDependent |= s.value->flags & INGOT_VALUE_DATA_DEPENDENT;
    *pointers++ = outputs[o].data;
  }
  status = execute(c, index);
  if (status != INGOT_OK || !dataDependent)
    return status;
  c->module->signatures[index].shapes(c->symbols, c->dims);
  dims = outputDims(c, signature);
  for (uint32_t o = 0; o < signature.num_outputs; ++o)
    for (int32_t d = 0; d < signature.outputs[o].rank; ++d)
      outputs[o].shape[d] = *dims++;
  return INGOT_OK;
}

} // namespace ingot_rt
