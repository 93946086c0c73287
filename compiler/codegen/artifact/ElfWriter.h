// The two ELF files that are written by hand: an object with one large
// read-only section, straight from memory, and a stub shared library that only
// says which symbols a system library has.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_ELFWRITER_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_ELFWRITER_H

#include "compiler/codegen/artifact/Weights.h"

namespace ingot {

/// Writes at an offset of a file; an error names what failed.
llvm::Error writeAt(int file, uint64_t offset, llvm::ArrayRef<char> bytes);

/// Writes to `file` a relocatable object whose section `.rodata.weights` holds
/// the layout's bytes under the hidden symbol `symbol`.
llvm::Error writeWeightsObject(int file, const WeightsLayout &layout, llvm::StringRef symbol,
                               uint16_t machine);

/// A shared library without code: `soname` and functions of these names,
/// without versions.
std::string makeStubLibrary(llvm::StringRef soname, llvm::ArrayRef<llvm::StringRef> symbols,
                            uint16_t machine);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_ELFWRITER_H
