// The runtime's own structures: instance, state, context.
#ifndef INGOT_RUNTIME_CORE_CORE_H
#define INGOT_RUNTIME_CORE_CORE_H

#include "abi_internal.h"
#include "platform.h"
#include "pool.h"

namespace ingot_rt {

struct TraceBuffer;

/// What one site has cost so far.
struct SiteTotals {
  uint64_t calls, nanoseconds, flops, bytes;
};

/// Contexts that typed calls without a context share; each slot is null or
/// holds an idle one, and is emptied by whoever uses it.
constexpr int idleSlots = 64;

/// The changing half of a module: zero-filled memory in the artifact.
struct Instance {
  Atomic<uint32_t> registered; ///< in the list of instances
  Atomic<ingot_state *> defaultState;
  Atomic<Pool *> pool;
  Atomic<ingot_context *> idle[idleSlots];
  Atomic<void *> device;                      ///< what the device functions made of the module
  Atomic<const ingot_rt_module *> deviceUser; ///< set where it has to be closed
  Instance *next;
};
static_assert(sizeof(Instance) <= INGOT_RT_INSTANCE_BYTES, "");

} // namespace ingot_rt

struct ingot_state {
  const ingot_rt_module *module;
  ingot_allocator allocator;
  ingot_rt::Atomic<int32_t> references;
  /// Running calls that only read; -1 while one writes.
  ingot_rt::Atomic<int32_t> users;
  void **variables;
  const void **constants;
  char *memory; ///< the variables' bytes
  uint64_t memoryBytes;
  const char *weights; ///< byte 0 of the weights
  void *mapping;       ///< of the side file, or null
  uint64_t mappingBytes;
  void *deviceMemory; ///< variables and constants of a module with a device
  uint64_t selfBytes; ///< of this struct and its tables
};

struct ingot_context {
  const ingot_rt_module *module;
  ingot_state *state;
  ingot_allocator allocator;
  ingot_thread_pool userPool; ///< `run` is null without one
  ingot_rt::Pool *pool;       ///< null with one thread or a pool of the user
  int32_t threads;
  char *arena;
  uint64_t arenaBytes;
  char *scratch;
  uint64_t scratchStride; ///< bytes a worker
  int64_t *symbols;
  int64_t *dims;
  void **pointers; ///< inputs, then outputs
  void *stream;    ///< of the device, or null
  char *staging;   ///< inputs and outputs in the device's memory
  uint64_t stagingBytes;
  ingot_rt::SiteTotals *totals; ///< null unless profiling
  bool profiling;
  ingot_rt::TraceBuffer *trace; ///< null unless INGOT_TRACE is set
  uint64_t selfBytes;
};

namespace ingot_rt {

inline const ingot_rt_module *internals(const ingot_module *m) {
  return (const ingot_rt_module *)m->internal;
}
inline Instance &instanceOf(const ingot_rt_module *m) { return *(Instance *)m->instance; }
/// Makes the instance known to the destructor of the artifact.
void registerInstance(Instance &instance);

/// Records a message for this thread and returns `status`.
ingot_status fail(ingot_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *lastMessage();

/// The C library's memory as an allocator.
extern const ingot_allocator defaultAllocator;

/// Elements of a shape; false on overflow or a negative size.
bool elementCount(const int64_t *dims, int32_t rank, int64_t &count);

/// Bytes of a variable's value.
uint64_t variableBytes(const ingot_variable &v);
/// Where a constant's bytes are in the host's memory.
const void *locate(const ingot_state *state, const ingot_rt_constant &c);
/// Adds one dispatch to what its site has cost.
void record(ingot_context *context, const ingot_rt_site *site, const int64_t *sizes, uint64_t begin,
            uint64_t end);

/// Bits of features this processor lacks out of `needed`.
uint64_t missingCpuFeatures(uint64_t needed);
/// Writes the names of feature bits to `text`.
void describeCpuFeatures(uint64_t features, char *text, size_t size);

/// Maps the side file of `state`.
ingot_status mapWeights(ingot_state *state, const char *path);
void unmapWeights(ingot_state *state);

ingot_status stateCreate(const ingot_module *module, const ingot_state_options *options,
                         ingot_state **out);
void stateDestroy(ingot_state *state);
/// The default state, made at first use.
ingot_status defaultState(const ingot_rt_module *module, ingot_state **out);
ingot_status stateGet(ingot_state *state, uint32_t index, void *data, size_t bytes);
ingot_status stateSet(ingot_state *state, uint32_t index, const void *data, size_t bytes);
ingot_status stateReset(ingot_state *state);
/// Marks a state as used by a call that writes it or only reads it.
bool acquireState(ingot_state *state, bool writes);
void releaseState(ingot_state *state, bool writes);

ingot_status contextCreate(const ingot_module *module, const ingot_context_options *options,
                           ingot_context **out);
void contextDestroy(ingot_context *context);

ingot_status outputShapes(ingot_context *context, uint32_t signature, const ingot_tensor *inputs,
                          ingot_tensor *outputs);
ingot_status run(ingot_context *context, uint32_t signature, const ingot_tensor *inputs,
                 ingot_tensor *outputs);
/// Runs the program: entry symbols, bounds and pointers are in the context.
ingot_status execute(ingot_context *context, uint32_t signature);
/// Reads the bounds of data symbols and all sizes into `context->dims`.
void evaluateSizes(ingot_context *context, uint32_t signature);

ingot_status profile(ingot_context *context, int32_t enable);
uint32_t profileRows(ingot_context *context, ingot_profile_row *rows, uint32_t capacity);

/// A trace buffer if INGOT_TRACE is set, else null.
TraceBuffer *traceOpen();
void traceEvent(TraceBuffer *trace, const ingot_rt_site *site, uint64_t begin, uint64_t end,
                int64_t grid, int64_t chunk);
void traceRun(TraceBuffer *trace, const char *signature, uint64_t begin, uint64_t end);
void traceClose(TraceBuffer *trace);

} // namespace ingot_rt

#endif // INGOT_RUNTIME_CORE_CORE_H
