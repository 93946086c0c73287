// Linking in this process, without a compiler, a C library or its development
// files on the user's machine: lld, objects from memory, and stub libraries in
// the place of libc, libm and libpthread. The stubs carry no symbol versions,
// so that what is linked here runs on older systems too.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_LINKER_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_LINKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ingot {

/// A file in memory that has a path while the object lives.
class MemoryFile {
public:
  static llvm::Expected<MemoryFile> create(llvm::StringRef bytes = {});
  MemoryFile(MemoryFile &&other) : file(other.file) { other.file = -1; }
  MemoryFile &operator=(MemoryFile &&) = delete;
  ~MemoryFile();
  std::string path() const;
  int descriptor() const { return file; }

private:
  explicit MemoryFile(int file) : file(file) {}
  int file;
};

/// Runs lld with these arguments; an error carries its messages. One link at a
/// time in a process, and no code generation meanwhile: lld has global state
/// (see llvmOptionsMutex, which this takes).
llvm::Error runLld(const std::vector<std::string> &arguments);

/// What objects need from outside.
struct Undefined {
  std::vector<std::string> libc, libm, libpthread, libdl; ///< sorted
  std::vector<std::string> sanitizer;                     ///< of the program it runs in
  std::vector<std::string> unknown;
};

/// Sorts the undefined symbols of the objects, less those that one of them
/// defines or `provided` lists, by the library that has them.
llvm::Expected<Undefined> findUndefined(llvm::ArrayRef<llvm::StringRef> objects,
                                        llvm::ArrayRef<std::string> provided);

/// Merges objects into one and makes all symbols local but `globals`, so that
/// several models can be linked into one program.
llvm::Expected<std::string> mergeObjects(llvm::ArrayRef<llvm::StringRef> objects,
                                         llvm::ArrayRef<std::string> globals);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_LINKER_H
