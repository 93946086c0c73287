// The pool alone: every chunk exactly once, at multiples of the chunk, for any
// number of workers, also when callers compete and after a fork.
#include "runtime/core/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <vector>

using namespace ingot_rt;

namespace {

/// buffers[0]: a counter for each unit.
int32_t touch(void *const *buffers, const int64_t *sizes, int64_t lo, int64_t hi, void *scratch) {
  auto *counts = (std::atomic<int> *)buffers[0];
  int64_t chunk = sizes[0], grid = sizes[1];
  if (lo % chunk || (hi % chunk && hi != grid) || lo >= hi)
    return 77;
  if (scratch) // private: nobody else writes here meanwhile
    for (int round = 0; round < 3; ++round) {
      *(volatile int64_t *)scratch = lo;
      std::this_thread::yield();
      if (*(volatile int64_t *)scratch != lo)
        return 78;
    }
  for (int64_t i = lo; i < hi; ++i)
    ++counts[i];
  return 0;
}

struct PoolHolder {
  Pool *pool;
  PoolHolder() : pool((Pool *)calloc(1, sizeof(Pool))) {
    pthread_mutex_init(&pool->growth, nullptr);
  }
  ~PoolHolder() {
    pool->stop();
    free(pool);
  }
};

void checkJob(Pool &pool, int64_t grid, int64_t chunk, int32_t workers) {
  std::vector<std::atomic<int>> counts(grid);
  std::vector<char> scratch(128 * workers);
  void *buffers[] = {counts.data()};
  int64_t sizes[] = {chunk, grid};
  Job job = {touch, buffers,        sizes, grid,
             chunk, scratch.data(), 128,   (uint32_t)((grid + chunk - 1) / chunk)};
  ASSERT_EQ(pool.run(job, workers), 0);
  for (auto &c : counts)
    ASSERT_EQ(c.load(), 1);
}

TEST(Pool, EveryChunkOnce) {
  PoolHolder p;
  p.pool->grow(5);
  for (int32_t workers : {2, 3, 5})
    for (int64_t grid : {1, 2, 7, 64, 1000})
      for (int64_t chunk : {1, 3, 16})
        checkJob(*p.pool, grid, chunk, workers);
}

TEST(Pool, ManyJobsBackToBackAndAfterSleep) {
  PoolHolder p;
  p.pool->grow(3);
  for (int i = 0; i < 2000; ++i) {
    checkJob(*p.pool, 1 + i % 40, 1 + i % 3, 3);
    if (i % 200 == 0) // long enough for the workers to sleep
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(Pool, CompetingCallersBothFinish) {
  PoolHolder p;
  p.pool->grow(3);
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t)
    callers.emplace_back([&] {
      for (int i = 0; i < 300; ++i)
        checkJob(*p.pool, 100, 7, 3);
    });
  for (auto &c : callers)
    c.join();
}

TEST(Pool, WithoutThreadsTheCallerDoesAll) {
  PoolHolder p;
  checkJob(*p.pool, 100, 7, 4);
}

TEST(Pool, WorksInAForkedChild) {
  PoolHolder p;
  p.pool->grow(3);
  checkJob(*p.pool, 100, 7, 3);
  pid_t child = fork();
  if (child == 0) {
    std::vector<std::atomic<int>> counts(100);
    void *buffers[] = {counts.data()};
    int64_t sizes[] = {7, 100};
    Job job = {touch, buffers, sizes, 100, 7, nullptr, 0, 15};
    bool good = p.pool->run(job, 3) == 0;
    for (auto &c : counts)
      good &= c.load() == 1;
    p.pool->stop();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Pool, CanBeStoppedAndGrownAgain) {
  PoolHolder p;
  for (int i = 0; i < 5; ++i) {
    p.pool->grow(4);
    checkJob(*p.pool, 50, 1, 4);
    p.pool->stop();
  }
}

} // namespace
