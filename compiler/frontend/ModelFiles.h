// Reads the files of a model into messages: GraphDef (.pb, .pbtxt) and
// SavedModel, binary or text by content. Broken files end in one diagnostic.
#ifndef INGOT_COMPILER_FRONTEND_MODELFILES_H
#define INGOT_COMPILER_FRONTEND_MODELFILES_H

#include "compiler/frontend/Reporter.h"
#include "compiler/frontend/proto/saved_model.pb.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace ingot::frontend {

/// What a path given by the user is.
enum class ModelKind { GraphDef, SavedModel };

/// A directory, or a `saved_model.pb`/`.pbtxt` inside one, is a SavedModel.
ModelKind modelKindOf(llvm::StringRef path);

/// Maps a file; an error names it and the reason.
std::unique_ptr<llvm::MemoryBuffer> openFile(llvm::StringRef path, const Reporter &report);

/// Reads a GraphDef, binary or text.
mlir::LogicalResult readGraphDef(llvm::StringRef path, proto::GraphDef &graph,
                                 const Reporter &report);

/// Reads `saved_model.pb` or `saved_model.pbtxt` of a directory.
mlir::LogicalResult readSavedModel(llvm::StringRef directory, proto::SavedModel &model,
                                   const Reporter &report);

/// Parses a message from bytes: quiet, with size and depth limits.
bool parseMessage(llvm::StringRef bytes, google::protobuf::Message &message);

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_MODELFILES_H
