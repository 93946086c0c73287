// The sweep and the combined conversion. Kernels are small (a few hundred
// operations) and many, so what counts is the number of walks and pattern sets.
#include "compiler/codegen/cpu/LowerToLlvm.h"

#include "compiler/codegen/cpu/CompileKernels.h"
#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/cpu/MathFunctions.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ingot {
namespace {

/// A bare pointer seen as a memref: the descriptor that LLVM's folder removes.
struct PointerCastLowering : ConvertOpToLLVMPattern<UnrealizedConversionCastOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getNumResults() != 1 || op.getNumOperands() != 1 ||
        !isa<LLVM::LLVMPointerType>(op.getOperand(0).getType()))
      return failure();
    auto type = dyn_cast<MemRefType>(op.getType(0));
    if (!type || type.getRank() > 1 || !type.getLayout().isIdentity())
      return failure();
    Location loc = op.getLoc();
    auto descriptor =
        MemRefDescriptor::poison(rewriter, loc, getTypeConverter()->convertType(type));
    Value pointer = adaptor.getInputs()[0];
    descriptor.setAllocatedPtr(rewriter, loc, pointer);
    descriptor.setAlignedPtr(rewriter, loc, pointer);
    descriptor.setConstantOffset(rewriter, loc, 0);
    if (type.getRank() == 1) {
      int64_t size = type.isDynamicDim(0) ? INT64_MAX : type.getDimSize(0);
      descriptor.setConstantSize(rewriter, loc, 0, size);
      descriptor.setConstantStride(rewriter, loc, 0, 1);
    }
    rewriter.replaceOp(op, Value(descriptor));
    return success();
  }
};

/// Without an FMA unit `llvm.fma` is a call of libm; a multiplication and an
/// addition are as good.
template <typename Fma> struct SplitFma : OpRewritePattern<Fma> {
  using OpRewritePattern<Fma>::OpRewritePattern;
  LogicalResult matchAndRewrite(Fma op, PatternRewriter &rewriter) const override {
    Value product =
        arith::MulFOp::create(rewriter, op.getLoc(), op->getOperand(0), op->getOperand(1));
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, product, op->getOperand(2));
    return success();
  }
};

/// A 1-D mask is `step < bound` in 32-bit lanes, which fit the data's own; the
/// bound is clamped first, as sizes are 64-bit.
struct MaskLowering : OpRewritePattern<vector::CreateMaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::CreateMaskOp op, PatternRewriter &rewriter) const override {
    VectorType type = op.getType();
    if (type.getRank() != 1 || type.isScalable())
      return failure();
    Location loc = op.getLoc();
    int64_t lanes = type.getDimSize(0);
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    Value all = arith::ConstantIndexOp::create(rewriter, loc, lanes);
    Value bound = arith::MaxSIOp::create(rewriter, loc, op.getOperand(0), zero);
    bound = arith::MinSIOp::create(rewriter, loc, bound, all);
    Type i32 = rewriter.getI32Type();
    bound = arith::IndexCastOp::create(rewriter, loc, i32, bound);
    auto vectorType = VectorType::get({lanes}, i32);
    SmallVector<int32_t> steps(lanes);
    for (int64_t i = 0; i < lanes; ++i)
      steps[i] = i;
    Value step = arith::ConstantOp::create(rewriter, loc,
                                           DenseElementsAttr::get(vectorType, ArrayRef(steps)));
    Value splat = vector::BroadcastOp::create(rewriter, loc, vectorType, bound);
    rewriter.replaceOpWithNewOp<arith::CmpIOp>(op, arith::CmpIPredicate::slt, step, splat);
    return success();
  }
};

/// What the combined conversion has no pattern for, or a worse one.
LogicalResult sweep(ModuleOp module, const TargetInfo &target) {
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  populateMathFunctionPatterns(patterns);
  arith::populateExpandBFloat16Patterns(patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  memref::populateExpandStridedMetadataPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorTransposeLoweringPatterns(patterns,
                                                  vector::VectorTransposeLowering::Shuffle1D);
  vector::populateVectorTransferLoweringPatterns(patterns,
                                                 /*maxTransferRank=*/1);
  vector::populateVectorTransferPermutationMapLoweringPatterns(patterns);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorRankReducingFMAPattern(patterns);
  vector::populateVectorGatherLoweringPatterns(patterns);
  patterns.add<MaskLowering>(context, /*benefit=*/2);
  if (!target.hasFma)
    patterns.add<SplitFma<math::FmaOp>, SplitFma<vector::FMAOp>>(context);
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal(true);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

LogicalResult convert(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.allocLowering = LowerToLLVMOptions::AllocLowering::None;
  LLVMTypeConverter types(context, options);
  RewritePatternSet patterns(context);
  populateBufferViewPatterns(types, patterns);
  populateSCFToControlFlowConversionPatterns(patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns,
                                         /*reassociateFPReductions=*/true);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  // Before libm's, which has fma and floor too, one call a lane.
  populateMathToLLVMConversionPatterns(types, patterns,
                                       /*approximateLog1p=*/false,
                                       /*benefit=*/2);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  index::populateIndexToLLVMConversionPatterns(types, patterns);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  populateMathToLibmConversionPatterns(patterns);
  LLVMConversionTarget legal(*context);
  legal.addLegalOp<ModuleOp>();
  legal.addDynamicallyLegalOp<UnrealizedConversionCastOp>([](UnrealizedConversionCastOp cast) {
    return cast->getNumResults() == 1 && !isa<MemRefType>(cast->getResult(0).getType());
  });
  return applyFullConversion(module, legal, std::move(patterns));
}

struct LowerToLlvmPass : PassWrapper<LowerToLlvmPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToLlvmPass)
  LowerToLlvmPass() = default;
  LowerToLlvmPass(const LowerToLlvmPass &other) : PassWrapper(other), target(other.target) {}
  explicit LowerToLlvmPass(const TargetInfo &target) : target(target) {}
  StringRef getArgument() const final { return "lower-to-llvm"; }
  StringRef getDescription() const final {
    return "Lower kernels (func, scf, vector, memref, arith, math) to the LLVM "
           "dialect";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registerCpuCodegenDialects(registry);
  }
  void runOnOperation() override {
    if (!cpu.empty() || target.cpu.empty()) {
      llvm::Expected<TargetInfo> named = getTarget(triple, cpu);
      if (!named) {
        getOperation().emitError() << llvm::toString(named.takeError());
        return signalPassFailure();
      }
      target = *named;
    }
    if (failed(lowerToLlvmDialect(getOperation(), target)))
      signalPassFailure();
  }
  TargetInfo target;
  Option<std::string> triple{*this, "triple", llvm::cl::desc("LLVM triple of the target")};
  Option<std::string> cpu{*this, "cpu", llvm::cl::desc("LLVM cpu of the target")};
};

} // namespace

void populateBufferViewPatterns(const LLVMTypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<PointerCastLowering>(types, /*benefit=*/2);
}

LogicalResult lowerToLlvmDialect(ModuleOp module, const TargetInfo &target) {
  if (failed(sweep(module, target)))
    return module.emitError("kernel lowering does not converge");
  return convert(module);
}

void registerCpuCodegenDialects(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, index::IndexDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

std::unique_ptr<Pass> createLowerToLlvmPass(const TargetInfo &target) {
  return std::make_unique<LowerToLlvmPass>(target);
}

void registerCpuCodegenPasses() {
  PassRegistration<LowerToLlvmPass>();
  registerPass([] { return createRtToLlvmPass(); });
  registerEvaluatePreparePass();
}

} // namespace ingot
