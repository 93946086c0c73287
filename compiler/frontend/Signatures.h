// Signatures of a model: inputs and outputs that users name, from a
// SavedModel's signatures or from feeds and fetches, with named sizes.
#ifndef INGOT_COMPILER_FRONTEND_SIGNATURES_H
#define INGOT_COMPILER_FRONTEND_SIGNATURES_H

#include "compiler/frontend/GraphReader.h"
#include "compiler/frontend/Importer.h"
#include "compiler/frontend/proto/saved_model.pb.h"

namespace ingot::frontend {

/// One dimension as the user wrote it: a size, a name, or unknown.
struct Dim {
  int64_t size = -1;
  std::string name;
};

struct SignatureInput {
  std::string name;
  TensorName tensor;
  mlir::Type elementType; ///< null: that of the node
  std::optional<llvm::SmallVector<Dim>> shape;
  bool implicit = false; ///< a placeholder that no --feed names
};

struct SignatureOutput {
  std::string name;
  TensorName tensor;
};

struct Signature {
  std::string name;
  std::vector<SignatureInput> inputs;
  std::vector<SignatureOutput> outputs;
};

/// Reads `1x?xlenx3`; "" is rank 0. None if it is not a shape.
std::optional<llvm::SmallVector<Dim>> parseDims(llvm::StringRef text);

/// Reads a dtype as users spell it: `f32`, `ui8`, `c64`, `str`.
mlir::Type parseDtype(llvm::StringRef text, mlir::MLIRContext *context);

/// The signatures of a meta graph that the options ask for, by name.
mlir::FailureOr<std::vector<Signature>>
signaturesOf(const proto::MetaGraphDef &meta, const ImportOptions &options, const Reporter &report);

/// The signature `serving_default` made of feeds and fetches; without them,
/// placeholders are the inputs and what nothing consumes the outputs.
mlir::FailureOr<std::vector<Signature>> signatureOfGraph(const proto::GraphDef &graph,
                                                         const ImportOptions &options,
                                                         OpDefs &opDefs, const Reporter &report);

/// Writes `graph.signatures`: types from the nodes of `main`, sizes named,
/// `--shape` applied.
mlir::LogicalResult attachSignatures(std::vector<Signature> &signatures, mlir::func::FuncOp main,
                                     const ImportOptions &options, const Reporter &report);

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_SIGNATURES_H
