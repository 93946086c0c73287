// CRC-32C (Castagnoli), which TensorFlow's checkpoints use, and its mask.
#ifndef INGOT_COMPILER_FRONTEND_CRC32C_H
#define INGOT_COMPILER_FRONTEND_CRC32C_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace ingot::frontend {

/// The CRC-32C of `bytes`, continuing from `crc` (0 to begin).
uint32_t extendCrc32c(uint32_t crc, llvm::StringRef bytes);

/// The form in which a checkpoint stores a CRC.
inline uint32_t maskCrc32c(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_CRC32C_H
