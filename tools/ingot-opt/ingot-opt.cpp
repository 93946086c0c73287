// mlir-opt with Ingot's dialects and passes. Beside MLIR text it reads model
// files: `ingot-opt --import MODEL [--feed ...] PASSES` imports a model first.
#include "compiler/Pipeline.h"
#include "compiler/frontend/Exporter.h"
#include "compiler/frontend/Importer.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

static llvm::cl::OptionCategory importCategory("Import of model files");
static llvm::cl::opt<std::string> importPath("import",
                                             llvm::cl::desc("Read this model instead of MLIR text"),
                                             llvm::cl::value_desc("MODEL"),
                                             llvm::cl::cat(importCategory));
static llvm::cl::opt<std::string> tag("tag", llvm::cl::init("serve"),
                                      llvm::cl::cat(importCategory));
static llvm::cl::list<std::string> signatures("signature", llvm::cl::cat(importCategory));
static llvm::cl::list<std::string> feeds("feed", llvm::cl::cat(importCategory));
static llvm::cl::list<std::string> fetches("fetch", llvm::cl::cat(importCategory));
static llvm::cl::list<std::string> shapes("shape", llvm::cl::cat(importCategory));

static llvm::cl::opt<bool> emitGraphDef("emit-graphdef",
                                        llvm::cl::desc("With --import: write a GraphDef, not MLIR"),
                                        llvm::cl::cat(importCategory));

static LogicalResult importAndRun(const MlirOptMainConfig &config, llvm::StringRef outputPath,
                                  DialectRegistry &registry) {
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  ingot::ImportOptions options;
  options.path = importPath;
  options.tag = tag;
  options.signatures.assign(signatures.begin(), signatures.end());
  options.feeds.assign(feeds.begin(), feeds.end());
  options.fetches.assign(fetches.begin(), fetches.end());
  options.shapes.assign(shapes.begin(), shapes.end());
  auto model = ingot::importModel(context, options);
  if (failed(model) || failed(verify(*model->module)))
    return failure();
  PassManager passes(&context);
  passes.enableVerifier(true);
  if (failed(applyPassManagerCLOptions(passes)) || failed(config.setupPassPipeline(passes)) ||
      failed(passes.run(*model->module)))
    return failure();
  std::string error;
  auto output = openOutputFile(outputPath, &error);
  if (!output) {
    llvm::errs() << error << "\n";
    return failure();
  }
  if (emitGraphDef) {
    auto bytes = ingot::exportGraphDef(*model->module);
    if (failed(bytes))
      return failure();
    output->os() << *bytes;
  } else {
    model->module->print(output->os());
    output->os() << "\n";
  }
  output->keep();
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  DialectRegistry registry;
  registerAllDialects(registry);
  ingot::registerDialects(registry);
  ingot::registerPasses();
  auto [inputPath, outputPath] =
      registerAndParseCLIOptions(argc, argv, "Ingot's optimizer driver", registry);
  if (importPath.empty())
    return failed(MlirOptMain(argc, argv, inputPath, outputPath, registry));
  return failed(importAndRun(MlirOptMainConfig::createFromCLOptions(), outputPath, registry));
}
