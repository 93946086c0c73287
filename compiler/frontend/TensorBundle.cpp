// See TensorBundle.h. The formats of the index, of strings and of slices are
// those of TensorFlow's tensor_bundle and ordered_code.
#include "compiler/frontend/TensorBundle.h"

#include "compiler/frontend/Attributes.h"
#include "compiler/frontend/Crc32c.h"
#include "compiler/frontend/ModelFiles.h"
#include "compiler/frontend/Types.h"
#include "leveldb/env.h"
#include "leveldb/iterator.h"
#include "leveldb/options.h"
#include "leveldb/table.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/LEB128.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

namespace {

/// A file in memory as LevelDB reads one.
class MemoryFile : public leveldb::RandomAccessFile {
public:
  explicit MemoryFile(llvm::StringRef bytes) : bytes(bytes) {}
  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice *result, char *) const override {
    if (offset > bytes.size() || n > bytes.size() - offset)
      return leveldb::Status::IOError("read past the end");
    *result = leveldb::Slice(bytes.data() + offset, n);
    return leveldb::Status::OK();
  }

private:
  llvm::StringRef bytes;
};

/// Whether the footer's two block handles lie inside the file. LevelDB itself
/// allocates whatever they say.
bool footerIsSane(llvm::StringRef file) {
  constexpr size_t kFooter = 48, kBlockTrailer = 5;
  constexpr uint64_t kMagic = 0xdb4775248b80fb57ull;
  if (file.size() < kFooter)
    return false;
  llvm::StringRef footer = file.take_back(kFooter);
  if (llvm::support::endian::read64le(footer.data() + 40) != kMagic)
    return false;
  auto *at = reinterpret_cast<const uint8_t *>(footer.data());
  const uint8_t *end = at + 40;
  for (int handle = 0; handle < 2; ++handle) {
    uint64_t values[2];
    for (uint64_t &value : values) {
      unsigned count = 0;
      const char *error = nullptr;
      value = llvm::decodeULEB128(at, &count, end, &error);
      if (error)
        return false;
      at += count;
    }
    uint64_t limit = file.size() - kFooter;
    if (values[0] > limit || values[1] > limit - values[0] ||
        kBlockTrailer > limit - values[0] - values[1])
      return false;
  }
  return true;
}

/// The key under which a slice of a partitioned tensor is stored: ordered
/// codes of 0, the name, the rank, and start and length of each dimension.
std::string sliceKey(llvm::StringRef name, const proto::TensorSliceProto &slice) {
  std::string key;
  auto unsignedCode = [&](uint64_t value) {
    std::string bytes;
    for (; value; value >>= 8)
      bytes.insert(bytes.begin(), static_cast<char>(value));
    key += static_cast<char>(bytes.size());
    key += bytes;
  };
  auto signedCode = [&](int64_t value) {
    // The number of bytes is the count of leading ones, then the sign-extended
    // value; one byte holds [-64, 64).
    uint64_t magnitude = value < 0 ? ~value : value;
    int length = 1;
    while (length < 10 && (length * 7 - 1 < 63) && magnitude >> (length * 7 - 1) != 0)
      ++length;
    unsigned char buffer[10];
    for (int i = 0; i < 10; ++i)
      buffer[i] = value < 0 ? 0xff : 0;
    for (int i = 0; i < 8; ++i)
      buffer[9 - i] = static_cast<uint64_t>(value) >> (8 * i);
    unsigned char *begin = buffer + 10 - length;
    static constexpr unsigned char kHeader[][2] = {{0, 0},    {0x80, 0},    {0xc0, 0},   {0xe0, 0},
                                                   {0xf0, 0}, {0xf8, 0},    {0xfc, 0},   {0xfe, 0},
                                                   {0xff, 0}, {0xff, 0x80}, {0xff, 0xc0}};
    begin[0] ^= kHeader[length][0];
    if (length > 1)
      begin[1] ^= kHeader[length][1];
    key.append(reinterpret_cast<char *>(begin), length);
  };
  unsignedCode(0);
  for (char c : name) {
    if (c == 0)
      key.append({0, static_cast<char>(0xff)});
    else if (c == static_cast<char>(0xff))
      key.append({static_cast<char>(0xff), 0});
    else
      key += c;
  }
  key.append({0, 1});
  unsignedCode(slice.extent_size());
  for (const auto &extent : slice.extent()) {
    bool full = extent.has_length_case() == proto::TensorSliceProto::Extent::HAS_LENGTH_NOT_SET;
    signedCode(full ? 0 : extent.start());
    signedCode(full ? -1 : extent.length());
  }
  return key;
}

} // namespace

std::unique_ptr<TensorBundle> TensorBundle::open(llvm::StringRef prefix, MLIRContext *context) {
  std::unique_ptr<TensorBundle> bundle(new TensorBundle(prefix, context));
  if (failed(bundle->readIndex()))
    return nullptr;
  return bundle;
}

LogicalResult TensorBundle::readIndex() {
  Reporter report(context, prefix + ".index");
  auto file = openFile(report.getPath(), report);
  if (!file)
    return failure();
  auto corrupt = [&](const std::string &why) {
    return report.error() << "is not a checkpoint index, or it is truncated "
                             "or corrupt: "
                          << why;
  };
  if (!footerIsSane(file->getBuffer()))
    return corrupt("no table footer");
  MemoryFile memory(file->getBuffer());
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::Table *opened = nullptr;
  leveldb::Status status = leveldb::Table::Open(options, &memory, file->getBufferSize(), &opened);
  std::unique_ptr<leveldb::Table> table(opened);
  if (!status.ok())
    return corrupt(status.ToString());
  leveldb::ReadOptions readOptions;
  readOptions.verify_checksums = true;
  std::unique_ptr<leveldb::Iterator> it(table->NewIterator(readOptions));
  bool sawHeader = false;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    llvm::StringRef key(it->key().data(), it->key().size());
    llvm::StringRef value(it->value().data(), it->value().size());
    if (key.empty()) {
      proto::BundleHeaderProto header;
      if (!parseMessage(value, header))
        return corrupt("bad header");
      if (header.endianness() != proto::BundleHeaderProto::LITTLE)
        return report.error() << "is a big-endian checkpoint, which is not "
                                 "supported";
      numShards = header.num_shards();
      sawHeader = true;
    } else if (!parseMessage(value, entries[key])) {
      return corrupt("bad entry '" + key.str() + "'");
    }
  }
  if (!it->status().ok())
    return corrupt(it->status().ToString());
  if (!sawHeader || numShards <= 0 || numShards > 99999)
    return corrupt("no valid header");
  shards.resize(numShards);
  return success();
}

std::vector<std::string> TensorBundle::keys() const {
  std::vector<std::string> result;
  for (const auto &entry : entries)
    result.push_back(entry.getKey().str());
  llvm::sort(result);
  return result;
}

std::string TensorBundle::shardPath(int shard) const {
  std::string path;
  llvm::raw_string_ostream(path) << prefix << llvm::format(".data-%05d-of-%05d", shard, numShards);
  return path;
}

FailureOr<llvm::StringRef> TensorBundle::bytesOf(llvm::StringRef key,
                                                 const proto::BundleEntryProto &entry,
                                                 std::shared_ptr<const void> &owner) {
  int shard = entry.shard_id();
  if (shard < 0 || shard >= numShards) {
    Reporter(context, prefix + ".index").error()
        << "tensor '" << key << "' is in shard " << shard << " of " << numShards;
    return failure();
  }
  Reporter report(context, shardPath(shard));
  if (!shards[shard]) {
    auto file = openFile(report.getPath(), report);
    if (!file)
      return failure();
    shards[shard] = std::move(file);
  }
  llvm::StringRef all = shards[shard]->getBuffer();
  if (entry.offset() < 0 || entry.size() < 0 ||
      static_cast<uint64_t>(entry.offset()) > all.size() ||
      static_cast<uint64_t>(entry.size()) > all.size() - entry.offset()) {
    report.error() << "is truncated: tensor '" << key << "' needs bytes " << entry.offset()
                   << " to " << entry.offset() + entry.size() << " of " << all.size();
    return failure();
  }
  owner = shards[shard];
  return all.substr(entry.offset(), entry.size());
}

LogicalResult TensorBundle::checkCrc(llvm::StringRef key, uint32_t crc,
                                     const proto::BundleEntryProto &entry) {
  if (maskCrc32c(crc) == entry.crc32c())
    return success();
  return Reporter(context, shardPath(entry.shard_id())).error()
         << "tensor '" << key << "' has a wrong checksum (CRC32C "
         << llvm::utohexstr(maskCrc32c(crc)) << ", expected " << llvm::utohexstr(entry.crc32c())
         << "): the file is corrupt";
}

/// Starts and lengths of a part of a tensor.
struct Part {
  SmallVector<int64_t> start, length;
  int64_t numElements = 1;
};

/// Copies a part between the full tensor and its own dense bytes, row by row (a
/// row is a run of the last dimension).
static void copyPart(const Part &part, ArrayRef<int64_t> shape, int64_t size,
                     llvm::function_ref<void(int64_t full, int64_t own, int64_t bytes)> copy) {
  int64_t rank = shape.size();
  int64_t row = (rank ? part.length[rank - 1] : 1) * size;
  SmallVector<int64_t> index(rank, 0);
  for (int64_t own = 0; own < part.numElements * size; own += row) {
    int64_t full = 0;
    for (int64_t d = 0; d < rank; ++d)
      full = full * shape[d] + part.start[d] + index[d];
    copy(full * size, own, row);
    for (int64_t d = rank - 2; d >= 0 && ++index[d] == part.length[d]; --d)
      index[d] = 0;
  }
}

/// Adds one dimension; false if it is out of range.
static bool addExtent(Part &part, int64_t dim, int64_t start, int64_t length) {
  if (start < 0 || length <= 0 || start > dim || length > dim - start)
    return false;
  part.start.push_back(start);
  part.length.push_back(length);
  part.numElements *= length;
  return true;
}

/// Reads `4 3 0,2:-`.
static std::optional<Part> parsePart(llvm::StringRef text, ArrayRef<int64_t> shape) {
  Part part;
  SmallVector<llvm::StringRef> extents;
  text.rsplit(' ').second.split(extents, ':');
  if (extents.size() != shape.size())
    return std::nullopt;
  for (auto [extent, dim] : llvm::zip(extents, shape)) {
    int64_t start = 0, length = dim;
    auto [first, second] = extent.split(',');
    if (extent != "-" && (first.getAsInteger(10, start) || second.getAsInteger(10, length)))
      return std::nullopt;
    if (!addExtent(part, dim, start, length))
      return std::nullopt;
  }
  return part;
}

FailureOr<ElementsAttr> TensorBundle::read(llvm::StringRef key, llvm::StringRef name,
                                           llvm::StringRef slice) {
  Reporter report(context, prefix + ".index");
  auto found = entries.find(key);
  if (found == entries.end()) {
    report.error() << "holds no tensor '" << key << "'";
    return failure();
  }
  const proto::BundleEntryProto &entry = found->second;
  Type element = elementType(context, entry.dtype());
  int64_t size = dtypeSize(entry.dtype());
  SmallVector<int64_t> dims;
  for (const auto &dim : entry.shape().dim())
    dims.push_back(dim.size());
  auto count = checkedNumElements(dims, std::max<int64_t>(size, 1));
  if (!element || size == 0 || !count) {
    report.error() << "tensor '" << key << "' has dtype " << static_cast<int>(entry.dtype())
                   << " and " << dims.size() << " dimensions, which cannot be read";
    return failure();
  }
  auto type = RankedTensorType::get(dims, element);
  std::shared_ptr<const void> owner;
  ArrayRef<char> bytes;
  if (entry.slices_size() > 0) {
    auto joined = joinSlices(key, entry, type);
    if (failed(joined))
      return failure();
    owner = *joined;
    bytes = **joined;
  } else {
    if (*count * size != entry.size()) {
      report.error() << "tensor '" << key << "' has " << entry.size() << " bytes, its shape needs "
                     << *count * size;
      return failure();
    }
    auto stored = bytesOf(key, entry, owner);
    if (failed(stored) || failed(checkCrc(key, extendCrc32c(0, *stored), entry)))
      return failure();
    bytes = ArrayRef<char>(stored->data(), stored->size());
  }
  if (slice.empty())
    return elementsFromBytes(type, bytes, owner, name);

  auto part = parsePart(slice, dims);
  if (!part) {
    report.error() << "tensor '" << key << "' has no part '" << slice << "'";
    return failure();
  }
  std::string own(part->numElements * size, '\0');
  copyPart(*part, dims, size, [&](int64_t full, int64_t to, int64_t n) {
    std::memcpy(own.data() + to, bytes.data() + full, n);
  });
  return elementsFromBytes(RankedTensorType::get(part->length, element),
                           ArrayRef<char>(own.data(), own.size()), nullptr, name);
}

FailureOr<std::shared_ptr<std::string>>
TensorBundle::joinSlices(llvm::StringRef key, const proto::BundleEntryProto &entry,
                         RankedTensorType type) {
  Reporter report(context, prefix + ".index");
  int64_t rank = type.getRank();
  int64_t size = dtypeSize(entry.dtype());
  // A sliced entry has no bytes of its own: bound what is allocated for it.
  int64_t stored = 0;
  for (const auto &slice : entry.slices()) {
    auto part = entries.find(sliceKey(key, slice));
    if (part == entries.end() || slice.extent_size() != rank || part->second.size() < 0) {
      report.error() << "lacks a slice of the partitioned tensor '" << key << "'";
      return failure();
    }
    stored += part->second.size();
  }
  if (stored != type.getNumElements() * size) {
    report.error() << "the slices of tensor '" << key << "' have " << stored
                   << " bytes, its shape needs " << type.getNumElements() * size;
    return failure();
  }
  auto all = std::make_shared<std::string>(stored, '\0');
  for (const auto &slice : entry.slices()) {
    const auto &stored = entries.find(sliceKey(key, slice))->second;
    std::shared_ptr<const void> owner;
    auto bytes = bytesOf(key, stored, owner);
    if (failed(bytes) || failed(checkCrc(key, extendCrc32c(0, *bytes), stored)))
      return failure();
    Part part;
    bool valid = true;
    for (int64_t d = 0; d < rank; ++d) {
      const auto &extent = slice.extent(d);
      bool full = extent.has_length_case() == proto::TensorSliceProto::Extent::HAS_LENGTH_NOT_SET;
      valid &= addExtent(part, type.getDimSize(d), full ? 0 : extent.start(),
                         full ? type.getDimSize(d) : extent.length());
    }
    if (!valid || part.numElements * size != stored.size()) {
      report.error() << "a slice of tensor '" << key << "' is out of range";
      return failure();
    }
    copyPart(part, type.getShape(), size, [&](int64_t to, int64_t from, int64_t n) {
      std::memcpy(all->data() + to, bytes->data() + from, n);
    });
  }
  return all;
}

FailureOr<std::string> TensorBundle::readString(llvm::StringRef key) {
  Reporter report(context, prefix + ".index");
  auto found = entries.find(key);
  if (found == entries.end() || found->second.dtype() != proto::DT_STRING ||
      found->second.shape().dim_size() != 0) {
    report.error() << "holds no string '" << key << "'";
    return failure();
  }
  const proto::BundleEntryProto &entry = found->second;
  std::shared_ptr<const void> owner;
  auto bytes = bytesOf(key, entry, owner);
  if (failed(bytes))
    return failure();
  // varint length, masked CRC of the length as a fixed number, bytes. The
  // tensor's CRC covers the fixed length, that CRC and the bytes.
  auto *begin = reinterpret_cast<const uint8_t *>(bytes->data());
  unsigned count = 0;
  const char *error = nullptr;
  uint64_t length = llvm::decodeULEB128(begin, &count, begin + bytes->size(), &error);
  if (error || bytes->size() < count + 4 || length != bytes->size() - count - 4) {
    Reporter(context, shardPath(entry.shard_id())).error()
        << "tensor '" << key << "' is not a valid string: the file is corrupt";
    return failure();
  }
  char fixed[8];
  llvm::support::endian::write64le(fixed, length);
  uint32_t crc = extendCrc32c(0, llvm::StringRef(fixed, length <= UINT32_MAX ? 4 : 8));
  crc = extendCrc32c(crc, bytes->substr(count));
  if (failed(checkCrc(key, crc, entry)))
    return failure();
  return bytes->substr(count + 4).str();
}
