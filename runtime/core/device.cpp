// See device.h. Inputs and outputs are copied through one staging buffer of the
// context; everything of a call runs on the context's stream, in order.
#include "device.h"

namespace ingot_rt {

static uint64_t align256(uint64_t bytes) { return (bytes + 255) & ~(uint64_t)255; }

static const ingot_rt_device_functions &functionsOf(const ingot_rt_module *m) {
  return *m->device->functions;
}

//===-- States ------------------------------------------------------------===//

ingot_status placeOnDevice(ingot_state *state) {
  const ingot_rt_module *m = state->module;
  const ingot_rt_device_functions &device = functionsOf(m);
  ingot_status status = device.open(m);
  if (status != INGOT_OK)
    return status;
  instanceOf(m).deviceUser.store(m);
  registerInstance(instanceOf(m)); // so that unloading closes the device
  uint64_t bytes = 0;
  for (uint32_t c = 0; c < m->num_constants; ++c)
    bytes += align256(m->constants[c].bytes);
  for (uint32_t v = 0; v < m->module->num_variables; ++v)
    bytes += align256(variableBytes(m->module->variables[v]));
  if (bytes == 0)
    return INGOT_OK;
  status = device.allocate(m, bytes, &state->deviceMemory);
  if (status != INGOT_OK)
    return status;
  char *at = (char *)state->deviceMemory;
  for (uint32_t c = 0; c < m->num_constants && status == INGOT_OK; ++c) {
    state->constants[c] = at;
    status = device.upload(m, nullptr, at, locate(state, m->constants[c]), m->constants[c].bytes);
    at += align256(m->constants[c].bytes);
  }
  for (uint32_t v = 0; v < m->module->num_variables; ++v) {
    state->variables[v] = at;
    at += align256(variableBytes(m->module->variables[v]));
  }
  return status == INGOT_OK ? setInitialValuesOnDevice(state) : status;
}

ingot_status setInitialValuesOnDevice(ingot_state *state) {
  const ingot_rt_module *m = state->module;
  const ingot_rt_device_functions &device = functionsOf(m);
  ingot_status status = INGOT_OK;
  for (uint32_t v = 0; v < m->module->num_variables && status == INGOT_OK; ++v) {
    const ingot_rt_constant &c = m->initial[v];
    status =
        !c.data && c.offset == INGOT_RT_ZERO_INIT
            ? device.zero(m, nullptr, state->variables[v], variableBytes(m->module->variables[v]))
            : device.upload(m, nullptr, state->variables[v], locate(state, c), c.bytes);
  }
  return status;
}

//===-- Calls -------------------------------------------------------------===//

ingot_status growOnDevice(ingot_context *c, char *&memory, uint64_t &capacity, uint64_t bytes) {
  const ingot_rt_device_functions &device = functionsOf(c->module);
  if (memory) // work that uses it is done: every call waits for its own
    device.release(c->module, memory);
  memory = nullptr;
  capacity = 0;
  void *made = nullptr;
  ingot_status status = device.allocate(c->module, bytes, &made);
  if (status != INGOT_OK)
    return status;
  memory = (char *)made;
  capacity = bytes;
  return INGOT_OK;
}

void releaseDeviceMemory(ingot_context *c) {
  const ingot_rt_device_functions &device = functionsOf(c->module);
  if (c->arena)
    device.release(c->module, c->arena);
  if (c->staging)
    device.release(c->module, c->staging);
  c->arena = c->staging = nullptr;
  if (c->stream)
    device.closeStream(c->module, c->stream);
}

/// Bytes of tensor i of a signature, inputs first; its sizes are at `dims`.
static uint64_t tensorBytes(const ingot_signature &s, uint32_t i, const int64_t *&dims) {
  const ingot_value &v = i < s.num_inputs ? s.inputs[i] : s.outputs[i - s.num_inputs];
  int64_t count = 0;
  elementCount(dims, v.rank, count);
  dims += v.rank;
  return (uint64_t)count * ingot_dtype_size(v.dtype);
}

ingot_status runOnDevice(ingot_context *c, uint32_t index) {
  const ingot_rt_module *m = c->module;
  const ingot_rt_device_functions &device = functionsOf(m);
  const ingot_signature &signature = m->module->signatures[index];
  const ingot_rt_signature &rt = m->signatures[index];
  uint32_t count = signature.num_inputs + signature.num_outputs;
  const int64_t *dims = c->dims;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i)
    bytes += align256(tensorBytes(signature, i, dims));
  if (bytes > c->stagingBytes) {
    ingot_status status = growOnDevice(c, c->staging, c->stagingBytes, bytes);
    if (status != INGOT_OK)
      return status;
  }
  void **onDevice = c->pointers + count;
  uint64_t offset = 0;
  dims = c->dims;
  for (uint32_t i = 0; i < count; ++i) {
    onDevice[i] = c->staging + offset;
    uint64_t size = tensorBytes(signature, i, dims);
    offset += align256(size);
    ingot_status status = INGOT_OK;
    if (i < signature.num_inputs && size)
      status = device.upload(m, c->stream, onDevice[i], c->pointers[i], size);
    if (status != INGOT_OK)
      return status;
  }
  ingot_status status = rt.program(c, onDevice, onDevice + signature.num_inputs,
                                   c->state->variables, c->state->constants, c->symbols, c->arena);
  dims = c->dims;
  for (uint32_t i = 0; i < count && status == INGOT_OK; ++i) {
    uint64_t size = tensorBytes(signature, i, dims);
    if (i >= signature.num_inputs && size)
      status = device.download(m, c->stream, c->pointers[i], onDevice[i], size);
  }
  // Also after a failure: the caller may free what the device still reads.
  ingot_status waited = device.wait(m, c->stream);
  return status != INGOT_OK ? status : waited;
}

int32_t dispatchOnDevice(ingot_context *c, const ingot_rt_site *site, void *const *buffers,
                         const int64_t *sizes, int64_t blocks, int64_t threads) {
  const ingot_rt_device_functions &device = functionsOf(c->module);
  auto *kernel = (const ingot_rt_device_kernel *)(const void *)site->kernel;
  bool measured = c->profiling || c->trace;
  uint64_t begin = 0;
  if (measured) { // else kernels only queue up
    device.wait(c->module, c->stream);
    begin = nanoseconds();
  }
  ingot_status status =
      device.launch(c->module, c->stream, kernel, buffers, sizes, blocks, threads);
  if (status != INGOT_OK || !measured)
    return status;
  status = device.wait(c->module, c->stream);
  uint64_t end = nanoseconds();
  if (c->profiling)
    record(c, site, sizes, begin, end);
  if (c->trace)
    traceEvent(c->trace, site, begin, end, blocks, threads);
  return status;
}

} // namespace ingot_rt

int32_t ingot_rt_copy(ingot_context *c, void *to, const void *from, int64_t bytes) {
  if (bytes <= 0)
    return INGOT_OK;
  return c->module->device->functions->copy(c->module, c->stream, to, from, (uint64_t)bytes);
}
