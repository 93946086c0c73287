// Whole models on a device: the runtime against a driver whose device is the
// emulator. The driver is loaded by its path, so that the runtime's dlopen of
// libcuda.so.1 finds it.
#include "compiler/Compiler.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <thread>

namespace {

std::unique_ptr<ingot::LoadedModel> load(const std::string &model, const std::string &target,
                                         bool keep = false) {
  ingot::CompileOptions o;
  o.model.path = std::string(INGOT_TEST_MODELS) + "/" + model + "/saved_model";
  o.target = target;
  o.keepWeights = keep;
  o.name = model;
  auto r = ingot::LoadedModel::compile(o, [](const std::string &text) { ADD_FAILURE() << text; });
  EXPECT_TRUE(bool(r));
  return r;
}

/// One call of a signature with rows of x; outputs as bytes, in order.
std::vector<std::vector<char>> call(const ingot_module *m, ingot_context *c, const char *signature,
                                    std::vector<float> x, int64_t columns) {
  int32_t index = ingot_find_signature(m, signature);
  EXPECT_GE(index, 0);
  const ingot_signature &s = m->signatures[index];
  ingot_tensor in = {};
  in.data = x.data();
  in.capacity = x.size() * 4;
  in.dtype = INGOT_F32;
  in.rank = 2;
  in.shape[0] = x.size() / columns;
  in.shape[1] = columns;
  std::vector<ingot_tensor> out(s.num_outputs);
  EXPECT_EQ(m->functions->output_shapes(c, index, &in, out.data()), INGOT_OK) << ingot_message(m);
  std::vector<std::vector<char>> bytes;
  for (ingot_tensor &t : out) {
    bytes.emplace_back(t.capacity);
    t.data = bytes.back().data();
  }
  EXPECT_EQ(m->functions->run(c, index, &in, out.data()), INGOT_OK) << ingot_message(m);
  return bytes;
}

std::vector<float> randoms(size_t n) {
  std::mt19937 g(5);
  std::vector<float> v(n);
  for (float &x : v)
    x = float(int(g() % 2001) - 1000) / 1000.0f;
  return v;
}
template <typename T> std::vector<T> as(const std::vector<char> &bytes) {
  std::vector<T> v(bytes.size() / sizeof(T));
  if (!v.empty())
    std::memcpy(v.data(), bytes.data(), bytes.size());
  return v;
}

struct Context {
  const ingot_module *m;
  ingot_context *c = nullptr;
  Context(const ingot_module *m, ingot_state *state = nullptr) : m(m) {
    ingot_context_options o = {};
    o.struct_size = sizeof o;
    o.state = state;
    EXPECT_EQ(ingot_context_create(m, &o, &c), INGOT_OK) << ingot_message(m);
  }
  ~Context() { ingot_context_destroy(m, c); }
};

class Device : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_NE(dlopen(INGOT_TEST_DRIVER, RTLD_NOW | RTLD_GLOBAL), nullptr) << dlerror();
  }
};

} // namespace

TEST_F(Device, MlpAsOnTheCpu) {
  for (bool keep : {false, true}) {
    auto gpu = load("mlp", "cuda", keep), cpu = load("mlp", "cpu", keep);
    Context onGpu(gpu->module()), onCpu(cpu->module());
    for (int64_t batch : {1, 70, 3, 0}) { // buffers grow and are used again
      SCOPED_TRACE(batch);
      auto x = randoms(batch * 12);
      auto a = as<float>(call(gpu->module(), onGpu.c, "serving_default", x, 12)[0]);
      auto b = as<float>(call(cpu->module(), onCpu.c, "serving_default", x, 12)[0]);
      ASSERT_EQ(a.size(), size_t(batch * 10));
      ASSERT_EQ(a.size(), b.size());
      for (size_t i = 0; i < a.size(); ++i)
        ASSERT_NEAR(a[i], b[i], 1e-5 * (1 + std::fabs(b[i])));
    }
  }
}

TEST_F(Device, VariablesLiveOnTheDevice) {
  auto model = load("counter", "cuda");
  const ingot_module *m = model->module();
  ingot_state *state = nullptr;
  ASSERT_EQ(ingot_state_create(m, nullptr, &state), INGOT_OK) << ingot_message(m);
  {
    Context first(m, state), second(m, state), other(m);
    auto x = randoms(2 * 16);
    auto count = [&](Context &c) {
      for (auto &o : call(m, c.c, "predict", x, 16))
        if (o.size() == 8)
          return as<int64_t>(o)[0];
      return int64_t(-1);
    };
    int64_t start = count(first);
    EXPECT_EQ(count(second), start + 1);
    EXPECT_EQ(count(first), start + 2);
    EXPECT_EQ(count(other), start); // the default state is another one
    ASSERT_EQ(m->num_variables, 1u);
    int64_t value = 0;
    ASSERT_EQ(ingot_state_get(m, state, 0, &value, 8), INGOT_OK) << ingot_message(m);
    EXPECT_EQ(value, start + 2);
    value = 40;
    ASSERT_EQ(ingot_state_set(m, state, 0, &value, 8), INGOT_OK);
    EXPECT_EQ(count(second), 41);
    ASSERT_EQ(ingot_state_reset(m, state), INGOT_OK);
    EXPECT_EQ(count(first), start);
  }
  ingot_state_destroy(m, state);
}

TEST_F(Device, ContextsInSeveralThreads) {
  auto model = load("mlp", "cuda");
  const ingot_module *m = model->module();
  auto x = randoms(5 * 12);
  Context reference(m);
  auto want = call(m, reference.c, "serving_default", x, 12);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      Context c(m);
      for (int i = 0; i < 3; ++i)
        EXPECT_EQ(call(m, c.c, "serving_default", x, 12), want);
    });
  for (std::thread &t : threads)
    t.join();
}

TEST_F(Device, ProfileCountsKernels) {
  auto model = load("mlp", "cuda");
  const ingot_module *m = model->module();
  Context c(m);
  ASSERT_EQ(m->functions->profile(c.c, 1), INGOT_OK);
  call(m, c.c, "serving_default", randoms(12), 12);
  ingot_profile_row rows[8];
  ASSERT_EQ(m->functions->profile_rows(c.c, rows, 8), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rows[i].calls, 1u);
    EXPECT_GT(rows[i].nanoseconds, 0u);
  }
}
