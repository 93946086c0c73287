// A driver for tests: libcuda.so.1 whose device is the emulator. Device memory is
// the host's, with exact bounds; kernels run at once. At unloading it writes what
// was used to the file that INGOT_STUB_LOG names.
#include "Ptx.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

using namespace ingot::emulator;

#define INGOT_STUB extern "C" __attribute__((visibility("default"))) int

namespace {

struct Function {
  const Kernel *kernel;
};
struct Driver {
  std::mutex lock;
  Allocations memory;
  std::string error;
  unsigned launches = 0, uploads = 0, downloads = 0, modules = 0, streams = 0;
  uint64_t uploaded = 0;
  std::vector<std::unique_ptr<Module>> loaded;
  std::vector<std::unique_ptr<Function>> functions;

  ~Driver() {
    const char *path = std::getenv("INGOT_STUB_LOG");
    FILE *f = path ? std::fopen(path, "w") : nullptr;
    if (!f)
      return;
    std::fprintf(
        f, "launches %u\nuploads %u\nuploaded bytes %llu\ndownloads %u\nmodules %u\nleaked %zu\n",
        launches, uploads, (unsigned long long)uploaded, downloads, modules, memory.size());
    std::fclose(f);
  }
};
Driver &driver() {
  static Driver d;
  return d;
}

enum { invalidValue = 1, outOfMemory = 2, invalidImage = 200, notFound = 500, launchFailed = 719 };

bool inside(uint64_t at, size_t bytes) {
  auto &m = driver().memory;
  auto it = m.upper_bound(at);
  return it != m.begin() && (--it, at + bytes <= it->first + it->second);
}
int complain(int code, const std::string &text) {
  driver().error = text;
  std::fprintf(stderr, "stub driver: %s\n", text.c_str());
  return code;
}

} // namespace

INGOT_STUB cuInit(unsigned) { return 0; }
INGOT_STUB cuDeviceGetCount(int *count) {
  *count = 1;
  return 0;
}
INGOT_STUB cuDeviceGet(int *device, int) {
  *device = 0;
  return 0;
}
INGOT_STUB cuDeviceGetAttribute(int *value, int attribute, int) {
  const char *arch = std::getenv("INGOT_STUB_ARCH");
  int number = arch ? std::atoi(arch) : 80;
  *value = attribute == 75 ? number / 10 : number % 10;
  return 0;
}
INGOT_STUB cuDevicePrimaryCtxRetain(void **context, int) {
  *context = &driver();
  return 0;
}
INGOT_STUB cuDevicePrimaryCtxRelease_v2(int) { return 0; }
INGOT_STUB cuCtxSetCurrent(void *) { return 0; }
INGOT_STUB cuGetErrorString(int code, const char **text) {
  *text = driver().error.empty() ? "error" : driver().error.c_str();
  return code ? 0 : invalidValue;
}
INGOT_STUB cuModuleLoadDataEx(void **module, const void *image, unsigned, int *, void **) {
  std::lock_guard<std::mutex> guard(driver().lock);
  std::string error;
  auto made = parse(static_cast<const char *>(image), error);
  if (!made)
    return complain(invalidImage, error);
  ++driver().modules;
  *module = made.get();
  driver().loaded.push_back(std::move(made));
  return 0;
}
INGOT_STUB cuModuleUnload(void *) { return 0; }
INGOT_STUB cuModuleGetFunction(void **function, void *module, const char *name) {
  std::lock_guard<std::mutex> guard(driver().lock);
  auto &kernels = static_cast<Module *>(module)->kernels;
  auto it = kernels.find(name);
  if (it == kernels.end())
    return complain(notFound, std::string("no kernel ") + name);
  driver().functions.emplace_back(new Function{&it->second});
  *function = driver().functions.back().get();
  return 0;
}
INGOT_STUB cuMemAlloc_v2(unsigned long long *address, size_t bytes) {
  std::lock_guard<std::mutex> guard(driver().lock);
  void *p = std::aligned_alloc(256, (bytes + 511) / 256 * 256);
  if (!p)
    return outOfMemory;
  std::memset(p, 0xFF, bytes); // NaN: nothing may rely on fresh memory
  *address = reinterpret_cast<uint64_t>(p);
  driver().memory[*address] = bytes;
  return 0;
}
INGOT_STUB cuMemFree_v2(unsigned long long address) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!driver().memory.erase(address))
    return complain(invalidValue, "freed memory that was not allocated");
  std::free(reinterpret_cast<void *>(address));
  return 0;
}
INGOT_STUB cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!inside(to, bytes))
    return complain(invalidValue, "upload outside of all allocations");
  ++driver().uploads;
  driver().uploaded += bytes;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return 0;
}
INGOT_STUB cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!inside(from, bytes))
    return complain(invalidValue, "download from outside of all allocations");
  ++driver().downloads;
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  return 0;
}
INGOT_STUB cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes,
                                void *) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!inside(from, bytes) || !inside(to, bytes))
    return complain(invalidValue, "copy outside of all allocations");
  std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  return 0;
}
INGOT_STUB cuMemsetD8Async(unsigned long long to, unsigned char value, size_t bytes, void *) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!inside(to, bytes))
    return complain(invalidValue, "memset outside of all allocations");
  std::memset(reinterpret_cast<void *>(to), value, bytes);
  return 0;
}
INGOT_STUB cuStreamCreate(void **stream, unsigned) {
  ++driver().streams;
  *stream = &driver().streams;
  return 0;
}
INGOT_STUB cuStreamDestroy_v2(void *) { return 0; }
INGOT_STUB cuStreamSynchronize(void *) { return 0; }
INGOT_STUB cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                          unsigned by, unsigned bz, unsigned, void *, void **params, void **) {
  std::lock_guard<std::mutex> guard(driver().lock);
  const Kernel &kernel = *static_cast<Function *>(function)->kernel;
  Launch l;
  uint32_t grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
  std::memcpy(l.grid, grid, sizeof grid);
  std::memcpy(l.block, block, sizeof block);
  l.params.resize(kernel.paramBytes);
  for (size_t i = 0; i < kernel.params.size(); ++i)
    std::memcpy(l.params.data() + kernel.params[i].first, params[i], kernel.params[i].second);
  ++driver().launches;
  std::string error = run(kernel, l, driver().memory);
  return error.empty() ? 0 : complain(launchFailed, error);
}
