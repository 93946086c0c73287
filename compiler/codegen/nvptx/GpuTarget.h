// Which GPUs an artifact is for: the list behind `--target cuda[:sm_80,...]`.
#ifndef INGOT_COMPILER_CODEGEN_NVPTX_GPUTARGET_H
#define INGOT_COMPILER_CODEGEN_NVPTX_GPUTARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ingot {

/// One architecture that gets an image.
struct GpuArch {
  unsigned number = 80; ///< compute capability times 10
  /// 'a' (exactly this chip), 'f' (its family) or 0 (this and all later ones).
  char suffix = 0;
  std::string chip() const; ///< "sm_80"
  bool operator==(const GpuArch &o) const { return number == o.number && suffix == o.suffix; }
};

struct GpuTarget {
  std::vector<GpuArch> archs; ///< ascending, no two equal
};

/// True for "cuda" and "cuda:...".
bool isGpuTarget(llvm::StringRef text);

/// Parses "cuda" (sm_80) or "cuda:sm_80,sm_90a".
llvm::Expected<GpuTarget> parseGpuTarget(llvm::StringRef text);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_NVPTX_GPUTARGET_H
