// The table of functions behind ingot_module, the typed one-call functions,
// and what happens when the artifact is unloaded.
#include "core.h"
#include "device.h"

#include <pthread.h>
#include <stdlib.h>

namespace ingot_rt {

static pthread_mutex_t listLock = PTHREAD_MUTEX_INITIALIZER;
static Instance *instances;

void registerInstance(Instance &instance) {
  uint32_t no = 0;
  if (!instance.registered.swapIf(no, 1))
    return;
  pthread_mutex_lock(&listLock);
  instance.next = instances;
  instances = &instance;
  pthread_mutex_unlock(&listLock);
}

static void unregisterInstance(Instance &instance) {
  pthread_mutex_lock(&listLock);
  for (Instance **i = &instances; *i; i = &(*i)->next)
    if (*i == &instance) {
      *i = instance.next;
      break;
    }
  pthread_mutex_unlock(&listLock);
  instance.registered.store(0);
}

static void release(Instance &instance) {
  unregisterInstance(instance);
  for (auto &slot : instance.idle)
    contextDestroy(slot.exchange(nullptr));
  if (Pool *pool = instance.pool.exchange(nullptr)) {
    pool->stop();
    free(pool);
  }
  stateDestroy(instance.defaultState.exchange(nullptr));
  if (const ingot_rt_module *m = instance.deviceUser.exchange(nullptr))
    m->device->functions->close(m);
}

/// Runs when the artifact is unloaded or the process ends: threads of a pool
/// must not outlive the code they run.
__attribute__((destructor)) static void unload() {
  while (instances)
    release(*instances);
}

/// An idle context of the module, or a new one.
static ingot_status borrow(const ingot_module *module, ingot_context **out) {
  Instance &instance = instanceOf(internals(module));
  for (auto &slot : instance.idle)
    if (slot.loadAcquire() && (*out = slot.exchange(nullptr)))
      return INGOT_OK;
  return contextCreate(module, nullptr, out);
}

static void giveBack(ingot_context *c) {
  Instance &instance = instanceOf(c->module);
  registerInstance(instance);
  for (auto &slot : instance.idle) {
    ingot_context *empty = nullptr;
    if (!slot.loadAcquire() && slot.swapIf(empty, c))
      return;
  }
  contextDestroy(c);
}

static ingot_status nullPointer(const ingot_module *module, const ingot_signature &signature,
                                const char *kind, const char *name) {
  return fail(INGOT_INVALID_ARGUMENT, "%s: %s '%s' of '%s': data is null", module->name, kind, name,
              signature.name);
}

static ingot_status typedCall(const ingot_module *module, ingot_context *c, uint32_t index,
                              const void *const *inputs, void *const *outputs, const int64_t *sizes,
                              const int64_t *capacities, int64_t *const *shapes) {
  const ingot_signature &signature = module->signatures[index];
  const ingot_rt_signature &rt = c->module->signatures[index];
  for (uint32_t k = 0; k < rt.num_entry_symbols; ++k) {
    if (sizes[k] < 0 || sizes[k] > (int64_t)1 << 40)
      return fail(INGOT_SHAPE_MISMATCH, "%s: %s of '%s' is %lld", module->name, signature.sizes[k],
                  signature.name, (long long)sizes[k]);
    c->symbols[k] = sizes[k];
  }
  evaluateSizes(c, index);
  const int64_t *dims = c->dims;
  void **pointers = c->pointers;
  int64_t count = 0;
  for (uint32_t i = 0; i < signature.num_inputs; ++i) {
    const ingot_value &v = signature.inputs[i];
    if (!elementCount(dims, v.rank, count))
      return fail(INGOT_SHAPE_MISMATCH, "%s: input '%s' of '%s' would have a negative or huge size",
                  module->name, v.name, signature.name);
    if (count && !inputs[i])
      return nullPointer(module, signature, "input", v.name);
    dims += v.rank;
    *pointers++ = const_cast<void *>(inputs[i]);
  }
  const int64_t *outputSizes = dims;
  for (uint32_t o = 0; o < signature.num_outputs; ++o) {
    const ingot_value &v = signature.outputs[o];
    if (!elementCount(dims, v.rank, count))
      return fail(INGOT_SHAPE_MISMATCH,
                  "%s: output '%s' of '%s' would have a negative or huge size", module->name,
                  v.name, signature.name);
    if (count && !outputs[o])
      return nullPointer(module, signature, "output", v.name);
    if ((v.flags & INGOT_VALUE_DATA_DEPENDENT) && capacities[o] < count)
      return fail(INGOT_CAPACITY,
                  "%s: output '%s' of '%s' can have %lld elements, capacity "
                  "is %lld",
                  module->name, v.name, signature.name, (long long)count, (long long)capacities[o]);
    dims += v.rank;
    *pointers++ = outputs[o];
  }
  ingot_status status = execute(c, index);
  if (status != INGOT_OK || !rt.num_data_symbols)
    return status;
  rt.shapes(c->symbols, c->dims);
  for (uint32_t o = 0; o < signature.num_outputs; ++o) {
    const ingot_value &v = signature.outputs[o];
    if ((v.flags & INGOT_VALUE_DATA_DEPENDENT) && shapes[o])
      for (int32_t d = 0; d < v.rank; ++d)
        shapes[o][d] = outputSizes[d];
    outputSizes += v.rank;
  }
  return INGOT_OK;
}

/// A null state stands for the default one, which only modules have.
static ingot_status needState(const ingot_state *state, const char *what) {
  return state ? INGOT_OK : fail(INGOT_INVALID_ARGUMENT, "%s: the state is null", what);
}

static ingot_status getChecked(ingot_state *state, uint32_t index, void *data, size_t bytes) {
  ingot_status status = needState(state, "state_get");
  return status ? status : stateGet(state, index, data, bytes);
}

static ingot_status setChecked(ingot_state *state, uint32_t index, const void *data, size_t bytes) {
  ingot_status status = needState(state, "state_set");
  return status ? status : stateSet(state, index, data, bytes);
}

static ingot_status resetChecked(ingot_state *state) {
  ingot_status status = needState(state, "state_reset");
  return status ? status : stateReset(state);
}

static ingot_state *contextState(ingot_context *context) {
  return context ? context->state : nullptr;
}

} // namespace ingot_rt

using namespace ingot_rt;

const ingot_functions ingot_rt_functions = {
    sizeof(ingot_functions),
    0,
    lastMessage,
    stateCreate,
    stateDestroy,
    getChecked,
    setChecked,
    resetChecked,
    contextCreate,
    contextDestroy,
    contextState,
    outputShapes,
    ingot_rt::run,
    ingot_rt::profile,
    profileRows,
};

void ingot_rt_release(const ingot_module *module) { release(instanceOf(internals(module))); }

int32_t ingot_rt_call(const ingot_module *module, ingot_context *context, uint32_t signature,
                      const void *const *inputs, void *const *outputs, const int64_t *sizes,
                      const int64_t *capacities, int64_t *const *shapes) {
  ingot_context *c = context;
  if (!c) {
    ingot_status status = borrow(module, &c);
    if (status != INGOT_OK)
      return status;
  }
  ingot_status status =
      c->module->module != module
          ? fail(INGOT_INVALID_ARGUMENT, "%s: the context belongs to another model", module->name)
          : typedCall(module, c, signature, inputs, outputs, sizes, capacities, shapes);
  if (!context)
    giveBack(c);
  return status;
}
