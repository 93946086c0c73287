// Small parts of the readers: op signatures, shapes and dtypes as users write
// them, constants that are not copied, the CRC.
#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Attributes.h"
#include "compiler/frontend/Crc32c.h"
#include "compiler/frontend/OpDefs.h"
#include "compiler/frontend/Signatures.h"
#include "compiler/frontend/Types.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

namespace {

TEST(OpDefs, KnowsTheEmbeddedOps) {
  OpDefs ops;
  const proto::OpDef *matmul = ops.lookup("MatMul");
  ASSERT_TRUE(matmul);
  ASSERT_EQ(matmul->output_arg_size(), 1);
  EXPECT_EQ(matmul->output_arg(0).name(), "product");
  EXPECT_EQ(ops.lookup("MatMul"), matmul);
  EXPECT_TRUE(ops.lookup("ZipDataset")); // near the end of the list
  EXPECT_FALSE(ops.lookup("NoSuchOp"));
}

TEST(OpDefs, AModelsOwnOpsWin) {
  OpDefs ops;
  proto::OpList list;
  list.add_op()->set_name("MatMul");
  list.add_op()->set_name("MyOp");
  ops.addModelOps(list);
  EXPECT_EQ(ops.lookup("MatMul")->output_arg_size(), 0);
  EXPECT_TRUE(ops.lookup("MyOp"));
}

TEST(Signatures, ParsesShapes) {
  auto dims = parseDims("batchx?x64");
  ASSERT_TRUE(dims);
  ASSERT_EQ(dims->size(), 3u);
  EXPECT_EQ((*dims)[0].name, "batch");
  EXPECT_EQ((*dims)[1].size, -1);
  EXPECT_EQ((*dims)[1].name, "");
  EXPECT_EQ((*dims)[2].size, 64);
  EXPECT_EQ(parseDims("")->size(), 0u);
  for (const char *bad : {"x", "3x", "-1x2", "a b", "3xé", "1x_a", "99999999999999999999"})
    EXPECT_FALSE(parseDims(bad)) << bad;
}

TEST(Types, DtypesGoBothWays) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<graph::GraphDialect>();
  int known = 0;
  for (int dtype = 1; dtype < 140; ++dtype) {
    Type type = elementType(&context, static_cast<proto::DataType>(dtype));
    if (!type)
      continue;
    ++known;
    EXPECT_EQ(dtypeOf(type), dtype);
  }
  EXPECT_EQ(known, 66);
  EXPECT_FALSE(elementType(&context, proto::DT_INVALID));
  EXPECT_FALSE(elementType(&context, static_cast<proto::DataType>(77)));
}

TEST(Types, ElementCountsDoNotOverflow) {
  EXPECT_EQ(checkedNumElements({2, 3}, 4), 6);
  EXPECT_EQ(checkedNumElements({}), 1);
  EXPECT_EQ(checkedNumElements({int64_t(1) << 40, 0, int64_t(1) << 40}), 0);
  EXPECT_FALSE(checkedNumElements({int64_t(1) << 40, int64_t(1) << 40}));
  EXPECT_FALSE(checkedNumElements({int64_t(1) << 60}, 8));
  EXPECT_FALSE(checkedNumElements({-1}));
}

TEST(TensorName, SplitsTheOutputNumber) {
  EXPECT_EQ(TensorName::parse("a/b:2").node, "a/b");
  EXPECT_EQ(TensorName::parse("a/b:2").output, 2);
  EXPECT_EQ(TensorName::parse("a").output, 0);
  EXPECT_EQ(TensorName::parse("a:0").str(), "a");
  EXPECT_EQ(TensorName::parse("a:b").node, "a:b");
}

TEST(Crc32c, MatchesKnownValues) {
  EXPECT_EQ(extendCrc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(extendCrc32c(0, llvm::StringRef("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                                            32)),
            0x8a9136aau);
  EXPECT_EQ(extendCrc32c(extendCrc32c(0, "12345"), "6789"), 0xe3069283u);
}

TEST(Attributes, LargeConstantsPointIntoTheMessage) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<graph::GraphDialect>();
  auto tensor = std::make_shared<proto::TensorProto>();
  tensor->set_dtype(proto::DT_FLOAT);
  tensor->mutable_tensor_shape()->add_dim()->set_size(2048);
  tensor->set_tensor_content(std::string(8192, 'x'));
  const char *bytes = tensor->tensor_content().data();
  AttributeReader reader(&context, tensor);
  auto attr = dyn_cast_or_null<DenseResourceElementsAttr>(reader.readTensor(*tensor, "weights"));
  ASSERT_TRUE(attr);
  ASSERT_TRUE(attr.getRawHandle().getBlob());
  EXPECT_EQ(attr.getRawHandle().getBlob()->getData().data(), bytes);
  // The resource, not the caller, keeps the message alive.
  std::weak_ptr<proto::TensorProto> watch = tensor;
  tensor.reset();
  EXPECT_FALSE(watch.expired());
}

} // namespace
