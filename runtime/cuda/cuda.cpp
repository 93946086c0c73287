// CUDA as a device of the runtime: the driver by dlopen, with declarations of our
// own, so that neither building nor running an artifact needs the toolkit.
#include "device.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

namespace ingot_rt {
namespace {

// The part of the driver's ABI that is used; stable since CUDA 4.
typedef int CUresult;
typedef int CUdevice;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef unsigned long long CUdeviceptr;

enum {
  attributeMajor = 75,
  attributeMinor = 76,
  streamNonBlocking = 1,
  optionErrorLog = 5,
  optionErrorLogBytes = 6,
  errorOutOfMemory = 2,
  largestParams = 128
};

#define INGOT_CUDA_FUNCTIONS(X)                                                                    \
  X(cuInit, (unsigned))                                                                            \
  X(cuDeviceGetCount, (int *))                                                                     \
  X(cuDeviceGet, (CUdevice *, int))                                                                \
  X(cuDeviceGetAttribute, (int *, int, CUdevice))                                                  \
  X(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice))                                             \
  X(cuDevicePrimaryCtxRelease_v2, (CUdevice))                                                      \
  X(cuCtxSetCurrent, (CUcontext))                                                                  \
  X(cuModuleLoadDataEx, (CUmodule *, const void *, unsigned, int *, void **))                      \
  X(cuModuleGetFunction, (CUfunction *, CUmodule, const char *))                                   \
  X(cuModuleUnload, (CUmodule))                                                                    \
  X(cuMemAlloc_v2, (CUdeviceptr *, size_t))                                                        \
  X(cuMemFree_v2, (CUdeviceptr))                                                                   \
  X(cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))                           \
  X(cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream))                                 \
  X(cuMemcpyDtoDAsync_v2, (CUdeviceptr, CUdeviceptr, size_t, CUstream))                            \
  X(cuMemsetD8Async, (CUdeviceptr, unsigned char, size_t, CUstream))                               \
  X(cuStreamCreate, (CUstream *, unsigned))                                                        \
  X(cuStreamDestroy_v2, (CUstream))                                                                \
  X(cuStreamSynchronize, (CUstream))                                                               \
  X(cuLaunchKernel, (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,       \
                     unsigned, CUstream, void **, void **))                                        \
  X(cuGetErrorString, (CUresult, const char **))

/// The driver and what a module has of it.
struct Cuda {
#define INGOT_CUDA_POINTER(NAME, ARGUMENTS) CUresult(*NAME) ARGUMENTS;
  INGOT_CUDA_FUNCTIONS(INGOT_CUDA_POINTER)
#undef INGOT_CUDA_POINTER
  CUdevice device;
  CUcontext context;
  CUmodule module;
  CUfunction *kernels;
};

Cuda *cudaOf(const ingot_rt_module *m) { return (Cuda *)instanceOf(m).device.loadAcquire(); }

ingot_status check(const ingot_rt_module *m, const Cuda *cuda, CUresult result, const char *what) {
  if (result == 0)
    return INGOT_OK;
  const char *text = nullptr;
  cuda->cuGetErrorString(result, &text);
  return fail(result == errorOutOfMemory ? INGOT_OUT_OF_MEMORY : INGOT_FAILED,
              "%s: CUDA: %s: %s (%d)", m->module->name, what, text ? text : "unknown error",
              result);
}

CUdeviceptr address(const void *p) { return (CUdeviceptr)(uintptr_t)p; }

//===-- Opening -----------------------------------------------------------===//

ingot_status loadDriver(const ingot_rt_module *m, Cuda *cuda) {
  // Never closed: the driver does not survive that.
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(INGOT_UNSUPPORTED,
                "%s: was compiled for an NVIDIA GPU, but there is no driver "
                "here (libcuda.so.1 not found); install the driver or compile "
                "the model with --target cpu",
                m->module->name);
  const char *missing = nullptr;
#define INGOT_CUDA_LOAD(NAME, ARGUMENTS)                                                           \
  cuda->NAME = (CUresult(*) ARGUMENTS)dlsym(library, #NAME);                                       \
  if (!cuda->NAME)                                                                                 \
    missing = #NAME;
  INGOT_CUDA_FUNCTIONS(INGOT_CUDA_LOAD)
#undef INGOT_CUDA_LOAD
  if (missing)
    return fail(INGOT_UNSUPPORTED, "%s: the NVIDIA driver is too old: it has no %s",
                m->module->name, missing);
  return INGOT_OK;
}

ingot_status findDevice(const ingot_rt_module *m, Cuda *cuda, int &arch) {
  int count = 0;
  CUresult result = cuda->cuInit(0);
  if (result == 0)
    result = cuda->cuDeviceGetCount(&count);
  if (result != 0 || count == 0) {
    const char *text = nullptr;
    if (result)
      cuda->cuGetErrorString(result, &text);
    return fail(INGOT_UNSUPPORTED,
                "%s: was compiled for an NVIDIA GPU, but the driver finds none "
                "(%s)",
                m->module->name, text ? text : "no device");
  }
  int major = 0, minor = 0;
  ingot_status status = check(m, cuda, cuda->cuDeviceGet(&cuda->device, 0), "device 0");
  if (status == INGOT_OK)
    status = check(m, cuda, cuda->cuDeviceGetAttribute(&major, attributeMajor, cuda->device),
                   "compute capability");
  if (status == INGOT_OK)
    status = check(m, cuda, cuda->cuDeviceGetAttribute(&minor, attributeMinor, cuda->device),
                   "compute capability");
  arch = 10 * major + minor;
  if (status != INGOT_OK)
    return status;
  return check(m, cuda, cuda->cuDevicePrimaryCtxRetain(&cuda->context, cuda->device),
               "making a context");
}

/// The newest image that this device can run.
const ingot_rt_device_image *chooseImage(const ingot_rt_device *d, int arch) {
  const ingot_rt_device_image *best = nullptr;
  for (uint32_t i = 0; i < d->num_images; ++i) {
    const ingot_rt_device_image &image = d->images[i];
    if (image.exact ? (int)image.arch != arch : (int)image.arch > arch)
      continue;
    if (!best || image.arch > best->arch || (image.arch == best->arch && image.exact))
      best = &image;
  }
  return best;
}

ingot_status loadCode(const ingot_rt_module *m, Cuda *cuda, int arch) {
  const ingot_rt_device *d = m->device;
  const ingot_rt_device_image *image = chooseImage(d, arch);
  if (!image)
    return fail(INGOT_UNSUPPORTED,
                "%s: has no code for this GPU (sm_%d); compile the model with "
                "--target cuda:sm_%d",
                m->module->name, arch, arch);
  ingot_status status = check(m, cuda, cuda->cuCtxSetCurrent(cuda->context), "context");
  if (status != INGOT_OK)
    return status;
  char log[512] = "";
  int options[] = {optionErrorLog, optionErrorLogBytes};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  CUresult result = cuda->cuModuleLoadDataEx(&cuda->module, image->data, 2, options, values);
  if (result != 0) {
    const char *text = nullptr;
    cuda->cuGetErrorString(result, &text);
    return fail(INGOT_UNSUPPORTED, "%s: the driver does not take the GPU code: %s (%d) %s",
                m->module->name, text ? text : "unknown error", result, log);
  }
  cuda->kernels = (CUfunction *)calloc(d->num_kernels + 1, sizeof(CUfunction));
  if (!cuda->kernels)
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory", m->module->name);
  for (uint32_t k = 0; k < d->num_kernels && status == INGOT_OK; ++k)
    status = check(m, cuda,
                   cuda->cuModuleGetFunction(&cuda->kernels[k], cuda->module, d->kernels[k]->name),
                   d->kernels[k]->name);
  return status;
}

void destroy(Cuda *cuda) {
  if (!cuda)
    return;
  if (cuda->context) {
    cuda->cuCtxSetCurrent(cuda->context);
    if (cuda->module)
      cuda->cuModuleUnload(cuda->module);
    cuda->cuDevicePrimaryCtxRelease_v2(cuda->device);
  }
  free(cuda->kernels);
  free(cuda);
}

ingot_status open(const ingot_rt_module *m) {
  Instance &instance = instanceOf(m);
  if (instance.device.loadAcquire())
    return INGOT_OK;
  auto *cuda = (Cuda *)calloc(1, sizeof(Cuda));
  if (!cuda)
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory", m->module->name);
  int arch = 0;
  ingot_status status = loadDriver(m, cuda);
  if (status == INGOT_OK)
    status = findDevice(m, cuda, arch);
  if (status == INGOT_OK)
    status = loadCode(m, cuda, arch);
  void *none = nullptr;
  if (status != INGOT_OK || !instance.device.swapIf(none, cuda))
    destroy(cuda); // it failed, or another thread was first
  return status;
}

void close(const ingot_rt_module *m) { destroy((Cuda *)instanceOf(m).device.exchange(nullptr)); }

//===-- Work --------------------------------------------------------------===//

/// The driver's context belongs to threads: every call names it.
ingot_status enter(const ingot_rt_module *m, Cuda *&cuda) {
  cuda = cudaOf(m);
  if (!cuda)
    return fail(INGOT_FAILED, "%s: CUDA is closed: the artifact was unloaded", m->module->name);
  return check(m, cuda, cuda->cuCtxSetCurrent(cuda->context), "context");
}

ingot_status wait(const ingot_rt_module *m, void *stream) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK)
    return status;
  return check(m, cuda, cuda->cuStreamSynchronize((CUstream)stream), "running kernels");
}
/// Waits if the caller asked for it by a null stream.
ingot_status finish(const ingot_rt_module *m, void *stream, ingot_status status) {
  return status != INGOT_OK || stream ? status : wait(m, nullptr);
}

ingot_status openStream(const ingot_rt_module *m, void **stream) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK)
    return status;
  return check(m, cuda, cuda->cuStreamCreate((CUstream *)stream, streamNonBlocking),
               "making a stream");
}
void closeStream(const ingot_rt_module *m, void *stream) {
  Cuda *cuda;
  if (enter(m, cuda) == INGOT_OK)
    cuda->cuStreamDestroy_v2((CUstream)stream);
}

ingot_status allocate(const ingot_rt_module *m, uint64_t bytes, void **memory) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK)
    return status;
  CUdeviceptr p = 0;
  CUresult result = cuda->cuMemAlloc_v2(&p, bytes ? bytes : 1);
  *memory = (void *)(uintptr_t)p;
  if (result == errorOutOfMemory)
    return fail(INGOT_OUT_OF_MEMORY, "%s: the GPU has no %llu bytes of memory left",
                m->module->name, (unsigned long long)bytes);
  return check(m, cuda, result, "allocating memory");
}
void release(const ingot_rt_module *m, void *memory) {
  Cuda *cuda;
  if (enter(m, cuda) == INGOT_OK)
    cuda->cuMemFree_v2(address(memory));
}

ingot_status upload(const ingot_rt_module *m, void *stream, void *to, const void *from,
                    uint64_t bytes) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK || bytes == 0)
    return status;
  return finish(m, stream,
                check(m, cuda,
                      cuda->cuMemcpyHtoDAsync_v2(address(to), from, bytes, (CUstream)stream),
                      "copying to the GPU"));
}
ingot_status download(const ingot_rt_module *m, void *stream, void *to, const void *from,
                      uint64_t bytes) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK || bytes == 0)
    return status;
  return finish(m, stream,
                check(m, cuda,
                      cuda->cuMemcpyDtoHAsync_v2(to, address(from), bytes, (CUstream)stream),
                      "copying from the GPU"));
}
ingot_status copy(const ingot_rt_module *m, void *stream, void *to, const void *from,
                  uint64_t bytes) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK || bytes == 0)
    return status;
  return finish(
      m, stream,
      check(m, cuda,
            cuda->cuMemcpyDtoDAsync_v2(address(to), address(from), bytes, (CUstream)stream),
            "copying on the GPU"));
}
ingot_status zero(const ingot_rt_module *m, void *stream, void *to, uint64_t bytes) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK || bytes == 0)
    return status;
  return finish(m, stream,
                check(m, cuda, cuda->cuMemsetD8Async(address(to), 0, bytes, (CUstream)stream),
                      "clearing memory"));
}

ingot_status launch(const ingot_rt_module *m, void *stream, const ingot_rt_device_kernel *kernel,
                    void *const *buffers, const int64_t *sizes, int64_t blocks, int64_t threads) {
  Cuda *cuda;
  ingot_status status = enter(m, cuda);
  if (status != INGOT_OK)
    return status;
  uint32_t count = kernel->num_buffers + kernel->num_sizes;
  if (blocks > INT32_MAX || count > largestParams)
    return fail(INGOT_UNSUPPORTED,
                "%s: kernel %s: %lld blocks or %u parameters are more than a "
                "GPU takes",
                m->module->name, kernel->name, (long long)blocks, count);
  // Parameters are addresses of 8-byte values.
  void *params[largestParams];
  for (uint32_t i = 0; i < kernel->num_buffers; ++i)
    params[i] = (void *)(uintptr_t)&buffers[i];
  for (uint32_t i = 0; i < kernel->num_sizes; ++i)
    params[kernel->num_buffers + i] = (void *)(uintptr_t)&sizes[i];
  return check(m, cuda,
               cuda->cuLaunchKernel(cuda->kernels[kernel->index], (unsigned)blocks, 1, 1,
                                    (unsigned)threads, 1, 1, 0, (CUstream)stream, params, nullptr),
               kernel->name);
}

} // namespace
} // namespace ingot_rt

extern "C" const ingot_rt_device_functions ingot_rt_cuda_functions = {
    ingot_rt::open,     ingot_rt::close,   ingot_rt::openStream, ingot_rt::closeStream,
    ingot_rt::allocate, ingot_rt::release, ingot_rt::upload,     ingot_rt::download,
    ingot_rt::copy,     ingot_rt::zero,    ingot_rt::launch,     ingot_rt::wait};
