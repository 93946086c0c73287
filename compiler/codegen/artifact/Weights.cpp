#include "compiler/codegen/artifact/Weights.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

namespace ingot {

WeightsLayout layoutWeights(const ArtifactSpec &spec) {
  WeightsLayout layout;
  DenseMap<std::pair<const char *, size_t>, uint64_t> seen;
  auto place = [&](StringRef name, ingot_dtype dtype, const std::vector<int64_t> &shape,
                   ArrayRef<char> data) {
    auto [it, isNew] = seen.try_emplace({data.data(), data.size()}, layout.bytes);
    if (isNew && !data.empty()) {
      layout.pieces.push_back({name.str(), dtype, shape, data, layout.bytes});
      layout.bytes = alignTo(layout.bytes + data.size(), 64);
    }
    return it->second;
  };
  for (const ArtifactConstant &c : spec.constants)
    layout.constants.push_back(place(c.name, c.dtype, c.shape, c.data));
  for (const ArtifactVariable &v : spec.variables)
    layout.initial.push_back(v.initial.empty() ? UINT64_MAX
                                               : place(v.name, v.dtype, v.shape, v.initial));
  return layout;
}

static StringRef safetensorsDtype(ingot_dtype dtype) {
  switch (dtype) {
  case INGOT_BOOL:
    return "BOOL";
  case INGOT_I8:
    return "I8";
  case INGOT_I16:
    return "I16";
  case INGOT_I32:
    return "I32";
  case INGOT_I64:
    return "I64";
  case INGOT_U16:
    return "U16";
  case INGOT_U32:
    return "U32";
  case INGOT_U64:
    return "U64";
  case INGOT_F16:
    return "F16";
  case INGOT_BF16:
    return "BF16";
  case INGOT_F32:
  case INGOT_C64:
    return "F32";
  case INGOT_F64:
  case INGOT_C128:
    return "F64";
  default:
    return "U8";
  }
}

std::string makeSafetensorsHeader(const ArtifactSpec &spec, const WeightsLayout &layout) {
  std::string json;
  raw_string_ostream os(json);
  json::OStream j(os);
  StringSet<> taken;
  taken.insert("__metadata__");
  auto unique = [&](StringRef name) {
    std::string candidate = name.empty() ? "constant" : name.str();
    std::string base = candidate;
    for (unsigned n = 2; !taken.insert(candidate).second; ++n)
      candidate = base + "#" + utostr(n);
    return candidate;
  };
  uint64_t hash = 0;
  for (const WeightsPiece &p : layout.pieces)
    hash = hash * 31 + xxh3_64bits(ArrayRef<uint8_t>(
                           reinterpret_cast<const uint8_t *>(p.data.data()), p.data.size()));
  auto tensor = [&](StringRef name, StringRef dtype, const std::vector<int64_t> &shape,
                    uint64_t begin, uint64_t end) {
    j.attributeObject(unique(name), [&] {
      j.attribute("dtype", dtype);
      j.attributeArray("shape", [&] {
        for (int64_t d : shape)
          j.value(d);
      });
      j.attributeArray("data_offsets", [&] {
        j.value(int64_t(begin));
        j.value(int64_t(end));
      });
    });
  };
  j.object([&] {
    j.attributeObject("__metadata__", [&] {
      j.attribute("format", "ingot");
      j.attribute("model", spec.model);
      j.attribute("content", utohexstr(hash));
    });
    for (auto [i, p] : enumerate(layout.pieces)) {
      std::vector<int64_t> shape = p.shape;
      if (p.dtype == INGOT_C64 || p.dtype == INGOT_C128)
        shape.push_back(2);
      uint64_t end = p.offset + p.data.size();
      tensor(p.name, safetensorsDtype(p.dtype), shape, p.offset, end);
      // The format allows no hole, so what aligns is a tensor too.
      uint64_t next = alignTo(end, 64);
      if (next != end)
        tensor("ingot.padding", "U8", {int64_t(next - end)}, end, next);
    }
  });
  json.append(alignTo(json.size() + 8, 4096) - 8 - json.size(), ' ');
  char length[8];
  support::endian::write64le(length, json.size());
  return std::string(length, 8) + json;
}

uint64_t hashHeader(StringRef header) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (unsigned char c : header)
    h = (h ^ c) * 0x100000001b3ull;
  return h;
}

} // namespace ingot
