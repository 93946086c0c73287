// Where constants and initial values lie: one block of bytes, each on a 64-byte
// boundary, embedded as a section or written as a safetensors file.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_WEIGHTS_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_WEIGHTS_H

#include "compiler/codegen/artifact/Artifact.h"

namespace ingot {

/// One piece of the block. Equal addresses share a piece.
struct WeightsPiece {
  std::string name;
  ingot_dtype dtype;
  std::vector<int64_t> shape;
  llvm::ArrayRef<char> data;
  uint64_t offset;
};

struct WeightsLayout {
  std::vector<WeightsPiece> pieces; ///< by offset
  std::vector<uint64_t> constants;  ///< offset of each constant
  std::vector<uint64_t> initial;    ///< of each variable; UINT64_MAX: zeros
  uint64_t bytes = 0;
};

WeightsLayout layoutWeights(const ArtifactSpec &spec);

/// The header of the side file: its length in 8 bytes, then JSON, padded so
/// that the weights begin on a page. It holds a hash of the weights, so that
/// the file of another version of a model has another header.
std::string makeSafetensorsHeader(const ArtifactSpec &spec, const WeightsLayout &layout);

/// FNV-1a, as the runtime checks the header with it.
uint64_t hashHeader(llvm::StringRef header);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_WEIGHTS_H
