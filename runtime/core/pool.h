// A work-sharing pool of pthreads on futexes. Ranges of a job are taken from
// one atomic ticket; the caller works too and waits until all chunks are done,
// never for a worker that took none, so a missing or late worker (a busy
// machine, a forked child) costs speed and nothing else.
#ifndef INGOT_RUNTIME_CORE_POOL_H
#define INGOT_RUNTIME_CORE_POOL_H

#include "abi_internal.h"
#include "platform.h"

#include <pthread.h>

namespace ingot_rt {

constexpr int32_t maxThreads = 512;

/// One parallel loop over the grid of a kernel.
struct Job {
  ingot_rt_kernel *kernel;
  void *const *buffers;
  const int64_t *sizes;
  int64_t grid, chunk;
  char *scratch; ///< null, or one part of `scratchStride` bytes a worker
  uint64_t scratchStride;
  uint32_t chunks;
};

/// Hands out the chunks of one job at a time.
struct Team {
  /// generation (20 bits) | workers allowed (12 bits) | chunks left (32 bits).
  /// Whoever lowers the chunks owns those taken, and only then may it read
  /// `job`: the caller cannot leave before they are done.
  Atomic<uint64_t> ticket;
  Atomic<uint32_t> pending;     ///< chunks not yet done
  Atomic<uint32_t> callerWaits; ///< the caller sleeps on `pending`
  /// Lowest failing chunk << 32 | its status; all ones if none failed.
  Atomic<uint64_t> failure;
  Job job;

  /// Opens the team for `newJob` with up to `workers` workers.
  void open(const Job &newJob, int32_t workers);
  /// Takes chunks until none is left; `worker` numbers the scratch part.
  void work(int32_t worker);
  /// True if there is something to take for `worker`.
  bool hasWork(int32_t worker) const;
  /// Waits for the chunks that others took; returns the job's status.
  int32_t close();
};

/// Threads that serve a team. Zero-filled memory is a pool without threads.
struct Pool {
  Team team;
  Atomic<uint32_t> busy;     ///< a caller owns the team
  Atomic<uint32_t> wakes;    ///< changes whenever sleepers shall look again
  Atomic<uint32_t> sleepers; ///< workers that sleep or are about to
  Atomic<uint32_t> stopping;
  pthread_mutex_t growth; ///< held while threads are started or stopped
  int32_t threads;        ///< started so far
  int32_t owner;          ///< process that started them
  pthread_t handles[maxThreads];

  /// Starts threads until there are `workers` - 1, or as many as the system
  /// allows. Not called while a job runs only for speed: it may be.
  void grow(int32_t workers);
  /// Runs the job with up to `workers` threads, the caller's included; in the
  /// caller's thread alone when another caller has the pool.
  int32_t run(const Job &job, int32_t workers);
  /// Stops and joins all threads.
  void stop();
};

/// Runs a job in this thread.
int32_t runSerial(const Job &job);
/// Runs a job on a pool of the user.
int32_t runOnUserPool(const Job &job, const ingot_thread_pool &pool);
/// Threads of a context that asks for `requested` (0: the environment decides).
int32_t chooseThreads(int32_t requested);

} // namespace ingot_rt

#endif // INGOT_RUNTIME_CORE_POOL_H
