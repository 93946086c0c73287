// Calls through the generic ABI: results, checks and their messages, states,
// contexts in several threads.
#include "TestModel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <thread>

using ::testing::HasSubstr;

namespace {

const ingot_module *const m = demoModule();

struct Context {
  ingot_context *handle = nullptr;
  explicit Context(int threads = 1, ingot_state *state = nullptr) {
    ingot_context_options o = {};
    o.struct_size = sizeof o;
    o.threads = threads;
    o.state = state;
    EXPECT_EQ(ingot_context_create(m, &o, &handle), INGOT_OK);
  }
  ~Context() { ingot_context_destroy(m, handle); }
};

std::string message() { return ingot_message(m); }

/// Runs `scale` for a batch; returns z.
std::vector<float> scale(ingot_context *c, int64_t batch) {
  std::vector<float> x(batch * 4), y(batch * 4), z(batch * 4);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = (float)i;
    y[i] = 0.5f;
  }
  ingot_tensor in[] = {tensorOf(x, {batch, 4}), tensorOf(y, {batch, 4})};
  ingot_tensor out[] = {tensorOf(z, {})};
  EXPECT_EQ(ingot_run(m, c, 0, in, out), INGOT_OK) << message();
  EXPECT_EQ(out[0].rank, 2);
  EXPECT_EQ(out[0].shape[0], batch);
  EXPECT_EQ(out[0].shape[1], 4);
  return z;
}

int64_t count(ingot_context *c, int64_t step) {
  std::vector<int64_t> s{step}, now{0};
  ingot_tensor in[] = {tensorOf(s, {})}, out[] = {tensorOf(now, {})};
  EXPECT_EQ(ingot_run(m, c, 1, in, out), INGOT_OK) << message();
  return now[0];
}

TEST(Run, ComputesAtEveryBatchWithEveryThreadCount) {
  for (int threads : {1, 2, 5}) {
    Context c(threads);
    for (int64_t batch : {1, 3, 1000, 0, 32}) {
      std::vector<float> z = scale(c.handle, batch);
      for (size_t i = 0; i < z.size(); ++i)
        ASSERT_EQ(z[i], (float)i * (float)(i % 4 + 1) + 0.5f);
    }
  }
}

TEST(Run, GivesActualShapeOfDataDependentOutput) {
  Context c;
  std::vector<float> x{1, -1, 2, 0, 3};
  std::vector<int64_t> indices(5);
  ingot_tensor in[] = {tensorOf(x, {5})}, out[] = {tensorOf(indices, {})};
  ASSERT_EQ(ingot_output_shapes(m, c.handle, 2, in, out), INGOT_OK);
  EXPECT_EQ(out[0].capacity, 40u);
  EXPECT_EQ(out[0].shape[0], 5);
  ASSERT_EQ(ingot_run(m, c.handle, 2, in, out), INGOT_OK) << message();
  EXPECT_EQ(out[0].shape[0], 3);
  EXPECT_EQ(indices[2], 4);
  out[0].capacity = 32;
  EXPECT_EQ(ingot_run(m, c.handle, 2, in, out), INGOT_CAPACITY);
  EXPECT_THAT(message(), HasSubstr("output 'indices' of 'positive' needs 40"));
}

TEST(Run, RefusesWhatDoesNotFit) {
  Context c;
  std::vector<float> x(12), y(12), z(12);
  auto attempt = [&](ingot_tensor a, ingot_tensor b, ingot_tensor o) {
    ingot_tensor in[] = {a, b}, out[] = {o};
    return ingot_run(m, c.handle, 0, in, out);
  };
  ingot_tensor X = tensorOf(x, {3, 4}), Y = tensorOf(y, {3, 4}), Z = tensorOf(z, {});
  EXPECT_EQ(attempt(X, Y, Z), INGOT_OK);
  EXPECT_EQ(attempt(tensorOf(x, {12}), Y, Z), INGOT_SHAPE_MISMATCH);
  EXPECT_THAT(message(), HasSubstr("input 'x' of 'scale' has rank 1, expected 2 "
                                   "(batchx4xf32)"));
  EXPECT_EQ(attempt(tensorOf(x, {4, 3}), Y, Z), INGOT_SHAPE_MISMATCH);
  EXPECT_THAT(message(), HasSubstr("dimension 1 is 3"));
  EXPECT_EQ(attempt(X, tensorOf(y, {2, 4}), Z), INGOT_SHAPE_MISMATCH);
  EXPECT_THAT(message(), HasSubstr("input 'y' of 'scale': dimension 0 is 2, expected "
                                   "batch = 3 (batch = 3 from input 'x')"));
  EXPECT_EQ(attempt(tensorOf(x, {-3, 4}), Y, Z), INGOT_SHAPE_MISMATCH);
  ingot_tensor wrong = X;
  wrong.dtype = INGOT_I32;
  EXPECT_EQ(attempt(wrong, Y, Z), INGOT_DTYPE_MISMATCH);
  EXPECT_THAT(message(), HasSubstr("has dtype i32, expected f32"));
  wrong = X;
  wrong.data = nullptr;
  EXPECT_EQ(attempt(wrong, Y, Z), INGOT_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("input 'x' of 'scale': data is null"));
  wrong = X;
  wrong.capacity = 40;
  EXPECT_EQ(attempt(wrong, Y, Z), INGOT_CAPACITY);
  wrong = Z;
  wrong.data = nullptr;
  EXPECT_EQ(attempt(X, Y, wrong), INGOT_INVALID_ARGUMENT);
  wrong = Z;
  wrong.capacity = 47;
  EXPECT_EQ(attempt(X, Y, wrong), INGOT_CAPACITY);
  wrong = Z;
  wrong.data = (float *)X.data + 2;
  EXPECT_EQ(attempt(X, Y, wrong), INGOT_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("output 'z' of 'scale' overlaps 'x'"));
}

TEST(Run, RefusesNullAndUnknown) {
  Context c;
  EXPECT_EQ(ingot_run(m, nullptr, 0, nullptr, nullptr), INGOT_INVALID_ARGUMENT);
  EXPECT_EQ(ingot_run(m, c.handle, 0, nullptr, nullptr), INGOT_INVALID_ARGUMENT);
  EXPECT_EQ(ingot_run(m, c.handle, 9, nullptr, nullptr), INGOT_INVALID_ARGUMENT);
  EXPECT_EQ(ingot_context_create(m, nullptr, nullptr), INGOT_INVALID_ARGUMENT);
  ingot_module newer = *m;
  newer.abi_version = 99;
  EXPECT_EQ(ingot_check(&newer), INGOT_VERSION);
  EXPECT_EQ(ingot_check(m), INGOT_OK);
  EXPECT_EQ(ingot_find_signature(m, "gather"), 3);
  EXPECT_EQ(ingot_find_signature(m, "gathe"), -1);
}

TEST(Run, HugeSizesAreRefusedNotComputed) {
  Context c;
  std::vector<float> x(4), z(4);
  ingot_tensor in[] = {tensorOf(x, {INT64_MAX, 4}), tensorOf(x, {INT64_MAX, 4})},
               out[] = {tensorOf(z, {})};
  EXPECT_EQ(ingot_run(m, c.handle, 0, in, out), INGOT_SHAPE_MISMATCH);
}

TEST(Run, KernelFailureNamesKernelAndLowestOneWins) {
  for (int threads : {1, 2, 4}) {
    Context c(threads);
    std::vector<int64_t> indices(4000, 1);
    indices[100] = -7; // another status than the later one
    indices[3000] = 5;
    std::vector<float> v(4000);
    ingot_tensor in[] = {tensorOf(indices, {4000})}, out[] = {tensorOf(v, {})};
    for (int repeat = 0; repeat < 50; ++repeat)
      ASSERT_EQ(ingot_run(m, c.handle, 3, in, out), INGOT_INVALID_ARGUMENT);
    indices[100] = 0;
    EXPECT_EQ(ingot_run(m, c.handle, 3, in, out), INGOT_OUT_OF_RANGE);
    EXPECT_THAT(message(), HasSubstr("demo: an index is out of range in kernel "
                                     "gather (embedding/Gather)"));
    indices[3000] = 0;
    EXPECT_EQ(ingot_run(m, c.handle, 3, in, out), INGOT_OK);
  }
}

TEST(State, VariablesAreKeptCopiedAndReset) {
  ingot_state *state = nullptr;
  ASSERT_EQ(ingot_state_create(m, nullptr, &state), INGOT_OK);
  Context c(1, state);
  EXPECT_EQ(ingot_context_state(m, c.handle), state);
  EXPECT_EQ(count(c.handle, 5), 15);
  EXPECT_EQ(count(c.handle, 5), 20);
  int64_t value = 0;
  EXPECT_EQ(ingot_state_get(m, state, 0, &value, 8), INGOT_OK);
  EXPECT_EQ(value, 20);
  value = 100;
  EXPECT_EQ(ingot_state_set(m, state, 0, &value, 8), INGOT_OK);
  EXPECT_EQ(count(c.handle, 1), 101);
  EXPECT_EQ(ingot_state_set(m, state, 0, &value, 4), INGOT_CAPACITY);
  EXPECT_THAT(message(), HasSubstr("variable 'counter' has 8 bytes"));
  EXPECT_EQ(ingot_state_get(m, state, 1, &value, 8), INGOT_INVALID_ARGUMENT);
  EXPECT_EQ(ingot_state_reset(m, state), INGOT_OK);
  EXPECT_EQ(count(c.handle, 1), 11);
  // A state lives as long as a context uses it.
  ingot_state_destroy(m, state);
  EXPECT_EQ(count(c.handle, 1), 12);
}

TEST(State, StatesAreIndependentAndOfTheirModel) {
  ingot_state *a = nullptr, *foreign = nullptr;
  ASSERT_EQ(ingot_state_create(m, nullptr, &a), INGOT_OK);
  ASSERT_EQ(ingot_state_create(secondModule(), nullptr, &foreign), INGOT_OK);
  Context first(1, a), second(1);
  int64_t before = count(second.handle, 0);
  count(first.handle, 1000);
  EXPECT_EQ(count(second.handle, 0), before);
  ingot_context_options o = {};
  o.struct_size = sizeof o;
  o.state = foreign;
  ingot_context *wrong = nullptr;
  EXPECT_EQ(ingot_context_create(m, &o, &wrong), INGOT_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("belongs to another model"));
  ingot_state_destroy(m, a);
  ingot_state_destroy(secondModule(), foreign);
}

TEST(State, ReadingWhileAnotherCallWritesIsBusy) {
  ingot_state *state = nullptr;
  ASSERT_EQ(ingot_state_create(m, nullptr, &state), INGOT_OK);
  Context writer(1, state), reader(1, state);
  holdCount = 1;
  std::thread t([&] { count(writer.handle, 1); });
  std::vector<float> x(4, 1), y(4, 1), z(4);
  ingot_tensor in[] = {tensorOf(x, {1, 4}), tensorOf(y, {1, 4})}, out[] = {tensorOf(z, {})};
  while (holdCount != 2)
    std::this_thread::yield();
  EXPECT_EQ(ingot_run(m, reader.handle, 0, in, out), INGOT_BUSY);
  EXPECT_THAT(message(), HasSubstr("'scale' reads the state while another "
                                   "call changes it"));
  holdCount = 0;
  t.join();
  EXPECT_EQ(ingot_run(m, reader.handle, 0, in, out), INGOT_OK);
  ingot_state_destroy(m, state);
}

TEST(Context, ManyInManyThreadsOnOneState) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      Context c(t + 1); // one thread, and three that share the pool
      for (int i = 0; i < 300; ++i) {
        std::vector<float> z = scale(c.handle, 1 + (i * 7 + t) % 90);
        for (size_t k = 0; k < z.size(); ++k)
          ASSERT_EQ(z[k], (float)k * (float)(k % 4 + 1) + 0.5f);
      }
    });
  for (auto &t : threads)
    t.join();
}

TEST(Context, ManyWithAPoolOfFiveEach) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([t] {
      for (int round = 0; round < 3; ++round) { // contexts come and go meanwhile
        Context c(5);
        EXPECT_EQ(ingot_profile(m, c.handle, 1), INGOT_OK);
        for (int i = 0; i < 60; ++i) {
          std::vector<float> z = scale(c.handle, 40 + (i * 11 + t) % 60);
          for (size_t k = 0; k < z.size(); ++k)
            ASSERT_EQ(z[k], (float)k * (float)(k % 4 + 1) + 0.5f);
        }
      }
    });
  for (auto &t : threads)
    t.join();
}

/// As `count`, again and again while other calls have the state.
int64_t countWhenFree(ingot_context *c, int64_t step) {
  std::vector<int64_t> s{step}, now{0};
  ingot_tensor in[] = {tensorOf(s, {})}, out[] = {tensorOf(now, {})};
  ingot_status status;
  while ((status = ingot_run(m, c, 1, in, out)) == INGOT_BUSY)
    std::this_thread::yield();
  EXPECT_EQ(status, INGOT_OK) << message();
  return now[0];
}

TEST(State, TrainedByTwoThreadsReadByAThird) {
  ingot_state *state = nullptr;
  ASSERT_EQ(ingot_state_create(m, nullptr, &state), INGOT_OK);
  std::vector<std::thread> threads;
  std::atomic<int> writers{2};
  for (int64_t step : {1, 1000})
    threads.emplace_back([&, step] {
      Context c(2, state);
      int64_t last = 0;
      for (int i = 0; i < 500; ++i) {
        int64_t now = countWhenFree(c.handle, step);
        EXPECT_GE(now, last + step); // no call of the other is lost between
        last = now;
      }
      --writers;
    });
  threads.emplace_back([&] {
    Context c(5, state);
    std::vector<float> x(400, 1), y(400, 1), z(400);
    ingot_tensor in[] = {tensorOf(x, {100, 4}), tensorOf(y, {100, 4})}, out[] = {tensorOf(z, {})};
    while (writers) {
      ingot_status status = ingot_run(m, c.handle, 0, in, out);
      ASSERT_TRUE(status == INGOT_OK || status == INGOT_BUSY) << message();
      int64_t value = 0;
      status = ingot_state_get(m, state, 0, &value, sizeof value);
      ASSERT_TRUE(status == INGOT_OK || status == INGOT_BUSY) << message();
      std::this_thread::yield();
    }
  });
  for (auto &t : threads)
    t.join();
  int64_t value = 0;
  EXPECT_EQ(ingot_state_get(m, state, 0, &value, sizeof value), INGOT_OK);
  EXPECT_EQ(value, 10 + 500 * 1001);
  ingot_state_destroy(m, state);
}

struct Counting {
  int64_t live = 0, calls = 0, refuseAfter = INT64_MAX;
  static void *allocate(void *user, size_t bytes, size_t alignment) {
    auto *self = (Counting *)user;
    if (self->calls++ >= self->refuseAfter)
      return nullptr;
    self->live += (int64_t)bytes;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  }
  static void release(void *user, void *memory, size_t bytes) {
    ((Counting *)user)->live -= (int64_t)bytes;
    free(memory);
  }
};

TEST(Context, UsesTheCallersAllocatorAndSurvivesItsRefusal) {
  for (int64_t allowed = 0; allowed < 5; ++allowed) {
    Counting counting;
    counting.refuseAfter = allowed;
    ingot_allocator allocator = {Counting::allocate, Counting::release, &counting};
    ingot_context_options o = {};
    o.struct_size = sizeof o;
    o.threads = 1;
    o.allocator = &allocator;
    ingot_context *c = nullptr;
    ingot_status status = ingot_context_create(m, &o, &c);
    if (status == INGOT_OK) {
      std::vector<float> x(400), y(400), z(400);
      ingot_tensor in[] = {tensorOf(x, {100, 4}), tensorOf(y, {100, 4})}, out[] = {tensorOf(z, {})};
      status = ingot_run(m, c, 0, in, out);
    }
    // One allocation each for the context, the arena and the scratch.
    EXPECT_EQ(status, allowed < 3 ? INGOT_OUT_OF_MEMORY : INGOT_OK);
    ingot_context_destroy(m, c);
    EXPECT_EQ(counting.live, 0);
  }
}

void runOnThreads(void *user, int32_t workers, void (*task)(void *, int32_t), void *argument) {
  ++*(int *)user;
  std::vector<std::thread> threads;
  for (int32_t w = 0; w < workers; ++w)
    threads.emplace_back(task, argument, w);
  for (auto &t : threads)
    t.join();
}

TEST(Context, UsesTheCallersPool) {
  int calls = 0;
  ingot_thread_pool pool = {runOnThreads, &calls, 3};
  ingot_context_options o = {};
  o.struct_size = sizeof o;
  o.pool = &pool;
  ingot_context *c = nullptr;
  ASSERT_EQ(ingot_context_create(m, &o, &c), INGOT_OK);
  std::vector<float> z = scale(c, 500);
  for (size_t i = 0; i < z.size(); ++i)
    ASSERT_EQ(z[i], (float)i * (float)(i % 4 + 1) + 0.5f);
  EXPECT_EQ(calls, 1);
  ingot_context_destroy(m, c);
}

TEST(Call, TypedCallsShareIdleContexts) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([] {
      for (int64_t batch : {1, 8, 100}) {
        std::vector<float> x(batch * 4, 2), y(batch * 4, 1), z(batch * 4);
        const void *in[] = {x.data(), y.data()};
        void *out[] = {z.data()};
        ASSERT_EQ(ingot_rt_call(m, nullptr, 0, in, out, &batch, nullptr, nullptr), INGOT_OK);
        ASSERT_EQ(z[3], 9);
        in[1] = nullptr;
        ASSERT_EQ(ingot_rt_call(m, nullptr, 0, in, out, &batch, nullptr, nullptr),
                  INGOT_INVALID_ARGUMENT);
        ASSERT_THAT(message(), HasSubstr("input 'y' of 'scale'"));
      }
    });
  for (auto &t : threads)
    t.join();
}

TEST(Call, ReportsSizesOfDataDependentOutputs) {
  std::vector<float> x{1, -1, 2};
  std::vector<int64_t> indices(3);
  const void *in[] = {x.data()};
  void *out[] = {indices.data()};
  int64_t n = 3, capacity = 3, shape = -1;
  int64_t *shapes[] = {&shape};
  EXPECT_EQ(ingot_rt_call(m, nullptr, 2, in, out, &n, &capacity, shapes), INGOT_OK);
  EXPECT_EQ(shape, 2);
  capacity = 2;
  EXPECT_EQ(ingot_rt_call(m, nullptr, 2, in, out, &n, &capacity, shapes), INGOT_CAPACITY);
  n = -1;
  EXPECT_EQ(ingot_rt_call(m, nullptr, 2, in, out, &n, &capacity, shapes), INGOT_SHAPE_MISMATCH);
}

TEST(Profile, CountsCallsTimeAndWork) {
  Context c;
  scale(c.handle, 5);
  EXPECT_EQ(ingot_profile(m, c.handle, 1), INGOT_OK);
  scale(c.handle, 5);
  scale(c.handle, 6);
  EXPECT_EQ(ingot_profile(m, c.handle, 0), INGOT_OK);
  scale(c.handle, 5);
  ingot_profile_row rows[4] = {};
  ASSERT_EQ(ingot_profile_rows(m, c.handle, rows, 4), 4u);
  EXPECT_STREQ(rows[0].kernel, "mul_add");
  EXPECT_STREQ(rows[0].nodes, "dense/Mul");
  EXPECT_EQ(rows[0].calls, 2u);
  EXPECT_EQ(rows[0].flops, 88u);
  EXPECT_EQ(rows[0].bytes, 528u);
  EXPECT_EQ(rows[1].calls, 0u);
}

TEST(Run, DenormalsAreFlushedInsideAndNotAfter) {
  Context c;
  std::vector<float> x{FLT_MIN, 1, 1, 1}, y{-1.5f * FLT_MIN, 0, 0, 0}, z(4);
  ingot_tensor in[] = {tensorOf(x, {1, 4}), tensorOf(y, {1, 4})}, out[] = {tensorOf(z, {})};
  ASSERT_EQ(ingot_run(m, c.handle, 0, in, out), INGOT_OK);
  EXPECT_EQ(z[0], 0); // FLT_MIN * 1 - 1.5 * FLT_MIN is a denormal
  volatile float tiny = FLT_MIN;
  EXPECT_GT(tiny * 0.5f, 0);
}

} // namespace
