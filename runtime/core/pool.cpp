// See pool.h. The order of memory operations is explained where it matters.
#include "pool.h"

#include <sched.h>
#include <stdlib.h>

namespace ingot_rt {

/// Rounds of `pause` before a thread sleeps: 20 to 60 us, more than the gap
/// between two dispatches and less than a time slice.
static constexpr int spinRounds = 1500;

static constexpr uint64_t chunksMask = 0xffffffffu;

static uint32_t chunksLeft(uint64_t ticket) { return ticket & chunksMask; }
static int32_t workersAllowed(uint64_t ticket) { return (int32_t)(ticket >> 32 & 0xfff); }

void Team::open(const Job &newJob, int32_t workers) {
  job = newJob;
  failure.store(UINT64_MAX);
  pending.store(newJob.chunks);
  uint64_t generation = (ticket.load() >> 44) + 1;
  ticket.store(generation << 44 | (uint64_t)workers << 32 | newJob.chunks);
}

bool Team::hasWork(int32_t worker) const {
  uint64_t t = ticket.load();
  return chunksLeft(t) != 0 && worker < workersAllowed(t);
}

void Team::work(int32_t worker) {
  uint64_t t = ticket.loadAcquire();
  for (;;) {
    uint32_t left = chunksLeft(t);
    int32_t workers = workersAllowed(t);
    if (left == 0 || worker >= workers)
      return;
    // Guided: large ranges first, so that a kernel reuses what it streams,
    // single chunks at the end, so that all finish together.
    uint32_t take = maximum(1u, left / (2u * (uint32_t)workers));
    if (!ticket.swapIf(t, t - take))
      continue;
    uint32_t first = job.chunks - left;
    int64_t lo = (int64_t)first * job.chunk;
    int64_t hi = minimum(job.grid, (int64_t)(first + take) * job.chunk);
    void *scratch = job.scratch ? job.scratch + worker * job.scratchStride : nullptr;
    int32_t status = job.kernel(job.buffers, job.sizes, lo, hi, scratch);
    if (status != 0) {
      uint64_t mine = (uint64_t)first << 32 | (uint32_t)status;
      uint64_t lowest = failure.load();
      while (mine < lowest && !failure.swapIf(lowest, mine))
        ;
    }
    // The last access to the job: after the final decrement it may be gone.
    // The pair (pending, callerWaits) is sequentially consistent on both
    // sides, so either the caller sees zero or we see that it waits.
    if (pending.sub(take) == take && callerWaits.load())
      futexWake(pending, 1);
    t = ticket.loadAcquire();
  }
}

int32_t Team::close() {
  for (int spin = 0; pending.loadAcquire() != 0; ++spin) {
    if (spin < spinRounds) {
      pause();
      continue;
    }
    callerWaits.store(1);
    uint32_t left = pending.load();
    if (left != 0)
      futexWait(pending, left);
    callerWaits.store(0);
  }
  uint64_t f = failure.load();
  return f == UINT64_MAX ? 0 : (int32_t)(f & chunksMask);
}

namespace {
struct WorkerStart {
  Pool *pool;
  int32_t worker;
};
} // namespace

static void *workerMain(void *argument) {
  WorkerStart start = *(WorkerStart *)argument;
  free(argument);
  Pool &pool = *start.pool;
  flushDenormals();
  int spin = 0;
  while (!pool.stopping.loadAcquire()) {
    if (pool.team.hasWork(start.worker)) {
      pool.team.work(start.worker);
      spin = 0;
      continue;
    }
    if (++spin < spinRounds) {
      pause();
      continue;
    }
    // A caller opens the team first and looks at `sleepers` then; we announce
    // ourselves first and look at the team then: one sees the other.
    uint32_t seen = pool.wakes.load();
    pool.sleepers.add(1);
    if (!pool.team.hasWork(start.worker) && !pool.stopping.load())
      futexWait(pool.wakes, seen);
    pool.sleepers.sub(1);
    spin = 0;
  }
  return nullptr;
}

void Pool::grow(int32_t workers) {
  pthread_mutex_lock(&growth);
  owner = getpid();
  while (threads < minimum(workers, maxThreads) - 1) {
    auto *start = (WorkerStart *)malloc(sizeof(WorkerStart));
    if (!start)
      break;
    *start = {this, threads + 1};
    if (pthread_create(&handles[threads], nullptr, workerMain, start) != 0) {
      free(start);
      break;
    }
    ++threads;
  }
  pthread_mutex_unlock(&growth);
}

int32_t Pool::run(const Job &job, int32_t workers) {
  uint32_t idle = 0;
  if (!busy.swapIf(idle, 1))
    return runSerial(job);
  team.open(job, workers);
  if (sleepers.load() != 0) {
    wakes.add(1);
    futexWake(wakes, INT_MAX);
  }
  team.work(0);
  int32_t status = team.close();
  busy.store(0);
  return status;
}

void Pool::stop() {
  pthread_mutex_lock(&growth);
  stopping.store(1);
  wakes.add(1);
  futexWake(wakes, INT_MAX);
  // Threads do not survive a fork; a child has none to join.
  if (owner == getpid())
    for (int32_t i = 0; i < threads; ++i)
      pthread_join(handles[i], nullptr);
  threads = 0;
  stopping.store(0);
  pthread_mutex_unlock(&growth);
}

int32_t runSerial(const Job &job) {
  return job.kernel(job.buffers, job.sizes, 0, job.grid, job.scratch);
}

static void userTask(void *argument, int32_t worker) {
  uint64_t saved = flushDenormals();
  ((Team *)argument)->work(worker);
  restoreDenormals(saved);
}

int32_t runOnUserPool(const Job &job, const ingot_thread_pool &pool) {
  Team team = {};
  team.open(job, pool.workers);
  pool.run(pool.user, pool.workers, userTask, &team);
  // A pool that did not call every worker still leaves a complete result.
  team.work(0);
  return team.close();
}

static int32_t processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int32_t count = 0;
    for (size_t i = 0; i < sizeof set / sizeof(unsigned long); ++i)
      count += __builtin_popcountl(((const unsigned long *)&set)[i]);
    if (count > 0)
      return count;
  }
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int32_t)online : 1;
}

int32_t chooseThreads(int32_t requested) {
  if (requested <= 0)
    if (const char *text = getenv("INGOT_NUM_THREADS"))
      requested = atoi(text);
  if (requested <= 0)
    requested = processors();
  return minimum(requested, maxThreads);
}

} // namespace ingot_rt
