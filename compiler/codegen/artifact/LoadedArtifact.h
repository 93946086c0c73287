// A model in this process instead of in a file: what verify, Session and the
// conformance suite call. The same objects, descriptor and runtime as in an
// artifact; constants and initial values stay where they are.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_LOADEDARTIFACT_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_LOADEDARTIFACT_H

#include "compiler/codegen/artifact/Artifact.h"
#include "compiler/codegen/loader/Loader.h"

namespace ingot {

class LoadedArtifact {
public:
  /// The data of `spec`'s constants and initial values must outlive the model.
  static llvm::Expected<std::unique_ptr<LoadedArtifact>> create(const ArtifactSpec &spec);
  /// Destroy all contexts and states before.
  ~LoadedArtifact();

  /// For the functions of ingot.h.
  const ingot_module *module() const { return descriptor; }

private:
  LoadedArtifact() = default;
  std::unique_ptr<Loader> loader;
  const ingot_module *descriptor = nullptr;
  void (*release)() = nullptr;
};

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_LOADEDARTIFACT_H
