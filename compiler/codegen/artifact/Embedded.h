// Files of the source and build tree that the compiler carries as bytes.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_EMBEDDED_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_EMBEDDED_H

#include "llvm/ADT/StringRef.h"

namespace ingot {

/// The text of include/ingot/ingot.h.
llvm::StringRef embeddedPublicHeader();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_EMBEDDED_H
