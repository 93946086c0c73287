// In-memory loader: objects to callable functions in this process. Prepare
// kernels at compile time, verify, Session and the conformance suite run by it.
#ifndef INGOT_COMPILER_CODEGEN_LOADER_LOADER_H
#define INGOT_COMPILER_CODEGEN_LOADER_LOADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace ingot {

/// Owns the code it has loaded; symbols of one loader see each other, the
/// symbols given to `define`, and libm/libc of this process.
class Loader {
public:
  static llvm::Expected<std::unique_ptr<Loader>> create();
  ~Loader();

  /// Adds a relocatable object of the host's architecture (bytes are copied).
  llvm::Error addObject(llvm::StringRef bytes, llvm::StringRef name = "object");
  /// Makes `name` mean `address` for the objects of this loader.
  llvm::Error define(llvm::StringRef name, void *address);
  /// Address of a symbol; an error names it if an object or a symbol is
  /// missing.
  llvm::Expected<void *> lookup(llvm::StringRef name);

  template <typename Function> llvm::Expected<Function *> function(llvm::StringRef name) {
    llvm::Expected<void *> address = lookup(name);
    if (!address)
      return address.takeError();
    return reinterpret_cast<Function *>(*address);
  }

private:
  struct Impl;
  explicit Loader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// The C type of every kernel; see docs/design.md "kernel ABI".
using KernelFunction = int32_t(void *const *buffers, const int64_t *sizes, int64_t lo, int64_t hi,
                               void *scratch);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_LOADER_LOADER_H
