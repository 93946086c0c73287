// The training loop against a module made by hand: what reaches the artifact,
// in which order, and what is said about data that does not fit.
#include "training/loop.h"
#include "gtest/gtest.h"
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

using namespace ingot::training;

namespace {

Array floats(std::vector<int64_t> shape, const std::vector<float> &values) {
  Array a;
  a.dtype = INGOT_F32;
  a.shape = std::move(shape);
  a.data.resize(values.size() * 4);
  std::memcpy(a.data.data(), values.data(), a.data.size());
  return a;
}
Array bytesOf(std::vector<int64_t> shape, const std::vector<uint8_t> &values) {
  Array a;
  a.dtype = INGOT_U8;
  a.shape = std::move(shape);
  a.data.assign(values.begin(), values.end());
  return a;
}
std::string temporary(const char *name) { return testing::TempDir() + "ingot_" + name; }

// A module whose `train` reports the mean of its labels and remembers batches.
std::vector<std::vector<int32_t>> batches;
float weight = 1;

ingot_status fakeRun(ingot_context *, uint32_t signature, const ingot_tensor *in,
                     ingot_tensor *out) {
  auto *y = static_cast<const int32_t *>(in[1].data);
  std::vector<int32_t> labels(y, y + in[1].shape[0]);
  float sum = 0;
  for (int32_t v : labels)
    sum += v;
  *static_cast<float *>(out[0].data) = sum / labels.size();
  if (signature == 1)
    *static_cast<float *>(out[1].data) = 0.5f;
  // Rows stay with their labels: x is [2 * y, 2 * y + 1].
  auto *x = static_cast<const float *>(in[0].data);
  for (size_t i = 0; i < labels.size(); ++i)
    if (x[2 * i] != 2 * labels[i] || x[2 * i + 1] != 2 * labels[i] + 1)
      return INGOT_FAILED;
  batches.push_back(labels);
  return INGOT_OK;
}
ingot_status fakeGet(ingot_state *, uint32_t, void *data, size_t bytes) {
  std::memcpy(data, &weight, bytes);
  return INGOT_OK;
}
ingot_status fakeSet(ingot_state *, uint32_t, const void *data, size_t bytes) {
  std::memcpy(&weight, data, bytes);
  return INGOT_OK;
}
const int64_t kXDims[] = {-1, 2}, kYDims[] = {-1};
const char *const kNames[] = {"batch", nullptr};
const ingot_value kInputs[] = {{"image", INGOT_F32, 2, kXDims, kNames, 0, 0},
                               {"y", INGOT_I32, 1, kYDims, kNames, 0, 0}};
const ingot_value kOutputs[] = {{"loss", INGOT_F32, 0, nullptr, nullptr, 0, 0},
                                {"accuracy", INGOT_F32, 0, nullptr, nullptr, 0, 0}};
const ingot_signature kSignatures[] = {{"train", 2, 1, kInputs, kOutputs, 1, 0, kNames},
                                       {"evaluate", 2, 2, kInputs, kOutputs, 1, 0, kNames}};
const ingot_variable kVariables[] = {{"w", INGOT_F32, 0, nullptr, 0, 0}};

class Training : public testing::Test {
protected:
  Training() {
    functions.run = fakeRun;
    functions.message = [] { return "failed"; };
    functions.context_state = [](ingot_context *) -> ingot_state * { return nullptr; };
    functions.state_get = fakeGet;
    functions.state_set = fakeSet;
    module.abi_version = INGOT_ABI_VERSION;
    module.num_signatures = 2;
    module.signatures = kSignatures;
    module.num_variables = 1;
    module.variables = kVariables;
    module.functions = &functions;
    batches.clear();
  }
  Arrays examples(int n) {
    std::vector<float> x;
    std::vector<uint8_t> y;
    for (int i = 0; i < n; ++i) {
      x.push_back(2 * i);
      x.push_back(2 * i + 1);
      y.push_back(i);
    }
    return {{"x", floats({n, 2}, x)}, {"y", bytesOf({n}, y)}};
  }
  ingot_functions functions{};
  ingot_module module{};
};

TEST_F(Training, EveryExampleOnceInASeededOrder) {
  Dataset data;
  std::string error;
  ASSERT_TRUE(Dataset::make(&module, 0, examples(10), data, error))
      << error; // "x" is "image", u8 labels are i32
  Trainer trainer;
  ASSERT_TRUE(Trainer::make(&module, nullptr, trainer, error)) << error;
  Metrics m;
  ASSERT_TRUE(trainer.epoch(data, 4, 3, m, error)) << error;
  EXPECT_DOUBLE_EQ(m.loss, 4.5); // weighted: the last batch has 2 examples
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[2].size(), 2u);
  std::vector<int32_t> order;
  for (auto &b : batches)
    order.insert(order.end(), b.begin(), b.end());
  EXPECT_EQ(std::set<int32_t>(order.begin(), order.end()).size(), 10u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  auto first = batches;
  batches.clear();
  ASSERT_TRUE(trainer.epoch(data, 4, 3, m, error));
  EXPECT_EQ(batches, first);
  batches.clear();
  ASSERT_TRUE(trainer.measure(data, 10, m, error));
  EXPECT_TRUE(std::is_sorted(batches[0].begin(), batches[0].end()));
  EXPECT_EQ(m.accuracy, 0.5);
}
TEST_F(Training, DimensionsOfOneComeAndGo) {
  Arrays arrays = examples(4);
  arrays["y"].shape = {4, 1};
  Dataset data;
  std::string error;
  ASSERT_TRUE(Dataset::make(&module, 0, arrays, data, error)) << error;
  EXPECT_EQ(data.inputs[1].shape, std::vector<int64_t>{4});
}
TEST_F(Training, SaysWhatDoesNotFit) {
  Dataset data;
  std::string error;
  EXPECT_FALSE(Dataset::make(&module, 0, {{"y", bytesOf({2}, {0, 1})}}, data, error));
  EXPECT_EQ(error, "the data has no array 'image' (batchx2); it has y");
  Arrays wrong = examples(3);
  wrong["x"] = floats({3, 1}, {1, 2, 3});
  EXPECT_FALSE(Dataset::make(&module, 0, wrong, data, error));
  EXPECT_EQ(error, "array 'image' is 3x1 of 4-byte elements, the model takes batchx2");
  wrong = examples(3);
  wrong["y"] = bytesOf({2}, {0, 1});
  EXPECT_FALSE(Dataset::make(&module, 0, wrong, data, error));
  EXPECT_EQ(error, "array 'y' has 2 examples, others have 3");
  module.num_signatures = 0;
  Trainer trainer;
  EXPECT_FALSE(Trainer::make(&module, nullptr, trainer, error));
  EXPECT_NE(error.find("no signature 'train'"), std::string::npos);
}
TEST_F(Training, VariablesGoToDiskAndBack) {
  Trainer trainer;
  std::string error, path = temporary("variables.npz");
  ASSERT_TRUE(Trainer::make(&module, nullptr, trainer, error));
  weight = 2.5f;
  Arrays saved, loaded;
  ASSERT_TRUE(trainer.variables(saved, error));
  saved["other"] = bytesOf({2, 3}, {1, 2, 3, 4, 5, 6});
  ASSERT_TRUE(writeArrays(path, saved, error)) << error;
  ASSERT_TRUE(readArrays(path, loaded, error)) << error;
  EXPECT_EQ(loaded["other"].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(loaded["other"].data, saved["other"].data);
  weight = 0;
  EXPECT_FALSE(trainer.setVariables(loaded, error));
  EXPECT_EQ(error, "the artifact has no variable 'other'");
  loaded.erase("other");
  ASSERT_TRUE(trainer.setVariables(loaded, error)) << error;
  EXPECT_EQ(weight, 2.5f);
}
TEST_F(Training, DamagedFilesAreRefused) {
  std::string error, path = temporary("damaged.npz");
  Arrays arrays = examples(5), loaded;
  ASSERT_TRUE(writeArrays(path, arrays, error));
  std::ifstream in(path, std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // Whatever byte is cut or changed: an answer, never a crash.
  for (size_t n = 0; n < whole.size(); n += 3) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, n);
    EXPECT_FALSE(readArrays(path, loaded, error));
    EXPECT_NE(error.find(path), std::string::npos);
    std::string changed = whole;
    changed[n] = static_cast<char>(changed[n] ^ 0xff);
    std::ofstream(path, std::ios::binary) << changed;
    Arrays ignored;
    readArrays(path, ignored, error);
  }
  EXPECT_FALSE(readArrays(temporary("absent.npz"), loaded, error));
}

} // namespace
