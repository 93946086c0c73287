// THE list of stages and passes. Stage names are data: `--emit`, the help text,
// the dumps and the lit pipelines come from it.
#ifndef INGOT_COMPILER_PIPELINE_H
#define INGOT_COMPILER_PIPELINE_H

#include "compiler/Compiler.h"
#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace ingot {

/// What passes need to know.
struct PipelineOptions {
  TargetInfo target;
  TrainingOptions training;
  bool keepWeights = false;
  bool group = true;
  bool debugArena = false;
  bool gpu = false; ///< kernels for the GPU; `target` is its host
};

/// A stage: its passes turn the stage before it into what `--emit NAME` shows.
struct Stage {
  StageInfo info;
  /// Null for stages that are not made by passes (the reader's, and text that
  /// codegen makes).
  void (*build)(mlir::OpPassManager &passes, const PipelineOptions &options);
};

/// All stages in order.
llvm::ArrayRef<Stage> pipelineStages();

/// Dialects of Ingot and those of MLIR that it uses.
void registerDialects(mlir::DialectRegistry &registry);
/// Every pass by its name, and a pipeline `stage-NAME` for each stage.
void registerPasses();

} // namespace ingot

#endif // INGOT_COMPILER_PIPELINE_H
