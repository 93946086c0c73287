// INGOT_TRACE: the file is what trace viewers read, and names kernels.
#include "TestModel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

using ::testing::HasSubstr;

TEST(Trace, OneEventForEachCallAndDispatch) {
  std::string path = testing::TempDir() + "/ingot_trace_test.json";
  {
    std::ofstream old(path);
    old << "left by another process";
  }
  setenv("INGOT_TRACE", path.c_str(), 1);
  const ingot_module *m = demoModule();
  ingot_context_options o = {};
  o.struct_size = sizeof o;
  o.threads = 1;
  for (int i = 0; i < 2; ++i) { // the second context appends
    ingot_context *c = nullptr;
    ASSERT_EQ(ingot_context_create(m, &o, &c), INGOT_OK);
    std::vector<float> x(8), y(8), z(8);
    ingot_tensor in[] = {tensorOf(x, {2, 4}), tensorOf(y, {2, 4})}, out[] = {tensorOf(z, {})};
    ASSERT_EQ(ingot_run(m, c, 0, in, out), INGOT_OK);
    ingot_context_destroy(m, c);
  }
  unsetenv("INGOT_TRACE");
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), testing::StartsWith("[\n{\"name\":\"process_name\""));
  EXPECT_THAT(text.str(), HasSubstr("\"name\":\"mul_add\",\"cat\":\"kernel\""));
  EXPECT_THAT(text.str(), HasSubstr("\"nodes\":\"dense/Mul\",\"grid\":2,\"chunk\":3"));
  size_t runs = 0;
  for (size_t at = 0; (at = text.str().find("\"cat\":\"run\"", at)) != std::string::npos; ++at)
    ++runs;
  EXPECT_EQ(runs, 2u);
  remove(path.c_str());
}
