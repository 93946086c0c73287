// C names of a model: its prefix, the typed function of each signature and the
// parameters of each, unique and never a keyword. The header and the
// descriptor take them from here, so that they agree.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_NAMES_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_NAMES_H

#include "compiler/codegen/artifact/Artifact.h"

namespace ingot {

/// What a parameter of a typed function is.
struct TypedParameter {
  enum Kind { Size, Input, Output, Capacity, Shape } kind;
  unsigned index;   ///< of the symbol, input or output
  std::string name; ///< in C
};

struct TypedFunction {
  std::string name;        ///< PREFIX_SIGNATURE
  std::string contextName; ///< the form that takes a context
  std::string indexName;   ///< enumerator with the signature's index
  std::vector<TypedParameter> parameters;
};

struct CNames {
  std::string prefix;
  std::vector<TypedFunction> functions; ///< one for each signature
};

/// A C identifier that resembles `text`.
std::string toIdentifier(llvm::StringRef text);

CNames makeNames(const ArtifactSpec &spec);

/// "batchx784xf32", for messages and comments.
std::string spellType(const ArtifactValue &value);
/// "f32" and such.
llvm::StringRef spellDtype(ingot_dtype dtype);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_NAMES_H
