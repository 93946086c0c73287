// The CPU's instruction where there is one, else eight table lookups for each
// eight bytes.
#include "compiler/frontend/Crc32c.h"

#include <array>
#include <cstring>

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78; ///< 0x1edc6f41, bits reversed

using Tables = std::array<std::array<uint32_t, 256>, 8>;

Tables makeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    tables[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; ++i)
    for (int k = 1; k < 8; ++k)
      tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
  return tables;
}

uint32_t extendByTable(uint32_t crc, const char *data, size_t size) {
  static const Tables tables = makeTables();
  auto next = [&](uint8_t byte) { crc = (crc >> 8) ^ tables[0][(crc ^ byte) & 0xff]; };
  while (size >= 8) {
    uint32_t low, high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + 4, 4);
    low ^= crc;
    crc = 0;
    for (int i = 0; i < 4; ++i)
      crc ^= tables[7 - i][(low >> (8 * i)) & 0xff] ^ tables[3 - i][(high >> (8 * i)) & 0xff];
    data += 8;
    size -= 8;
  }
  while (size--)
    next(static_cast<uint8_t>(*data++));
  return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) uint32_t extendByInstruction(uint32_t crc, const char *data,
                                                               size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  while (size--)
    crc = __builtin_ia32_crc32qi(crc, *data++);
  return crc;
}
#endif

} // namespace

uint32_t ingot::frontend::extendCrc32c(uint32_t crc, llvm::StringRef bytes) {
  crc = ~crc;
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2"))
    return ~extendByInstruction(crc, bytes.data(), bytes.size());
#endif
  return ~extendByTable(crc, bytes.data(), bytes.size());
}
