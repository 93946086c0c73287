#include "compiler/codegen/nvptx/PtxEmitter.h"

#include "compiler/codegen/cpu/TargetInfo.h"
#include "compiler/codegen/nvptx/LowerToNvvm.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/InferAlignment.h"
#include <mutex>
#include <shared_mutex>

using namespace llvm;

namespace ingot {
namespace {

void initializeNvptx() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

std::unique_ptr<TargetMachine> makeMachine(const GpuArch &arch, std::string &error) {
  Triple triple("nvptx64-nvidia-cuda");
  const Target *backend = TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard; // only explicit FMAs, as on the CPU
  return std::unique_ptr<TargetMachine>(
      backend->createTargetMachine(triple, arch.chip(), /*Features=*/"", options, std::nullopt,
                                   std::nullopt, CodeGenOptLevel::Default));
}

/// The schedule has decided on vectors and unrolling; what is wanted of LLVM is
/// address arithmetic and known alignments.
void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  // Alignments first: InstCombine freezes dividends, which hides their low bits.
  FunctionPassManager early;
  early.addPass(EarlyCSEPass());
  early.addPass(InferAlignmentPass());
  ModulePassManager pipeline;
  pipeline.addPass(createModuleToFunctionPassAdaptor(std::move(early)));
  pipeline.addPass(builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2));
  pipeline.run(module, modules);
}

/// `--emit-ptx`: see LowerToNvvm.h. The text becomes the module's attribute
/// `ingot.ptx` on standard output for FileCheck.
struct EmitPtxPass : mlir::PassWrapper<EmitPtxPass, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EmitPtxPass)
  EmitPtxPass() = default;
  EmitPtxPass(const EmitPtxPass &other) : PassWrapper(other) {}
  StringRef getArgument() const final { return "emit-ptx"; }
  StringRef getDescription() const final { return "Print the PTX of each gpu.module and erase it"; }
  void getDependentDialects(mlir::DialectRegistry &registry) const override {
    registerGpuCodegenDialects(registry);
  }
  void runOnOperation() override {
    auto target = parseGpuTarget(name);
    if (!target) {
      getOperation().emitError() << toString(target.takeError());
      return signalPassFailure();
    }
    for (auto module : make_early_inc_range(getOperation().getOps<mlir::gpu::GPUModuleOp>())) {
      if (failed(lowerToNvvm(module)))
        return signalPassFailure();
      for (const GpuArch &arch : target->archs) {
        auto text = emitPtx(module, arch);
        if (failed(text))
          return signalPassFailure();
        outs() << *text;
      }
      module.erase();
    }
  }
  Option<std::string> name{*this, "target", llvm::cl::desc("cuda[:sm_80,...]"),
                           llvm::cl::init("cuda")};
};

} // namespace

mlir::FailureOr<std::string> emitPtx(mlir::gpu::GPUModuleOp source, const GpuArch &arch,
                                     std::string *text) {
  initializeNvptx();
  std::shared_lock<std::shared_mutex> lock(llvmOptionsMutex());
  std::string error;
  std::unique_ptr<TargetMachine> machine = makeMachine(arch, error);
  if (!machine)
    return source.emitError("LLVM cannot generate code for ") << arch.chip() << ": " << error;
  if (!machine->getMCSubtargetInfo()->isCPUStringValid(arch.chip()))
    return source.emitError("LLVM does not know the GPU architecture ") << arch.chip();
  LLVMContext context;
  std::unique_ptr<Module> module = mlir::translateModuleToLLVMIR(source, context, "ingot");
  if (!module)
    return source.emitError("translation to LLVM IR failed");
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  for (Function &function : *module)
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      return source.emitError("GPU code calls '")
             << function.getName() << "', which nothing defines";
  optimize(*module, *machine);
  if (text) {
    raw_string_ostream stream(*text);
    module->print(stream, nullptr);
  }
  SmallVector<char, 0> buffer;
  raw_svector_ostream stream(buffer);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::AssemblyFile))
    return source.emitError("LLVM cannot write PTX");
  passes.run(*module);
  std::string ptx(buffer.data(), buffer.size());
  if (ptx.find(".extern .func") != std::string::npos)
    return source.emitError(
        "GPU code calls a function that nothing defines; this is a bug of the compiler");
  return ptx;
}

void registerGpuCodegenPasses() {
  mlir::PassRegistration<EmitPtxPass>();
  mlir::registerPass([] { return createLowerToNvvmPass(); });
}

} // namespace ingot
