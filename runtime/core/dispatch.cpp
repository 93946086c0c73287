// What a host program calls, and what is measured about it.
#include "core.h"
#include "device.h"

#include <string.h>

namespace ingot_rt {

static const char *statusName(int32_t status) {
  switch (status) {
  case INGOT_INVALID_ARGUMENT:
    return "an argument is invalid";
  case INGOT_SHAPE_MISMATCH:
    return "shapes do not match";
  case INGOT_OUT_OF_RANGE:
    return "an index is out of range";
  case INGOT_DIVIDE_BY_ZERO:
    return "integer division by zero";
  case INGOT_OUT_OF_MEMORY:
    return "out of memory";
  default:
    return "the computation failed";
  }
}

/// Makes the scratch of each worker at least `bytes` large.
static bool growScratch(ingot_context *c, uint64_t bytes) {
  // A line more than needed, so that the parts of workers do not begin a power
  // of two apart and compete for the same cache sets.
  uint64_t stride = align64(bytes) + 64;
  if (stride <= c->scratchStride)
    return true;
  if (c->scratch)
    c->allocator.release(c->allocator.user, c->scratch, c->scratchStride * (uint64_t)c->threads);
  c->scratchStride = 0;
  c->scratch = (char *)c->allocator.allocate(c->allocator.user, stride * (uint64_t)c->threads, 64);
  if (!c->scratch)
    return false;
  c->scratchStride = stride;
  return true;
}

static int32_t runJob(ingot_context *c, const Job &job) {
  if (c->threads == 1 || job.chunks < 2)
    return runSerial(job);
  if (c->userPool.run)
    return runOnUserPool(job, c->userPool);
  return c->pool->run(job, c->threads);
}

void record(ingot_context *c, const ingot_rt_site *site, const int64_t *sizes, uint64_t begin,
            uint64_t end) {
  SiteTotals &t = c->totals[site->index];
  t.calls += 1;
  t.nanoseconds += end - begin;
  if (site->cost) {
    int64_t cost[2] = {0, 0};
    site->cost(sizes, cost);
    t.flops += (uint64_t)cost[0];
    t.bytes += (uint64_t)cost[1];
  }
}

ingot_status profile(ingot_context *c, int32_t enable) {
  if (!c)
    return fail(INGOT_INVALID_ARGUMENT, "profile: the context is null");
  if (enable)
    memset(c->totals, 0, c->module->num_sites * sizeof(SiteTotals));
  c->profiling = enable != 0;
  return INGOT_OK;
}

uint32_t profileRows(ingot_context *c, ingot_profile_row *rows, uint32_t capacity) {
  if (!c)
    return 0;
  const ingot_rt_module *m = c->module;
  for (uint32_t i = 0; i < m->num_sites && i < capacity; ++i) {
    const SiteTotals &t = c->totals[i];
    rows[i] = {m->sites[i]->name, m->sites[i]->nodes, t.calls, t.nanoseconds, t.flops, t.bytes};
  }
  return m->num_sites;
}

} // namespace ingot_rt

using namespace ingot_rt;

int32_t ingot_rt_dispatch(ingot_context *c, const ingot_rt_site *site, void *const *buffers,
                          const int64_t *sizes, int64_t grid, int64_t chunk, int64_t scratch) {
  if (grid <= 0)
    return 0;
  if (c->module->device)
    return dispatchOnDevice(c, site, buffers, sizes, grid, chunk);
  if (chunk < 1)
    chunk = 1;
  // At most 2^31 chunks; a multiple of a chunk is as good.
  int64_t chunks = (grid - 1) / chunk + 1;
  if (chunks > INT32_MAX) {
    chunk *= (chunks >> 31) + 1;
    chunks = (grid - 1) / chunk + 1;
  }
  if (scratch > 0 && !growScratch(c, (uint64_t)scratch))
    return fail(INGOT_OUT_OF_MEMORY, "%s: no memory for %lld bytes of scratch of kernel %s (%s)",
                c->module->module->name, (long long)scratch, site->name, site->nodes);
  Job job = {
      site->kernel,     buffers,         sizes, grid, chunk, scratch > 0 ? c->scratch : nullptr,
      c->scratchStride, (uint32_t)chunks};
  int32_t status;
  if (!c->profiling && !c->trace) {
    status = runJob(c, job);
  } else {
    uint64_t begin = nanoseconds();
    status = runJob(c, job);
    uint64_t end = nanoseconds();
    if (c->profiling)
      record(c, site, sizes, begin, end);
    if (c->trace)
      traceEvent(c->trace, site, begin, end, grid, chunk);
  }
  if (status != 0)
    return fail(status, "%s: %s in kernel %s (%s)", c->module->module->name, statusName(status),
                site->name, site->nodes);
  return 0;
}

int32_t ingot_rt_fail(ingot_context *c, int32_t status, const char *message) {
  return fail(status, "%s: %s", c->module->module->name, message);
}
