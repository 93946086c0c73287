// The object with a model's tables (ingot_module and its private half) and its
// typed functions, made as an LLVM module.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_DESCRIPTOR_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_DESCRIPTOR_H

#include "compiler/codegen/artifact/Weights.h"

namespace ingot {

struct DescriptorOptions {
  /// Constants are at their present addresses (in-memory loader).
  bool loadable = false;
  /// Also define `ingot_module_get` (shared objects).
  bool genericEntry = false;
  /// Name, size of the header and its hash, if the weights are in a side file.
  std::string weightsFile;
  uint64_t weightsFileOffset = 0, weightsFileCheck = 0;
};

/// The symbol that an embedded weights section has: PREFIX__weights.
std::string weightsSymbol(const ArtifactSpec &spec);

/// Functions that the artifact exports, in order.
std::vector<std::string> publicSymbols(const ArtifactSpec &spec, bool genericEntry);

llvm::Expected<std::string> makeDescriptor(const ArtifactSpec &spec, const WeightsLayout &layout,
                                           const DescriptorOptions &options);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_DESCRIPTOR_H
