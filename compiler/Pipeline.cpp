// The way of a model, pass by pass.
#include "compiler/Pipeline.h"
#include "compiler/codegen/cpu/CompileKernels.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/codegen/nvptx/LowerToNvvm.h"
#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/dialects/Rt/Rt.h"
#include "compiler/evaluate/FoldConstants.h"
#include "compiler/passes/group/Passes.h"
#include "compiler/passes/import/Legalize.h"
#include "compiler/passes/import/Passes.h"
#include "compiler/passes/program/Program.h"
#include "compiler/passes/schedule/ScheduleKernels.h"
#include "compiler/passes/schedule/gpu/ScheduleGpuKernels.h"
#include "compiler/passes/train/BuildTraining.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace ingot {

//===-- 2 simplify --------------------------------------------------------===//

static void buildPure(OpPassManager &passes, const PipelineOptions &) {
  buildSimplifyGraphPipeline(passes);
}

//===-- 3 legalize --------------------------------------------------------===//

static void buildNn(OpPassManager &passes, const PipelineOptions &) {
  passes.addPass(createLegalizeGraphToNnPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

//===-- 4 differentiate ---------------------------------------------------===//

static void buildTrain(OpPassManager &passes, const PipelineOptions &options) {
  const TrainingOptions &t = options.training;
  if (!t.enabled)
    return;
  train::TrainOptions o;
  o.loss = t.loss;
  o.fromLogits = t.fromLogits;
  o.optimizer = t.optimizer;
  o.hyper.learningRate = t.learningRate;
  o.hyper.momentum = t.momentum;
  // An input projection that has left its loop has its gradient outside, too.
  passes.addPass(createHoistLoopInvariantsPass());
  passes.addPass(train::createBuildTrainingPass(o));
  // What train, grads and evaluate compute twice, and values saved for nothing.
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

//===-- 5 group -----------------------------------------------------------===//

static void buildKernels(OpPassManager &passes, const PipelineOptions &options) {
  // Before anything asks what is constant.
  if (!options.keepWeights)
    passes.addPass(createFreezeVariablesPass());
  // Pairs of real numbers from here on; the parts of small constants fold next.
  passes.addNestedPass<func::FuncOp>(createExpandComplexPass());
  // Small constant arithmetic (batch norm's rsqrt, filter banks) is gone before
  // patterns look at scales and shapes.
  passes.addNestedPass<func::FuncOp>(evaluate::createFoldConstantsPass());
  // Projections leave loops while they are still plain products of slices.
  passes.addPass(createHoistLoopInvariantsPass());
  // Scales meet contractions only when no reshape stands between them.
  passes.addPass(createSinkReshapesPass());
  passes.addPass(createFoldScalesPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addNestedPass<func::FuncOp>(evaluate::createFoldConstantsPass());
  // Layouts last: packed operands hide the plain ones from the patterns above.
  // GPU kernels bring tiles into order on their way to shared memory.
  if (!options.gpu)
    passes.addPass(createChooseLayoutsPass(options.target));
  // Weights that a loop does not change are packed once, in front of it.
  if (options.training.enabled || options.keepWeights)
    passes.addPass(createHoistLoopInvariantsPass());
  passes.addPass(createFormKernelsPass(options.group));
  passes.addPass(createCSEPass()); // equal prepare kernels of several signatures
}

//===-- 6 schedule --------------------------------------------------------===//

static void buildLoops(OpPassManager &passes, const PipelineOptions &options) {
  // What runs at compile time is left to the CPU.
  if (options.gpu)
    passes.addPass(createScheduleGpuKernelsPass());
  passes.addPass(createScheduleKernelsPass(options.target));
}

//===-- 7 plan ------------------------------------------------------------===//

static void buildRt(OpPassManager &passes, const PipelineOptions &options) {
  // What depends on constants alone runs now; its results are constants.
  passes.addPass(createEvaluatePreparePass());
  passes.addPass(createCSEPass());
  passes.addPass(createPlanProgramPass({options.debugArena}));
}

static const Stage kStages[] = {
    {{"graph", "the model as read, in the graph dialect"}, nullptr},
    {{"graphdef", "the model as a binary GraphDef that TensorFlow loads"}, nullptr},
    {{"pure", "every signature a pure graph function"}, buildPure},
    {{"nn", "our tensor algebra, sizes named"}, buildNn},
    {{"train", "with --train: the functions of a training artifact"}, buildTrain},
    {{"kernels", "fused kernels and their layouts"}, buildKernels},
    {{"loops", "each kernel as loops and vectors"}, buildLoops},
    {{"rt", "host programs: dispatches on planned buffers"}, buildRt},
    {{"llvm", "LLVM IR of kernels and host programs"}, nullptr},
    {{"asm", "assembly of the kernels"}, nullptr},
    {{"ptx", "with --target cuda: PTX of the kernels"}, nullptr},
};

llvm::ArrayRef<Stage> pipelineStages() { return kStages; }

const std::vector<StageInfo> &stages() {
  static const std::vector<StageInfo> infos = [] {
    std::vector<StageInfo> v;
    for (const Stage &s : kStages)
      v.push_back(s.info);
    return v;
  }();
  return infos;
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<graph::GraphDialect, nn::NnDialect, rt::RtDialect>();
  registry.insert<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect>();
  registerCpuCodegenDialects(registry);
  registerGpuCodegenDialects(registry);
}

void registerPasses() {
  registerTransformsPasses();
  registerImportPasses();
  registerGroupPasses();
  registerSchedulePasses();
  registerGpuSchedulePasses();
  registerEvaluatePreparePass();
  registerProgramPasses();
  registerCpuCodegenPasses();
  registerGpuCodegenPasses();
  registerPass([] { return evaluate::createFoldConstantsPass(); });
  registerPass([] { return train::createBuildTrainingPass(); });
  for (const Stage &s : kStages)
    if (s.build)
      PassPipelineRegistration<>(llvm::StringRef("stage-").str() + s.info.name, s.info.description,
                                 [build = s.build](OpPassManager &passes) {
                                   PipelineOptions options;
                                   options.target = getHostTarget();
                                   build(passes, options);
                                 });
}

} // namespace ingot
