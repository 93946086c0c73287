// From the objects of a model to what a user links: the descriptor that the
// runtime reads, typed C functions, the header, the weights, and the linked
// .so, .a or .o. Everything that is written appears complete or not at all, and
// equal specs give equal bytes.
#ifndef INGOT_COMPILER_CODEGEN_ARTIFACT_ARTIFACT_H
#define INGOT_COMPILER_CODEGEN_ARTIFACT_ARTIFACT_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "ingot/ingot.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ingot {

/// One dimension of an input or output.
struct ArtifactDim {
  int64_t size = -1; ///< -1: known at run time
  std::string name;  ///< then its size expression: "batch", "2*len + 1"
};

/// An input or output of a signature.
struct ArtifactValue {
  std::string name;
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<ArtifactDim> shape;
  bool dataDependent = false; ///< outputs only
};

/// A named size and the input dimension that binds it.
struct ArtifactSymbol {
  std::string name;
  int32_t input = 0, dim = 0;
};

/// One entry point; the symbols are those of docs/abi.md, "Host program".
struct ArtifactSignature {
  std::string name;
  std::vector<ArtifactValue> inputs, outputs;
  std::vector<ArtifactSymbol> entrySymbols;
  uint32_t numDataSymbols = 0;
  bool writesState = false;
  std::string programSymbol;
  std::string arenaSymbol;  ///< may be empty: no arena
  std::string shapesSymbol; ///< may be empty if nothing has a dimension
  std::string boundsSymbol; ///< empty if there are no data symbols
};

/// A constant or the initial value of a variable. `data` is not copied and must
/// live until the artifact is written.
struct ArtifactConstant {
  std::string name; ///< for the side file; need not be unique
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<int64_t> shape;
  llvm::ArrayRef<char> data;
};

struct ArtifactVariable {
  std::string name;
  ingot_dtype dtype = INGOT_INVALID_DTYPE;
  std::vector<int64_t> shape;
  bool trainable = false;
  llvm::ArrayRef<char> initial; ///< empty: zeros
};

/// All of a model.
struct ArtifactSpec {
  std::string model; ///< prefix of its C functions; made an identifier
  TargetInfo target;
  std::vector<ArtifactSignature> signatures;
  std::vector<ArtifactConstant> constants;
  std::vector<ArtifactVariable> variables;
  /// Symbols of the `ingot_rt_site` constants, by their index.
  std::vector<std::string> siteSymbols;
  /// Relocatable objects with kernels, host programs and sites.
  std::vector<std::string> objects;
  /// Symbol of the `ingot_rt_device` constant in one of the objects; empty for the
  /// CPU.
  std::string deviceSymbol;
  /// Symbols that the program which uses the artifact provides (custom ops).
  std::vector<std::string> externalSymbols;
};

struct ArtifactOptions {
  std::string output;  ///< .so, .a or .o
  std::string header;  ///< empty: none
  std::string weights; ///< side file; empty: embedded up to 1 GiB, above it
                       ///< beside the output as OUTPUT_STEM.safetensors
  std::string command; ///< how it was made, for the header's first comment
};

/// Files that were written.
struct ArtifactFiles {
  std::string output, header, weights; ///< empty where none
  uint64_t outputBytes = 0, weightsBytes = 0;
};

/// Writes the artifact, its header and its side file.
llvm::Expected<ArtifactFiles> writeArtifact(const ArtifactSpec &spec,
                                            const ArtifactOptions &options);

/// The C header of a model: ingot.h's declarations and the typed functions.
std::string makeHeader(const ArtifactSpec &spec, llvm::StringRef command = "");

/// Name of the function that returns the module: PREFIX_module.
std::string moduleFunctionName(const ArtifactSpec &spec);

/// The prebuilt runtime for an architecture ("x86_64"); empty if there is none.
llvm::StringRef runtimeObject(llvm::StringRef arch);
/// What artifacts with a device link besides.
llvm::StringRef cudaRuntimeObject(llvm::StringRef arch);

/// "digits" of "out/digits.so": a model's name where the user gives none.
std::string modelNameFromPath(llvm::StringRef path);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_ARTIFACT_ARTIFACT_H
