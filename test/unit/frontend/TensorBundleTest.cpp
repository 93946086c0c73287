// Checkpoints written here with LevelDB's own table builder: shards, parts,
// strings, and each way in which a file can be broken.
#include "compiler/frontend/TensorBundle.h"

#include "compiler/frontend/Crc32c.h"
#include "leveldb/env.h"
#include "leveldb/options.h"
#include "leveldb/table_builder.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <fstream>
#include <map>

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

namespace {

class TensorBundleTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("ingot-bundle", path));
    directory = path.str().str();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      ++numErrors;
      return success();
    });
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  std::string prefix() const { return directory + "/variables"; }
  std::string shard(int i) const {
    return prefix() + ".data-0000" + std::to_string(i) + "-of-00002";
  }

  proto::BundleEntryProto &add(const std::string &key, proto::DataType dtype,
                               std::vector<int64_t> shape, int shardId, const std::string &bytes) {
    proto::BundleEntryProto &entry = entries[key];
    entry.set_dtype(dtype);
    for (int64_t dim : shape)
      entry.mutable_shape()->add_dim()->set_size(dim);
    entry.set_shard_id(shardId);
    entry.set_offset(data[shardId].size());
    entry.set_size(bytes.size());
    entry.set_crc32c(maskCrc32c(extendCrc32c(0, bytes)));
    data[shardId] += bytes;
    return entry;
  }

  void write() {
    for (int i = 0; i < 2; ++i)
      std::ofstream(shard(i), std::ios::binary) << data[i];
    leveldb::WritableFile *file = nullptr;
    ASSERT_TRUE(leveldb::Env::Default()->NewWritableFile(prefix() + ".index", &file).ok());
    leveldb::Options options;
    options.compression = leveldb::kNoCompression;
    leveldb::TableBuilder builder(options, file);
    proto::BundleHeaderProto header;
    header.set_num_shards(2);
    builder.Add("", header.SerializeAsString());
    for (const auto &[key, entry] : entries)
      builder.Add(key, entry.SerializeAsString());
    ASSERT_TRUE(builder.Finish().ok());
    ASSERT_TRUE(file->Close().ok());
    delete file;
  }

  static std::string floats(std::vector<float> values) {
    return {reinterpret_cast<const char *>(values.data()), values.size() * 4};
  }

  void expectOneError(llvm::StringRef part) {
    EXPECT_EQ(numErrors, 1);
    EXPECT_TRUE(llvm::StringRef(message).contains(part)) << message;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string directory, message;
  int numErrors = 0;
  std::map<std::string, proto::BundleEntryProto> entries;
  std::string data[2];
};

TEST_F(TensorBundleTest, ReadsShards) {
  add("a", proto::DT_FLOAT, {2}, 0, floats({1, 2}));
  add("b", proto::DT_INT64, {}, 1, std::string("\x05\0\0\0\0\0\0\0", 8));
  add("c", proto::DT_BFLOAT16, {2}, 1, std::string("\x80\x3f\0\x40", 4));
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  EXPECT_EQ(bundle->keys(), (std::vector<std::string>{"a", "b", "c"}));
  auto a = bundle->read("a", "a");
  ASSERT_TRUE(succeeded(a));
  EXPECT_EQ(*a,
            ElementsAttr(DenseElementsAttr::get(
                RankedTensorType::get({2}, Float32Type::get(&context)), ArrayRef<float>{1, 2})));
  auto b = bundle->read("b", "b");
  ASSERT_TRUE(succeeded(b));
  EXPECT_EQ((*b).getValues<int64_t>()[0], 5);
  auto c = bundle->read("c", "c");
  ASSERT_TRUE(succeeded(c));
  EXPECT_EQ((*c).getValues<APFloat>()[1].convertToFloat(), 2.0f);
  EXPECT_EQ(numErrors, 0);
}

TEST_F(TensorBundleTest, ReadsAPartOfATensor) {
  add("m", proto::DT_FLOAT, {3, 2}, 0, floats({1, 2, 3, 4, 5, 6}));
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  auto rows = bundle->read("m", "m", "3 2 1,2:-");
  ASSERT_TRUE(succeeded(rows));
  EXPECT_EQ(llvm::to_vector((*rows).getValues<float>()), (SmallVector<float>{3, 4, 5, 6}));
  auto column = bundle->read("m", "m", "3 2 0,3:1,1");
  ASSERT_TRUE(succeeded(column));
  EXPECT_EQ(llvm::to_vector((*column).getValues<float>()), (SmallVector<float>{2, 4, 6}));
  EXPECT_TRUE(failed(bundle->read("m", "m", "3 2 2,2:-")));
  expectOneError("tensor 'm' has no part '3 2 2,2:-'");
}

TEST_F(TensorBundleTest, ReadsAString) {
  std::string length("\x03\0\0\0", 4);
  uint32_t lengthCrc = maskCrc32c(extendCrc32c(0, length));
  std::string crc(reinterpret_cast<char *>(&lengthCrc), 4);
  proto::BundleEntryProto &entry = add("s", proto::DT_STRING, {}, 0, "\x03" + crc + "abc");
  entry.set_crc32c(maskCrc32c(extendCrc32c(0, length + crc + "abc")));
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  auto text = bundle->readString("s");
  ASSERT_TRUE(succeeded(text));
  EXPECT_EQ(*text, "abc");
}

TEST_F(TensorBundleTest, WrongChecksum) {
  add("a", proto::DT_FLOAT, {2}, 1, floats({1, 2}));
  data[1][3] ^= 1;
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(failed(bundle->read("a", "a")));
  expectOneError("data-00001-of-00002: tensor 'a' has a wrong checksum");
}

TEST_F(TensorBundleTest, MissingShard) {
  add("a", proto::DT_FLOAT, {2}, 1, floats({1, 2}));
  write();
  llvm::sys::fs::remove(shard(1));
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(failed(bundle->read("a", "a")));
  expectOneError("data-00001-of-00002: cannot be read: No such file");
}

TEST_F(TensorBundleTest, TruncatedShard) {
  add("a", proto::DT_FLOAT, {2}, 1, floats({1, 2}));
  data[1].resize(5);
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(failed(bundle->read("a", "a")));
  expectOneError("is truncated: tensor 'a' needs bytes 0 to 8 of 5");
}

TEST_F(TensorBundleTest, WrongSizesAndShapes) {
  add("a", proto::DT_FLOAT, {3}, 0, floats({1, 2}));
  add("h", proto::DT_FLOAT, {int64_t(1) << 40, int64_t(1) << 40}, 0, "");
  add("s", proto::DT_FLOAT, {0}, 0, "").set_shard_id(7);
  write();
  auto bundle = TensorBundle::open(prefix(), &context);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(failed(bundle->read("a", "a")));
  EXPECT_TRUE(llvm::StringRef(message).contains("has 8 bytes, its shape needs 12"));
  EXPECT_TRUE(failed(bundle->read("h", "h")));
  EXPECT_TRUE(llvm::StringRef(message).contains("cannot be read"));
  EXPECT_TRUE(failed(bundle->read("s", "s")));
  EXPECT_TRUE(llvm::StringRef(message).contains("is in shard 7 of 2"));
  EXPECT_TRUE(failed(bundle->read("nobody", "n")));
  EXPECT_TRUE(llvm::StringRef(message).contains("holds no tensor 'nobody'"));
}

TEST_F(TensorBundleTest, BrokenIndex) {
  add("a", proto::DT_FLOAT, {2}, 0, floats({1, 2}));
  write();
  std::ifstream in(prefix() + ".index", std::ios::binary);
  std::string good((std::istreambuf_iterator<char>(in)), {});
  for (size_t i = 0; i <= good.size(); ++i) {
    std::string bad = good;
    if (i < good.size())
      bad[i] ^= 0x55;
    else
      bad.resize(good.size() - 1);
    std::ofstream(prefix() + ".index", std::ios::binary) << bad;
    numErrors = 0;
    auto bundle = TensorBundle::open(prefix(), &context);
    // Only unused bytes of the footer may change without notice.
    EXPECT_EQ(numErrors, bundle ? 0 : 1) << "byte " << i;
    EXPECT_TRUE(!bundle || bundle->contains("a")) << "byte " << i;
  }
}

} // namespace
