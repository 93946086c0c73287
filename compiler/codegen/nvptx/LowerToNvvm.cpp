// The stock pass always calls libdevice for math, so this station has patterns
// of its own: math is expanded first, what is left has one intrinsic or is
// refused by name.
#include "compiler/codegen/nvptx/LowerToNvvm.h"

#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "compiler/codegen/cpu/MathFunctions.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ingot {
namespace {

/// `From` as the LLVM operation that the NVPTX back end has an instruction for;
/// the stock conversion would call libdevice.
template <typename From, typename To> struct Direct : OpRewritePattern<From> {
  using OpRewritePattern<From>::OpRewritePattern;
  LogicalResult matchAndRewrite(From op, PatternRewriter &rewriter) const override {
    if (auto type = dyn_cast<VectorType>(op.getType()))
      if (type.getRank() != 1)
        return failure();
    rewriter.replaceOpWithNewOp<To>(op, op.getType(), op->getOperands());
    return success();
  }
};

struct ExpandRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    Type type = op.getType(), element = getElementTypeOrSelf(type);
    TypedAttr one = FloatAttr::get(element, 1.0);
    if (auto vector = dyn_cast<VectorType>(type))
      one = DenseElementsAttr::get(vector, ArrayRef<Attribute>{one});
    Value root = math::SqrtOp::create(rewriter, op.getLoc(), op.getOperand());
    Value numerator = arith::ConstantOp::create(rewriter, op.getLoc(), one);
    rewriter.replaceOpWithNewOp<arith::DivFOp>(op, numerator, root);
    return success();
  }
};

LogicalResult sweep(gpu::GPUModuleOp module) {
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  populateMathFunctionPatterns(patterns);
  patterns.add<ExpandRsqrt>(context);
  math::populateExpansionPatterns(patterns, {"powf", "fpowi", "tan", "sinh", "cosh", "asinh",
                                             "acosh", "atanh", "ctlz", "clampf", "round"});
  arith::populateExpandBFloat16Patterns(patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorGatherLoweringPatterns(patterns);
  vector::populateVectorFromElementsUnrollPatterns(patterns);
  vector::populateVectorToElementsUnrollPatterns(patterns);
  patterns
      .add<Direct<arith::MaxNumFOp, LLVM::MaxNumOp>, Direct<arith::MinNumFOp, LLVM::MinNumOp>,
           Direct<arith::MaximumFOp, LLVM::MaximumOp>, Direct<arith::MinimumFOp, LLVM::MinimumOp>>(
          context);
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal(true);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

/// Operations of math that NVPTX has no instruction for. (arith.remf ends as
/// fmod, which it has not either.)
LogicalResult refuseUnknownMath(gpu::GPUModuleOp module) {
  auto known = [](Operation *op) {
    return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
               math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::CtPopOp, math::FloorOp,
               math::FmaOp, math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
  };
  bool good = true;
  module.walk([&](Operation *op) {
    if (!isa<arith::RemFOp>(op) && (!isa<math::MathDialect>(op->getDialect()) || known(op)))
      return;
    op->emitError() << "'" << op->getName() << "' on " << op->getResult(0).getType()
                    << " has no GPU code yet; compile this model with --target cpu";
    good = false;
  });
  return success(good);
}

LogicalResult convert(gpu::GPUModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  LLVMTypeConverter types(context, options);
  configureGpuToNVVMTypeConverter(types);
  RewritePatternSet patterns(context);
  populateBufferViewPatterns(types, patterns);
  populateSCFToControlFlowConversionPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  index::populateIndexToLLVMConversionPatterns(types, patterns);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns, /*approximateLog1p=*/true, /*benefit=*/10);
  populateVectorToLLVMConversionPatterns(types, patterns);
  populateGpuToNVVMConversionPatterns(types, patterns);
  LLVMConversionTarget legal(*context);
  legal.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  legal.addLegalOp<gpu::GPUModuleOp>();
  legal.addIllegalDialect<gpu::GPUDialect, math::MathDialect, arith::ArithDialect, scf::SCFDialect,
                          cf::ControlFlowDialect, memref::MemRefDialect, vector::VectorDialect>();
  legal.addLegalOp<gpu::GPUModuleOp>();
  legal.addDynamicallyLegalOp<UnrealizedConversionCastOp>([](UnrealizedConversionCastOp cast) {
    return cast->getNumResults() == 1 && !isa<MemRefType>(cast->getResult(0).getType());
  });
  return applyPartialConversion(module, legal, std::move(patterns));
}

/// Buffers are aligned to 64 bytes by whoever launches, shared memory here: with
/// that the back end proves which accesses may be 16 bytes wide.
void markBuffers(gpu::GPUModuleOp module) {
  Builder b(module.getContext());
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
      for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
        if (isa<LLVM::LLVMPointerType>(type))
          function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
  for (auto global : module.getOps<LLVM::GlobalOp>())
    if (global.getAddrSpace() == 3)
      global.setAlignment(16);
}

struct LowerToNvvmPass : PassWrapper<LowerToNvvmPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToNvvmPass)
  StringRef getArgument() const final { return "lower-to-nvvm"; }
  StringRef getDescription() const final {
    return "Lower GPU kernels to the NVVM and LLVM dialects";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registerGpuCodegenDialects(registry);
  }
  void runOnOperation() override {
    for (auto module : getOperation().getOps<gpu::GPUModuleOp>())
      if (failed(lowerToNvvm(module)))
        return signalPassFailure();
  }
};

} // namespace

LogicalResult lowerToNvvm(gpu::GPUModuleOp module) {
  if (failed(sweep(module)))
    return module.emitError("GPU kernel lowering does not converge");
  if (failed(refuseUnknownMath(module)) || failed(convert(module)))
    return failure();
  markBuffers(module);
  return success();
}

void registerGpuCodegenDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, gpu::GPUDialect, index::IndexDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, NVVM::NVVMDialect,
                  scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

std::unique_ptr<Pass> createLowerToNvvmPass() { return std::make_unique<LowerToNvvmPass>(); }

} // namespace ingot
