// See ModelFiles.h. Protobuf's own limits: messages below 2 GiB, 100 levels of
// nesting in binary and text.
#include "compiler/frontend/ModelFiles.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

namespace pb = google::protobuf;

namespace {

constexpr int kMaxDepth = 100;

/// Keeps the first error of the text parser.
class FirstError : public pb::io::ErrorCollector {
public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string &message) override {
    if (text.empty())
      text = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " +
             message;
  }
  void AddWarning(int, pb::io::ColumnNumber, const std::string &) override {}
  std::string text;
};

/// Binary protobufs of graphs have small lengths and tags, hence control
/// characters, within their first bytes; text has none but white space.
bool looksLikeText(llvm::StringRef bytes) {
  for (char c : bytes.take_front(4096))
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t')
      return false;
  return !bytes.trim().empty();
}

/// What a file that is no model's is instead, and what to do; "" if unknown.
llvm::StringRef otherFormat(llvm::StringRef bytes) {
  if (bytes.starts_with("\211HDF") || bytes.starts_with("PK\x03\x04"))
    return ": it is an archive, such as Keras's .keras and .h5; in Keras, "
           "model.export(\"folder\") writes a SavedModel";
  if (bytes.starts_with("\177ELF"))
    return ": it is machine code, such as a compiled model";
  if (bytes.substr(4, 4) == "TFL3")
    return ": it is a TensorFlow Lite model; compile the model that it was made from";
  return "";
}

LogicalResult parseFile(llvm::StringRef bytes, pb::Message &message, llvm::StringRef what,
                        const Reporter &report) {
  if (bytes.empty())
    return report.error() << "is empty, expected a " << what;
  if (bytes.size() > INT32_MAX)
    return report.error() << "is " << bytes.size() << " bytes long; a " << what
                          << " is at most 2 GiB (keep weights in variables of "
                             "a SavedModel)";
  if (!looksLikeText(bytes)) {
    if (parseMessage(bytes, message))
      return success();
    return report.error() << "is not a " << what << ", or it is truncated or corrupt"
                          << otherFormat(bytes);
  }
  pb::LogSilencer quiet;
  FirstError errors;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kMaxDepth);
  pb::io::ArrayInputStream input(bytes.data(), static_cast<int>(bytes.size()));
  if (parser.Parse(&input, &message))
    return success();
  return report.error() << "is not a " << what << " in text form: " << errors.text;
}

} // namespace

bool frontend::parseMessage(llvm::StringRef bytes, pb::Message &message) {
  if (bytes.size() > INT32_MAX)
    return false;
  pb::LogSilencer quiet;
  pb::io::CodedInputStream input(reinterpret_cast<const uint8_t *>(bytes.data()),
                                 static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kMaxDepth);
  return message.ParseFromCodedStream(&input) && input.ConsumedEntireMessage() &&
         input.CurrentPosition() == static_cast<int>(bytes.size());
}

ModelKind frontend::modelKindOf(llvm::StringRef path) {
  llvm::StringRef name = llvm::sys::path::filename(path);
  return llvm::sys::fs::is_directory(path) || name == "saved_model.pb" ||
                 name == "saved_model.pbtxt"
             ? ModelKind::SavedModel
             : ModelKind::GraphDef;
}

std::unique_ptr<llvm::MemoryBuffer> frontend::openFile(llvm::StringRef path,
                                                       const Reporter &report) {
  if (llvm::sys::fs::is_directory(path)) {
    report.error() << "is a directory, expected a file";
    return nullptr;
  }
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (buffer)
    return std::move(*buffer);
  report.error() << "cannot be read: " << buffer.getError().message();
  return nullptr;
}

LogicalResult frontend::readGraphDef(llvm::StringRef path, proto::GraphDef &graph,
                                     const Reporter &report) {
  auto buffer = openFile(path, report);
  if (!buffer || failed(parseFile(buffer->getBuffer(), graph, "GraphDef", report)))
    return failure();
  // Any bytes may happen to parse as unknown fields: ask for a node.
  if (graph.node_size() == 0)
    return report.error() << "holds no node: it is not a GraphDef, or an "
                             "empty one";
  return success();
}

LogicalResult frontend::readSavedModel(llvm::StringRef directory, proto::SavedModel &model,
                                       const Reporter &report) {
  for (llvm::StringRef name : {"saved_model.pb", "saved_model.pbtxt"}) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    if (!llvm::sys::fs::exists(path))
      continue;
    Reporter file(report.getContext(), path);
    auto buffer = openFile(path, file);
    if (!buffer || failed(parseFile(buffer->getBuffer(), model, "SavedModel", file)))
      return failure();
    if (model.meta_graphs_size() == 0)
      return file.error() << "holds no meta graph: it is not a SavedModel";
    return success();
  }
  return report.error() << "is not a SavedModel: it holds neither "
                           "saved_model.pb nor saved_model.pbtxt (Keras writes one with "
                           "model.export(\"folder\"))";
}
