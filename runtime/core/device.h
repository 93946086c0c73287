// Modules for a GPU: states and contexts whose memory is the device's. The core
// knows devices by a table of functions alone, so that an artifact for the CPU
// links none of them.
#ifndef INGOT_RUNTIME_CORE_DEVICE_H
#define INGOT_RUNTIME_CORE_DEVICE_H

#include "core.h"

/// Work on a stream runs in order; a null stream stands for "now, and wait".
/// Failures leave a message.
struct ingot_rt_device_functions {
  /// Finds the driver and a device and loads the module's code, once.
  ingot_status (*open)(const ingot_rt_module *module);
  void (*close)(const ingot_rt_module *module);
  ingot_status (*openStream)(const ingot_rt_module *module, void **stream);
  void (*closeStream)(const ingot_rt_module *module, void *stream);
  /// Memory aligned to 256 bytes.
  ingot_status (*allocate)(const ingot_rt_module *module, uint64_t bytes, void **memory);
  void (*release)(const ingot_rt_module *module, void *memory);
  ingot_status (*upload)(const ingot_rt_module *module, void *stream, void *to, const void *from,
                         uint64_t bytes);
  ingot_status (*download)(const ingot_rt_module *module, void *stream, void *to, const void *from,
                           uint64_t bytes);
  ingot_status (*copy)(const ingot_rt_module *module, void *stream, void *to, const void *from,
                       uint64_t bytes);
  ingot_status (*zero)(const ingot_rt_module *module, void *stream, void *to, uint64_t bytes);
  ingot_status (*launch)(const ingot_rt_module *module, void *stream,
                         const ingot_rt_device_kernel *kernel, void *const *buffers,
                         const int64_t *sizes, int64_t blocks, int64_t threads);
  ingot_status (*wait)(const ingot_rt_module *module, void *stream);
};

namespace ingot_rt {

/// Opens the device, uploads constants and initial values: once a state.
ingot_status placeOnDevice(ingot_state *state);
ingot_status setInitialValuesOnDevice(ingot_state *state);

/// Uploads the inputs, runs the program, downloads the outputs.
ingot_status runOnDevice(ingot_context *context, uint32_t signature);
int32_t dispatchOnDevice(ingot_context *context, const ingot_rt_site *site, void *const *buffers,
                         const int64_t *sizes, int64_t blocks, int64_t threads);
/// Replaces `memory` by `bytes` new ones.
ingot_status growOnDevice(ingot_context *context, char *&memory, uint64_t &capacity,
                          uint64_t bytes);
/// Frees arena, staging memory and stream.
void releaseDeviceMemory(ingot_context *context);

} // namespace ingot_rt

#endif // INGOT_RUNTIME_CORE_DEVICE_H
