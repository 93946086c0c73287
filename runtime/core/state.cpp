// States: the variables of a model, and where its constants lie.
#include "core.h"
#include "device.h"

#include <stdlib.h>
#include <string.h>

namespace ingot_rt {

static void *mallocAllocate(void *, size_t bytes, size_t alignment) {
  void *memory = nullptr;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

static void mallocRelease(void *, void *memory, size_t) { free(memory); }

const ingot_allocator defaultAllocator = {mallocAllocate, mallocRelease, nullptr};

bool elementCount(const int64_t *dims, int32_t rank, int64_t &count) {
  count = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return false;
    empty |= dims[i] == 0;
  }
  if (empty) {
    count = 0;
    return true;
  }
  // Below 2^58 elements the bytes of any dtype fit as well.
  for (int32_t i = 0; i < rank; ++i)
    if (__builtin_mul_overflow(count, dims[i], &count) || count > (int64_t)1 << 58)
      return false;
  return true;
}

uint64_t variableBytes(const ingot_variable &v) {
  int64_t count = 0;
  elementCount(v.dims, v.rank, count);
  return (uint64_t)count * ingot_dtype_size(v.dtype);
}

const void *locate(const ingot_state *state, const ingot_rt_constant &c) {
  if (c.data)
    return c.data;
  return state->weights ? state->weights + c.offset : nullptr;
}

static ingot_status setInitialValues(ingot_state *state) {
  const ingot_rt_module *m = state->module;
  if (m->device)
    return setInitialValuesOnDevice(state);
  for (uint32_t v = 0; v < m->module->num_variables; ++v) {
    const ingot_rt_constant &c = m->initial[v];
    if (!c.data && c.offset == INGOT_RT_ZERO_INIT)
      memset(state->variables[v], 0, variableBytes(m->module->variables[v]));
    else
      memcpy(state->variables[v], locate(state, c), c.bytes);
  }
  return INGOT_OK;
}

ingot_status stateCreate(const ingot_module *module, const ingot_state_options *options,
                         ingot_state **out) {
  if (!module || !out)
    return fail(INGOT_INVALID_ARGUMENT, "state_create: null argument");
  *out = nullptr;
  const ingot_rt_module *m = internals(module);
  ingot_allocator allocator =
      options && options->allocator ? *options->allocator : defaultAllocator;
  uint32_t variables = module->num_variables;
  uint64_t selfBytes =
      align64(sizeof(ingot_state)) + (variables + m->num_constants) * sizeof(void *);
  auto *state = (ingot_state *)allocator.allocate(allocator.user, selfBytes, 64);
  if (!state)
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory for a state (%llu bytes)", module->name,
                (unsigned long long)selfBytes);
  memset(state, 0, selfBytes);
  state->module = m;
  state->allocator = allocator;
  state->references.store(1);
  state->selfBytes = selfBytes;
  state->variables = (void **)((char *)state + align64(sizeof(ingot_state)));
  state->constants = (const void **)(state->variables + variables);
  state->weights = m->weights;
  if (module->weights_file) {
    ingot_status status = mapWeights(state, options ? options->weights_path : nullptr);
    if (status != INGOT_OK) {
      allocator.release(allocator.user, state, selfBytes);
      return status;
    }
  }
  if (m->device) {
    ingot_status status = placeOnDevice(state);
    if (status == INGOT_OK)
      *out = state;
    else
      stateDestroy(state);
    return status;
  }
  for (uint32_t c = 0; c < m->num_constants; ++c)
    state->constants[c] = locate(state, m->constants[c]);
  for (uint32_t v = 0; v < variables; ++v)
    state->memoryBytes += align64(variableBytes(module->variables[v]));
  if (state->memoryBytes) {
    state->memory = (char *)allocator.allocate(allocator.user, state->memoryBytes, 64);
    if (!state->memory) {
      uint64_t bytes = state->memoryBytes;
      state->memoryBytes = 0;
      stateDestroy(state);
      return fail(INGOT_OUT_OF_MEMORY, "%s: no memory for the variables (%llu bytes)", module->name,
                  (unsigned long long)bytes);
    }
  }
  uint64_t offset = 0;
  for (uint32_t v = 0; v < variables; ++v) {
    state->variables[v] = state->memory + offset;
    offset += align64(variableBytes(module->variables[v]));
  }
  setInitialValues(state);
  *out = state;
  return INGOT_OK;
}

void stateDestroy(ingot_state *state) {
  if (!state || state->references.sub(1) != 1)
    return;
  ingot_allocator allocator = state->allocator;
  if (state->deviceMemory)
    state->module->device->functions->release(state->module, state->deviceMemory);
  unmapWeights(state);
  if (state->memory)
    allocator.release(allocator.user, state->memory, state->memoryBytes);
  allocator.release(allocator.user, state, state->selfBytes);
}

ingot_status defaultState(const ingot_rt_module *module, ingot_state **out) {
  Instance &instance = instanceOf(module);
  *out = instance.defaultState.loadAcquire();
  if (*out)
    return INGOT_OK;
  ingot_state *made = nullptr;
  ingot_status status = stateCreate(module->module, nullptr, &made);
  if (status != INGOT_OK)
    return status;
  registerInstance(instance);
  if (instance.defaultState.swapIf(*out, made))
    *out = made;
  else
    stateDestroy(made); // another thread was first
  return INGOT_OK;
}

bool acquireState(ingot_state *state, bool writes) {
  int32_t seen = state->users.loadAcquire();
  for (;;) {
    if (writes ? seen != 0 : seen < 0)
      return false;
    if (state->users.swapIf(seen, writes ? -1 : seen + 1))
      return true;
  }
}

void releaseState(ingot_state *state, bool writes) {
  if (writes)
    state->users.store(0);
  else
    state->users.sub(1);
}

static ingot_status checkAccess(ingot_state *state, uint32_t index, const void *data, size_t bytes,
                                const char *what) {
  const ingot_module *module = state->module->module;
  if (index >= module->num_variables)
    return fail(INGOT_INVALID_ARGUMENT, "%s: %s: there is no variable %u; the model has %u",
                module->name, what, index, module->num_variables);
  const ingot_variable &v = module->variables[index];
  uint64_t expected = variableBytes(v);
  if (bytes != expected)
    return fail(INGOT_CAPACITY, "%s: %s: variable '%s' has %llu bytes, the buffer %llu",
                module->name, what, v.name, (unsigned long long)expected,
                (unsigned long long)bytes);
  if (!data && bytes)
    return fail(INGOT_INVALID_ARGUMENT, "%s: %s: variable '%s': null buffer", module->name, what,
                v.name);
  return INGOT_OK;
}

static ingot_status busy(const ingot_state *state, const char *what) {
  return fail(INGOT_BUSY, "%s: %s: the state is in use by a running call",
              state->module->module->name, what);
}

ingot_status stateGet(ingot_state *state, uint32_t index, void *data, size_t bytes) {
  ingot_status status = checkAccess(state, index, data, bytes, "state_get");
  if (status != INGOT_OK)
    return status;
  if (!acquireState(state, false))
    return busy(state, "state_get");
  if (const ingot_rt_device *d = state->module->device)
    status = d->functions->download(state->module, nullptr, data, state->variables[index], bytes);
  else
    memcpy(data, state->variables[index], bytes);
  releaseState(state, false);
  return status;
}

ingot_status stateSet(ingot_state *state, uint32_t index, const void *data, size_t bytes) {
  ingot_status status = checkAccess(state, index, data, bytes, "state_set");
  if (status != INGOT_OK)
    return status;
  if (!acquireState(state, true))
    return busy(state, "state_set");
  if (const ingot_rt_device *d = state->module->device)
    status = d->functions->upload(state->module, nullptr, state->variables[index], data, bytes);
  else
    memcpy(state->variables[index], data, bytes);
  releaseState(state, true);
  return status;
}

ingot_status stateReset(ingot_state *state) {
  if (!acquireState(state, true))
    return busy(state, "state_reset");
  ingot_status status = setInitialValues(state);
  releaseState(state, true);
  return status;
}

} // namespace ingot_rt
