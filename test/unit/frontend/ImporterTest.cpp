// The importer and station 2 on files that were damaged at random: whatever the
// bytes, there is a module or exactly one message, never a crash. Under the
// sanitizer presets this looks for memory errors.
#include "compiler/frontend/Importer.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Exporter.h"
#include "compiler/frontend/proto/saved_model.pb.h"
#include "compiler/passes/import/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"
#include <fstream>
#include <google/protobuf/text_format.h>
#include <random>

using namespace mlir;
using namespace ingot;

namespace {

/// A loop over a variable-free graph with a function, a branch and a constant.
constexpr const char *kGraph = R"(
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: -1 } dim { size: 3 } } } } }
node { name: "w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 3 } dim { size: 3 } }
    float_val: [1, 2, 3] } } } }
node { name: "enter" op: "Enter" input: "x" attr { key: "T" value { type: DT_FLOAT } }
  attr { key: "frame_name" value { s: "loop" } } }
node { name: "enter_w" op: "Enter" input: "w" attr { key: "T" value { type: DT_FLOAT } }
  attr { key: "frame_name" value { s: "loop" } } attr { key: "is_constant" value { b: true } } }
node { name: "merge" op: "Merge" input: "enter" input: "next"
  attr { key: "N" value { i: 2 } } attr { key: "T" value { type: DT_FLOAT } } }
node { name: "axes" op: "Const" input: "^merge" attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: [0, 1] } } } }
node { name: "sum" op: "Sum" input: "merge" input: "axes" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "finite" op: "IsFinite" input: "sum" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "cond" op: "LoopCond" input: "finite" }
node { name: "switch" op: "Switch" input: "merge" input: "cond" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "call" op: "PartitionedCall" input: "switch:1" input: "enter_w"
  attr { key: "Tin" value { list { type: DT_FLOAT type: DT_FLOAT } } }
  attr { key: "Tout" value { list { type: DT_FLOAT } } } attr { key: "f" value { func { name: "step" } } } }
node { name: "next" op: "NextIteration" input: "call" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "exit" op: "Exit" input: "switch" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "y" op: "Identity" input: "exit" attr { key: "T" value { type: DT_FLOAT } } }
library { function {
  signature { name: "step" input_arg { name: "a" type: DT_FLOAT } input_arg { name: "b" type: DT_FLOAT }
    output_arg { name: "r" type: DT_FLOAT } }
  node_def { name: "m" op: "MatMul" input: "a" input: "b" attr { key: "T" value { type: DT_FLOAT } } }
  ret { key: "r" value: "m:product:0" } } }
versions { producer: 100 }
)";

class ImporterTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> name;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("ingot-import", "pb", name));
    path = name.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove(path); }

  static proto::GraphDef graph() {
    proto::GraphDef graph;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kGraph, &graph));
    return graph;
  }

  /// Imports bytes and makes the result pure. Counts what becomes of them.
  void import(const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    MLIRContext context(MLIRContext::Threading::DISABLED);
    int errors = 0;
    std::string text;
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
      text += diagnostic.str() + "\n";
      return success();
    });
    ImportOptions options;
    options.path = path;
    options.fetches = {"y"};
    auto model = importModel(context, options);
    bool good = succeeded(model) && succeeded(verify(*model->module));
    if (good) {
      good = succeeded(exportGraphDef(*model->module));
      PassManager passes(&context);
      buildSimplifyGraphPipeline(passes);
      good = good && succeeded(passes.run(*model->module));
    }
    EXPECT_EQ(errors, good ? 0 : 1) << text;
    ++(good ? accepted : refused);
  }

  std::string path;
  int accepted = 0, refused = 0;
};

TEST_F(ImporterTest, TheGraphItselfIsGood) {
  import(graph().SerializeAsString());
  EXPECT_EQ(accepted, 1);
}

TEST_F(ImporterTest, DamagedBytes) {
  std::string good = graph().SerializeAsString();
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    std::string bad = good;
    if (i % 4 == 0)
      bad.resize(random() % bad.size());
    else
      for (int k = 0; k < 1 + i % 3; ++k)
        bad[random() % bad.size()] = static_cast<char>(random());
    import(bad);
  }
  EXPECT_GT(refused, 200);
}

TEST_F(ImporterTest, DamagedStructure) {
  std::mt19937 random(2);
  for (int i = 0; i < 400; ++i) {
    proto::GraphDef bad = graph();
    for (int k = 0; k < 1 + i % 3; ++k) {
      proto::NodeDef &node = *bad.mutable_node(random() % bad.node_size());
      const std::string &other = bad.node(random() % bad.node_size()).name();
      switch (random() % 7) {
      case 0:
        node.add_input((random() % 2 ? "^" : "") + other);
        break;
      case 1:
        if (node.input_size() > 0)
          node.set_input(random() % node.input_size(), other + (random() % 2 ? ":1" : ""));
        break;
      case 2:
        if (node.input_size() > 0)
          node.mutable_input()->RemoveLast();
        break;
      case 3:
        node.set_op(bad.node(random() % bad.node_size()).op());
        break;
      case 4:
        if (!node.attr().empty())
          node.mutable_attr()->erase(node.attr().begin()->first);
        break;
      case 5:
        (*node.mutable_attr())["T"].set_type(static_cast<proto::DataType>(random() % 130));
        break;
      case 6:
        bad.mutable_node()->DeleteSubrange(random() % bad.node_size(), 1);
        break;
      }
    }
    import(bad.SerializeAsString());
  }
  EXPECT_GT(refused, 200);
}

} // namespace
