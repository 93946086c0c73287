// The facade: reads a model, runs the stages, makes objects, writes or loads.
#include "compiler/Compiler.h"
#include "compiler/Pipeline.h"
#include "compiler/Report.h"
#include "compiler/Variables.h"
#include "compiler/codegen/artifact/LoadedArtifact.h"
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/nvptx/DeviceCode.h"
#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Cost.h"
#include "compiler/frontend/Exporter.h"
#include "compiler/frontend/Importer.h"
#include "compiler/passes/import/Legalize.h"
#include "compiler/verify/Verify.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace mlir;

namespace ingot {

namespace {

/// Turns diagnostics into lines for people and counts errors.
class Messages {
public:
  Messages(MLIRContext &context, llvm::StringRef model, const MessageHandler &sink)
      : sink(sink), model(model), handler(&context, [this](Diagnostic &d) { return take(d); }) {}

  void error(const std::string &text) {
    ++errors;
    sink("error: " + text);
  }
  bool failed() const { return errors; }

  llvm::StringSet<> signatures; ///< their names, where they are no nodes

private:
  LogicalResult take(Diagnostic &d) {
    std::string text = d.str();
    std::string node = graph::nodeNameOf(d.getLocation()).str();
    if (!node.empty() && node != "model" && text.find(node) == std::string::npos)
      text = (node == model               ? node
              : signatures.contains(node) ? "signature '" + node + "'"
                                          : "node '" + node + "'") +
             ": " + text;
    switch (d.getSeverity()) {
    case DiagnosticSeverity::Error:
      ++errors;
      sink("error: " + text);
      break;
    case DiagnosticSeverity::Warning:
      sink("warning: " + text);
      break;
    default:
      sink("note: " + text);
    }
    for (Diagnostic &note : d.getNotes())
      sink("note: " + note.str());
    return success();
  }

  MessageHandler sink;
  std::string model; // its path: the place of messages about all of it
  ScopedDiagnosticHandler handler;
  unsigned errors = 0;
};

std::string printed(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(64).elideLargeResourceString(64).skipRegions(false);
  module.print(os, flags);
  os << "\n";
  return text;
}

bool writeText(llvm::StringRef path, llvm::StringRef text, Messages &messages) {
  if (path.empty() || path == "-") {
    llvm::outs() << text;
    return true;
  }
  llvm::Error e = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    os << text;
    return llvm::Error::success();
  });
  if (!e)
    return true;
  messages.error("cannot write " + llvm::toString(std::move(e)));
  return false;
}

/// One compilation from the reader to objects.
class Compilation {
public:
  Compilation(const CompileOptions &options, const MessageHandler &message)
      : options(options), context(makeRegistry()), messages(context, options.model.path, message) {
    context.printOpOnDiagnostic(false);
    context.loadAllAvailableDialects();
  }

  bool importModel() {
    const ModelOptions &m = options.model;
    ImportOptions o{m.path, m.tag, m.signatures, m.feeds, m.fetches, m.shapes};
    auto r = ingot::importModel(context, o);
    if (failed(r))
      return complain("the model could not be read");
    model = std::move(*r);
    return afterStage("graph") && (options.emit != "graphdef" || emitGraphDef());
  }

  bool selectTarget() {
    auto t = getTarget(options.triple, options.cpu);
    if (!t)
      return complain(llvm::toString(t.takeError()));
    target = *t;
    if (options.target == "cpu")
      return options.emit != "ptx" || complain("--emit ptx needs --target cuda");
    auto g = parseGpuTarget(options.target);
    if (!g)
      return complain(llvm::toString(g.takeError()));
    if (options.debugArena || options.sanitizeAddress)
      return complain(
          "--debug-arena and --sanitize work on the CPU's memory: use them with --target cpu");
    gpu = *g;
    return true;
  }

  /// Runs the stages made of passes up to and including `last`.
  bool runStages(llvm::StringRef last = "rt") {
    PipelineOptions p{target, options.training, options.keepWeights, options.group,
                      options.debugArena || options.sanitizeAddress};
    p.gpu = gpu.has_value();
    for (const Stage &stage : pipelineStages()) {
      if (!stage.build)
        continue;
      PassManager passes(&context);
      stage.build(passes, p);
      if (failed(passes.run(*model.module)))
        return complain(std::string("stage '") + stage.info.name + "' failed");
      for (auto f : model.module->getOps<func::FuncOp>())
        if (auto name = f->getAttrOfType<StringAttr>(nn::kSignatureAttr))
          messages.signatures.insert(name.getValue());
      // As soon as variables are there, before anything looks at their values.
      if (stage.info.name == llvm::StringRef("pure") && !options.variables.empty() &&
          failed(setVariables(*model.module, options.variables)))
        return complain("the variables could not be set");
      if (!afterStage(stage.info.name))
        return false;
      if (finished() || stage.info.name == last)
        return true;
    }
    return true;
  }

  bool makeObjects() {
    ProgramOptions p;
    p.model = modelName();
    p.threads = options.threads;
    p.emit.sanitizeAddress = options.sanitizeAddress;
    p.emit.wantLlvm = options.emit == "llvm" || !options.dumpDir.empty();
    p.emit.wantAssembly = options.emit == "asm" || !options.dumpDir.empty();
    std::unique_ptr<DeviceCode> device;
    if (gpu) {
      std::string ptx;
      auto d = compileDevice(*model.module, *gpu, target, p.model, &ptx);
      if (failed(d))
        return complain("generation of GPU code failed");
      device = std::move(*d);
      p.device = device.get();
      if (!options.dumpDir.empty() && !dump("ptx", ptx))
        return false;
      if (options.emit == "ptx") {
        done = true;
        return writeText(options.output, ptx, messages);
      }
    }
    auto r = compileProgram(*model.module, target, p);
    if (failed(r))
      return complain("code generation failed");
    program = std::move(*r);
    if (!options.dumpDir.empty() &&
        (!dump("llvm", program->llvm) || !dump("asm", program->assembly)))
      return false;
    if (options.emit == "llvm" || options.emit == "asm") {
      done = true;
      return writeText(options.output, options.emit == "llvm" ? program->llvm : program->assembly,
                       messages);
    }
    if (options.report.empty())
      return true;
    bool html = llvm::StringRef(options.report).ends_with(".html");
    return writeText(options.report,
                     html ? reportAsHtml(*program, target) : reportAsJson(*program, target),
                     messages);
  }

  std::string modelName() const {
    return options.name.empty()
               ? modelNameFromPath(options.output.empty() ? options.model.path : options.output)
               : options.name;
  }

  bool complain(const std::string &text) {
    if (!messages.failed())
      messages.error(text);
    return false;
  }
  bool finished() const { return done; }

  CompileOptions options;
  MLIRContext context;
  Messages messages;
  ImportedModel model;
  TargetInfo target;
  std::optional<GpuTarget> gpu;
  std::unique_ptr<CompiledProgram> program;
  /// Called after each stage made of passes, with its name.
  std::function<void(llvm::StringRef)> stageDone;

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  bool dump(llvm::StringRef stage, llvm::StringRef text) {
    if (std::error_code e = llvm::sys::fs::create_directories(options.dumpDir))
      return complain(options.dumpDir + ": " + e.message());
    llvm::SmallString<128> path(options.dumpDir);
    llvm::sys::path::append(path, modelName() + "." + stage +
                                      (stage == "asm"    ? ".s"
                                       : stage == "llvm" ? ".ll"
                                       : stage == "ptx"  ? ".ptx"
                                                         : ".mlir"));
    return writeText(path, text, messages);
  }

  bool afterStage(llvm::StringRef name) {
    if (stageDone)
      stageDone(name);
    if (!options.dumpDir.empty() && !dump(name, printed(*model.module)))
      return false;
    if (options.emit != name)
      return true;
    done = true;
    return writeText(options.output, printed(*model.module), messages);
  }

  bool emitGraphDef() {
    auto bytes = exportGraphDef(*model.module);
    done = true;
    return succeeded(bytes) && writeText(options.output, *bytes, messages);
  }

  bool done = false;
};

bool isStageName(llvm::StringRef name) {
  return llvm::any_of(pipelineStages(), [&](const Stage &s) { return name == s.info.name; });
}

} // namespace

bool compile(const CompileOptions &options, CompileResult &result, const MessageHandler &message) {
  auto start = std::chrono::steady_clock::now();
  Compilation c(options, message);
  if (!options.emit.empty() && !isStageName(options.emit))
    return c.complain("--emit " + options.emit + ": there is no such stage");
  if (!c.selectTarget() || !c.importModel())
    return false;
  if (c.finished())
    return true;
  if (!c.runStages())
    return false;
  if (c.finished())
    return true;
  if (!c.makeObjects())
    return false;
  if (c.finished())
    return true;
  ArtifactOptions a;
  a.output = options.output;
  a.header = options.header;
  a.weights = options.weights == "embed" ? "" : options.weights;
  auto files = writeArtifact(c.program->spec, a);
  if (!files) {
    if (!options.report.empty())
      llvm::sys::fs::remove(options.report);
    return c.complain(llvm::toString(files.takeError()));
  }
  result.output = files->output;
  result.header = files->header;
  result.weights = files->weights;
  result.outputBytes = files->outputBytes;
  result.weightsBytes = files->weightsBytes;
  result.kernels = static_cast<unsigned>(c.program->kernels.size());
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return true;
}

//===-- Inspection --------------------------------------------------------===//

static std::string spellType(Type type) {
  auto t = dyn_cast<RankedTensorType>(type);
  std::string s;
  llvm::raw_string_ostream os(s);
  Type element = cast<TensorType>(type).getElementType();
  if (t)
    for (const nn::SizeExpr &d : nn::dimsOf(t))
      os << d.str() << "x";
  if (isa<graph::StringType>(element))
    os << "string";
  else if (auto c = dyn_cast<ComplexType>(element))
    os << "c" << 2 * c.getElementType().getIntOrFloatBitWidth();
  else
    element.print(os);
  return t ? s : s + " of unknown shape";
}

bool inspect(const ModelOptions &options, ModelDescription &result, const MessageHandler &message) {
  CompileOptions o;
  o.model = options;
  Compilation c(o, message);
  if (!c.selectTarget() || !c.importModel() || !c.runStages("pure"))
    return false;
  std::map<std::string, unsigned> counts;
  for (auto f : c.model.module->getOps<func::FuncOp>()) {
    f.walk([&](graph::NodeOp node) { ++counts[node.getOp().str()]; });
    auto name = f->getAttrOfType<StringAttr>(nn::kSignatureAttr);
    if (!name)
      continue;
    SignatureDescription s{name.str(), {}, {}};
    for (unsigned i = 0; i < f.getNumArguments(); ++i)
      if (auto input = f.getArgAttrOfType<StringAttr>(i, nn::kInputAttr))
        s.inputs.push_back({input.str(), spellType(f.getArgumentTypes()[i])});
    for (unsigned i = 0; i < f.getNumResults(); ++i)
      if (auto output = f.getResultAttrOfType<StringAttr>(i, nn::kOutputAttr))
        s.outputs.push_back({output.str(), spellType(f.getResultTypes()[i])});
    result.signatures.push_back(s);
    if (auto aliases = f->getAttrOfType<ArrayAttr>(nn::kAliasesAttr))
      for (StringRef alias : aliases.getAsValueRange<StringAttr>()) {
        s.name = alias.str();
        result.signatures.push_back(s);
      }
  }
  bool all = true;
  for (auto &[op, count] : counts) {
    result.ops.push_back({op, count, isSupportedOp(op)});
    all &= result.ops.back().supported;
  }
  for (auto v : c.model.module->getOps<nn::VariableOp>()) {
    auto type = cast<RankedTensorType>(v.getValue().getType());
    result.parameters += type.getNumElements();
    result.parameterBytes += type.getNumElements() * nn::elementBytes(type.getElementType());
    if (v.getTrainable())
      result.trainableParameters += type.getNumElements();
  }
  if (!all)
    return true;
  // Result shapes and FLOPs are known after legalization; a model that does not
  // get that far is described without them.
  CompileOptions quiet = o;
  Compilation full(quiet, [](const std::string &) {});
  if (!full.selectTarget() || !full.importModel() || !full.runStages("nn"))
    return true;
  for (auto f : full.model.module->getOps<func::FuncOp>()) {
    auto name = f->getAttrOfType<StringAttr>(nn::kSignatureAttr);
    for (SignatureDescription &s : result.signatures) {
      auto aliases = f->getAttrOfType<ArrayAttr>(nn::kAliasesAttr);
      if (!name ||
          (s.name != name.str() &&
           !(aliases && llvm::is_contained(aliases.getAsValueRange<StringAttr>(), s.name))))
        continue;
      unsigned next = 0;
      for (unsigned i = 0; i < f.getNumResults(); ++i)
        if (f.getResultAttrOfType<StringAttr>(i, nn::kOutputAttr) && next < s.outputs.size())
          s.outputs[next++].type = spellType(f.getResultTypes()[i]);
      if (result.flops.empty() || s.name == "serving_default")
        result.flops = nn::countFlops(f).str();
    }
  }
  return true;
}

//===-- In memory ---------------------------------------------------------===//

struct LoadedModel::Impl {
  std::unique_ptr<Compilation> compilation; // constants point into it
  std::unique_ptr<LoadedArtifact> loaded;
};

LoadedModel::LoadedModel(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
LoadedModel::~LoadedModel() = default;
const ingot_module *LoadedModel::module() const { return impl->loaded->module(); }

std::unique_ptr<LoadedModel> LoadedModel::compile(const CompileOptions &options,
                                                  const MessageHandler &message) {
  auto impl = std::make_unique<Impl>();
  impl->compilation = std::make_unique<Compilation>(options, message);
  Compilation &c = *impl->compilation;
  if (!c.selectTarget() || !c.importModel() || !c.runStages() || !c.makeObjects())
    return nullptr;
  auto loaded = LoadedArtifact::create(c.program->spec);
  if (!loaded) {
    c.complain(llvm::toString(loaded.takeError()));
    return nullptr;
  }
  impl->loaded = std::move(*loaded);
  return std::unique_ptr<LoadedModel>(new LoadedModel(std::move(impl)));
}

//===-- Verification ------------------------------------------------------===//

bool KernelComparison::good() const {
  return problem.empty() && llvm::all_of(results, [](const Comparison &c) { return c.wrong == 0; });
}

struct VerifiedModel::Impl {
  std::unique_ptr<Compilation> compilation;
  OwningOpRef<ModuleOp> kernels, loops; // kept from the way to the code
  std::unique_ptr<LoadedArtifact> loaded;

  verify::Forms forms() const {
    return {*kernels, *loops, compilation->target, loaded->module(), compilation->options.threads};
  }
  bool check(llvm::Error e) {
    return e ? compilation->complain(llvm::toString(std::move(e))) : true;
  }
};

VerifiedModel::VerifiedModel(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
VerifiedModel::~VerifiedModel() = default;
const ingot_module *VerifiedModel::module() const { return impl->loaded->module(); }

std::unique_ptr<VerifiedModel> VerifiedModel::compile(const CompileOptions &options,
                                                      const MessageHandler &message) {
  auto impl = std::make_unique<Impl>();
  impl->compilation = std::make_unique<Compilation>(options, message);
  Compilation &c = *impl->compilation;
  c.stageDone = [&c, i = impl.get()](llvm::StringRef stage) {
    if (stage == "kernels")
      i->kernels = c.model.module->clone();
    else if (stage == "loops")
      i->loops = c.model.module->clone();
  };
  if (!c.selectTarget() || !c.importModel() || !c.runStages() || !c.makeObjects())
    return nullptr;
  auto loaded = LoadedArtifact::create(c.program->spec);
  if (!loaded) {
    c.complain(llvm::toString(loaded.takeError()));
    return nullptr;
  }
  impl->loaded = std::move(*loaded);
  return std::unique_ptr<VerifiedModel>(new VerifiedModel(std::move(impl)));
}

bool VerifiedModel::compareSignature(uint32_t signature, const std::vector<ingot_tensor> &inputs,
                                     VerifyReport &report) {
  return impl->check(verify::compareSignature(impl->forms(), signature, inputs, 0, report));
}
bool VerifiedModel::compareKernels(uint32_t signature, const std::vector<ingot_tensor> &inputs,
                                   VerifyReport &report) {
  return impl->check(verify::compareKernels(impl->forms(), signature, inputs, report));
}

} // namespace ingot
