// Vectorizers, unrolling and loop strength reduction stay off: the emitter of
// kernels has decided all that; LSR alone is half of code generation's time.
#include "compiler/codegen/cpu/ObjectEmitter.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <map>
#include <mutex>

using namespace llvm;

namespace ingot {
namespace {

/// `-disable-lsr` exists as a process-wide option of LLVM only.
void disableLoopStrengthReduction() {
  static std::once_flag once;
  std::call_once(once, [] {
    auto &options = cl::getRegisteredOptions();
    auto found = options.find("disable-lsr");
    if (found != options.end())
      static_cast<cl::opt<bool> *>(found->second)->setValue(true);
  });
}

/// Collects the register allocator's remarks instead of printing anything.
struct SpillCollector : DiagnosticHandler {
  std::map<std::string, CodeReport> *functions = nullptr;
  std::string error;

  bool isMissedOptRemarkEnabled(StringRef pass) const override { return pass == "regalloc"; }
  bool isAnyRemarkEnabled() const override { return true; }
  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() == DS_Error) {
      raw_string_ostream stream(error);
      DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    auto *remark = dyn_cast<DiagnosticInfoOptimizationBase>(&info);
    if (!remark || remark->getPassName() != "regalloc")
      return true;
    unsigned count = 0;
    for (const auto &arg : remark->getArgs()) {
      unsigned value = 0;
      if ((arg.Key == "NumSpills" || arg.Key == "NumReloads") &&
          !StringRef(arg.Val).getAsInteger(10, value))
        count += value;
    }
    CodeReport &report = (*functions)[remark->getFunction().getName().str()];
    if (remark->getRemarkName() == "SpillReloadCopies")
      report.spills += count;
    else if (remark->getRemarkName() == "LoopSpillReloadCopies")
      report.loopSpills += count;
    return true;
  }
};

unsigned widestVector(const Function &function) {
  unsigned bits = 0;
  auto look = [&](const Type *type) {
    if (auto *vector = dyn_cast<FixedVectorType>(type))
      if (!vector->getElementType()->isIntegerTy(1))
        bits = std::max(bits, unsigned(vector->getPrimitiveSizeInBits().getFixedValue()));
  };
  for (const BasicBlock &block : function)
    for (const Instruction &instruction : block) {
      look(instruction.getType());
      for (const Value *operand : instruction.operands())
        look(operand->getType());
    }
  return bits / 8;
}

void readSymbolSizes(StringRef bytes, std::map<std::string, CodeReport> &functions) {
  auto file = object::ObjectFile::createELFObjectFile(MemoryBufferRef(bytes, "object"));
  if (!file) {
    consumeError(file.takeError());
    return;
  }
  for (const object::ELFSymbolRef symbol :
       cast<object::ELFObjectFileBase>(file->get())->symbols()) {
    auto name = symbol.getName();
    if (!name) {
      consumeError(name.takeError());
      continue;
    }
    auto found = functions.find(name->str());
    if (found != functions.end())
      found->second.textBytes = symbol.getSize();
  }
}

} // namespace

ObjectEmitter::ObjectEmitter(const TargetInfo &target, std::unique_ptr<TargetMachine> machine)
    : target(target), machine(std::move(machine)) {}
ObjectEmitter::~ObjectEmitter() = default;

Expected<std::unique_ptr<ObjectEmitter>> ObjectEmitter::create(const TargetInfo &target) {
  initializeLlvmTargets();
  disableLoopStrengthReduction();
  Triple triple(target.triple);
  std::string error;
  const Target *backend = TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return createStringError("LLVM has no back end for '%s': %s", target.triple.c_str(),
                             error.c_str());
  TargetOptions options;
  options.FunctionSections = true;
  // Only explicit FMAs are fused: whether a product and a sum meet in one block
  // differs between tiles of a kernel, and a row's bits must not depend on
  // that.
  options.AllowFPOpFusion = FPOpFusion::Standard;
  std::unique_ptr<TargetMachine> machine(
      backend->createTargetMachine(triple, target.cpu, target.features, options, Reloc::PIC_,
                                   CodeModel::Small, CodeGenOptLevel::Default));
  if (!machine)
    return createStringError("LLVM cannot make a target machine for '%s', cpu '%s'",
                             target.triple.c_str(), target.cpu.c_str());
  return std::unique_ptr<ObjectEmitter>(new ObjectEmitter(target, std::move(machine)));
}

void ObjectEmitter::optimize(Module &module, bool sanitizeAddress) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  FunctionPassManager list;
  list.addPass(EarlyCSEPass(/*UseMemorySSA=*/true));
  list.addPass(InstCombinePass());
  LoopPassManager loopList;
  loopList.addPass(LICMPass(LICMOptions()));
  list.addPass(createFunctionToLoopPassAdaptor(std::move(loopList),
                                               /*UseMemorySSA=*/true));
  list.addPass(SimplifyCFGPass());
  ModulePassManager pipeline;
  pipeline.addPass(AlwaysInlinerPass());
  pipeline.addPass(createModuleToFunctionPassAdaptor(std::move(list)));
  // No constructor: the in-memory loader runs none, and no global needs one.
  if (sanitizeAddress)
    pipeline.addPass(AddressSanitizerPass(AddressSanitizerOptions(), /*UseGlobalGC=*/true,
                                          /*UseOdrIndicator=*/true, AsanDtorKind::None,
                                          AsanCtorKind::None));
  pipeline.run(module, modules);
}

mlir::FailureOr<EmittedObject> ObjectEmitter::emit(mlir::ModuleOp source,
                                                   const EmitOptions &options) {
  std::shared_lock<std::shared_mutex> llvmOptions(llvmOptionsMutex());
  LLVMContext context;
  std::map<std::string, CodeReport> functions;
  auto owned = std::make_unique<SpillCollector>();
  SpillCollector &collector = *owned;
  collector.functions = &functions;
  context.setDiagnosticHandler(std::move(owned));
  std::unique_ptr<Module> module = mlir::translateModuleToLLVMIR(source, context, "ingot");
  if (!module)
    return source.emitError("translation to LLVM IR failed");
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  for (Function &function : *module) {
    if (function.isDeclaration())
      continue;
    if (!function.hasLocalLinkage())
      function.setVisibility(GlobalValue::HiddenVisibility);
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr(Attribute::NoUnwind);
    function.setUWTableKind(UWTableKind::Async); // backtraces in gdb and perf
    if (options.sanitizeAddress)
      function.addFnAttr(Attribute::SanitizeAddress);
  }
  optimize(*module, options.sanitizeAddress);
  for (Function &function : *module)
    if (!function.isDeclaration() && !function.hasLocalLinkage()) {
      CodeReport &report = functions[function.getName().str()];
      report.vectorBytes = widestVector(function);
    }

  EmittedObject result;
  if (options.wantLlvm) {
    raw_string_ostream stream(result.llvm);
    module->print(stream, nullptr);
  }
  auto generate = [&](Module &input, CodeGenFileType type) {
    SmallVector<char, 0> buffer;
    raw_svector_ostream stream(buffer);
    legacy::PassManager passes;
    if (machine->addPassesToEmitFile(passes, stream, nullptr, type,
                                     /*DisableVerify=*/true))
      return std::string();
    passes.run(input);
    return std::string(buffer.data(), buffer.size());
  };
  if (options.wantAssembly) {
    std::unique_ptr<Module> copy = CloneModule(*module);
    result.assembly = generate(*copy, CodeGenFileType::AssemblyFile);
    for (auto &entry : functions) // counted again below
      entry.second.spills = entry.second.loopSpills = 0;
  }
  result.object = generate(*module, CodeGenFileType::ObjectFile);
  if (result.object.empty() || !collector.error.empty())
    return source.emitError("code generation failed") << ": " << collector.error;
  readSymbolSizes(result.object, functions);
  for (auto &entry : functions) {
    entry.second.name = entry.first;
    result.functions.push_back(std::move(entry.second));
  }
  return result;
}

} // namespace ingot
