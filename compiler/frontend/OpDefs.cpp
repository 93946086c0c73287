// Scans the embedded op list by hand (a repeated field of length-delimited
// messages), so that a compilation parses only the few dozen ops it uses.
#include "compiler/frontend/OpDefs.h"

#include "llvm/Support/LEB128.h"

using namespace ingot;
using namespace ingot::frontend;

// The bytes of opdefs.pb. INGOT_OPDEFS_PATH comes from CMake.
// clang-format off
__asm__(".section .rodata.ingot_opdefs,\"a\",@progbits\n"
        ".hidden ingotOpDefsBegin\n.hidden ingotOpDefsEnd\n"
        ".globl ingotOpDefsBegin\n.globl ingotOpDefsEnd\n"
        "ingotOpDefsBegin:\n.incbin \"" INGOT_OPDEFS_PATH "\"\n"
        "ingotOpDefsEnd:\n.byte 0\n.previous\n");
// clang-format on
extern "C" {
extern const char ingotOpDefsBegin[];
extern const char ingotOpDefsEnd[];
}

namespace {

constexpr uint8_t kField1Bytes = (1 << 3) | 2; ///< tag of both `op` and `name`

/// Takes one length-delimited field with number 1 off the front of `bytes`.
llvm::StringRef takeField1(llvm::StringRef &bytes) {
  if (bytes.empty() || static_cast<uint8_t>(bytes[0]) != kField1Bytes)
    return {};
  auto *data = reinterpret_cast<const uint8_t *>(bytes.data());
  unsigned count = 0;
  const char *error = nullptr;
  uint64_t size = llvm::decodeULEB128(data + 1, &count, data + bytes.size(), &error);
  if (error || size > bytes.size() - 1 - count)
    return {};
  llvm::StringRef field = bytes.substr(1 + count, size);
  bytes = bytes.drop_front(1 + count + size);
  return field;
}

} // namespace

OpDefs::OpDefs() {
  llvm::StringRef bytes(ingotOpDefsBegin, ingotOpDefsEnd - ingotOpDefsBegin);
  while (!bytes.empty()) {
    llvm::StringRef op = takeField1(bytes);
    if (op.empty())
      break;
    llvm::StringRef rest = op;
    embedded[takeField1(rest)] = op;
  }
}

void OpDefs::addModelOps(const proto::OpList &ops) {
  for (const proto::OpDef &op : ops.op())
    parsed[op.name()] = std::make_unique<proto::OpDef>(op);
}

const proto::OpDef *OpDefs::lookup(llvm::StringRef name) {
  auto known = parsed.find(name);
  if (known != parsed.end())
    return known->second.get();
  auto found = embedded.find(name);
  if (found == embedded.end())
    return nullptr;
  auto op = std::make_unique<proto::OpDef>();
  if (!op->ParseFromArray(found->second.data(), static_cast<int>(found->second.size())))
    return nullptr;
  return (parsed[name] = std::move(op)).get();
}
