// See Importer.h: chooses the reader, then graph, variables, signatures.
#include "compiler/frontend/Importer.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/ModelFiles.h"
#include "compiler/frontend/Signatures.h"
#include "compiler/frontend/VariableBinder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

namespace {

/// The messages of a model and what belongs to them.
struct ModelMessages {
  std::shared_ptr<proto::SavedModel> savedModel; ///< null for a GraphDef
  std::shared_ptr<proto::GraphDef> graphDef;     ///< null for a SavedModel
  const proto::MetaGraphDef *meta = nullptr;
  const proto::GraphDef *graph = nullptr;
  std::unique_ptr<TensorBundle> bundle;

  std::shared_ptr<const void> owner() const {
    return savedModel ? std::shared_ptr<const void>(savedModel)
                      : std::shared_ptr<const void>(graphDef);
  }
};

std::string tagsOf(const proto::MetaGraphDef &meta) {
  std::string text;
  for (const std::string &tag : meta.meta_info_def().tags())
    text += (text.empty() ? "" : "+") + tag;
  return text.empty() ? "(no tag)" : text;
}

LogicalResult openSavedModel(const ImportOptions &options, ModelMessages &model,
                             const Reporter &report) {
  llvm::SmallString<256> directory(options.path);
  if (!llvm::sys::fs::is_directory(directory))
    llvm::sys::path::remove_filename(directory);
  if (directory.empty())
    directory = ".";
  model.savedModel = std::make_shared<proto::SavedModel>();
  if (failed(readSavedModel(directory, *model.savedModel, report)))
    return failure();
  std::string available;
  for (const proto::MetaGraphDef &meta : model.savedModel->meta_graphs()) {
    std::string tags = tagsOf(meta);
    available += (available.empty() ? "" : ", ") + tags;
    const auto &list = meta.meta_info_def().tags();
    if (!model.meta && (tags == options.tag || llvm::is_contained(list, options.tag)))
      model.meta = &meta;
  }
  if (!model.meta)
    return report.error() << "has no meta graph with the tag '" << options.tag
                          << "'; it has: " << available;
  model.graph = &model.meta->graph_def();
  llvm::SmallString<256> prefix(directory);
  llvm::sys::path::append(prefix, "variables", "variables");
  if (!llvm::sys::fs::exists(prefix + ".index"))
    return success();
  model.bundle = TensorBundle::open(prefix, report.getContext());
  return success(model.bundle != nullptr);
}

/// Whether feeds and fetches, not the model's signatures, say what to compile.
bool cutsTheGraph(const ImportOptions &options) {
  return !options.feeds.empty() || !options.fetches.empty();
}

void setVersions(ModuleOp module, const proto::GraphDef &graph) {
  Builder b(module.getContext());
  module->setAttr(
      "graph.versions",
      b.getDictionaryAttr(
          {b.getNamedAttr("producer", b.getI64IntegerAttr(graph.versions().producer())),
           b.getNamedAttr("min_consumer", b.getI64IntegerAttr(graph.versions().min_consumer()))}));
}

/// What the reader starts from and where it stops.
void rootsAndFeeds(const std::vector<Signature> &signatures, std::vector<TensorName> &roots,
                   std::vector<FedTensor> &feeds) {
  std::set<TensorName> fed;
  for (const Signature &signature : signatures) {
    for (const SignatureOutput &output : signature.outputs)
      roots.push_back(output.tensor);
    for (const SignatureInput &input : signature.inputs)
      if (fed.insert(input.tensor).second)
        feeds.push_back({input.tensor, input.elementType});
  }
}

} // namespace

FailureOr<ImportedModel> ingot::importModel(MLIRContext &context, const ImportOptions &options) {
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  Reporter report(&context, options.path);
  if (!llvm::sys::fs::exists(options.path)) {
    report.error() << "does not exist";
    return failure();
  }
  ModelMessages model;
  if (modelKindOf(options.path) == ModelKind::SavedModel) {
    if (failed(openSavedModel(options, model, report)))
      return failure();
  } else {
    model.graphDef = std::make_shared<proto::GraphDef>();
    if (failed(readGraphDef(options.path, *model.graphDef, report)))
      return failure();
    model.graph = model.graphDef.get();
  }

  OpDefs opDefs;
  if (model.meta)
    opDefs.addModelOps(model.meta->meta_info_def().stripped_op_list());
  auto signatures = model.meta && !cutsTheGraph(options)
                        ? signaturesOf(*model.meta, options, report)
                        : signatureOfGraph(*model.graph, options, opDefs, report);
  if (failed(signatures))
    return failure();

  ImportedModel result;
  result.module = ModuleOp::create(NameLoc::get(StringAttr::get(&context, options.path)));
  ModuleOp module = *result.module;
  setVersions(module, *model.graph);
  AttributeReader attributes(&context, model.owner());
  GraphContext shared{report, opDefs, attributes, {}, {}, {}, {}};
  GraphReader reader(module, *model.graph, shared);
  std::vector<TensorName> roots;
  std::vector<FedTensor> feeds;
  rootsAndFeeds(*signatures, roots, feeds);
  auto main = reader.readMain(roots, feeds);
  if (failed(main))
    return failure();
  VariableBinder binder(model.meta, model.bundle.get(), report);
  if (failed(binder.bind(*main)) || failed(attachSignatures(*signatures, *main, options, report)))
    return failure();
  return result;
}
