// The layouts that a CPU contraction wants: the right operand in panels of
// register-tile width, packed before run time where it is constant and on the
// fly where its lanes would not be contiguous.
#include "compiler/dialects/Nn/Build.h"
#include "compiler/passes/group/Constness.h"
#include "compiler/passes/group/Passes.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

/// Columns of a panel: two vectors (four where vectors are narrow), but no more
/// than the matrix has.
int64_t panelWidth(const TargetInfo &target, Type element, std::optional<int64_t> columns) {
  int64_t lanes = target.lanes(element.getIntOrFloatBitWidth());
  int64_t width = lanes * (target.vectorBytes >= 32 ? 2 : 4);
  while (columns && width / 2 >= lanes && width / 2 >= *columns)
    width /= 2;
  return width;
}

struct ChooseLayoutsPass : PassWrapper<ChooseLayoutsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseLayoutsPass)
  ChooseLayoutsPass() = default;
  explicit ChooseLayoutsPass(const TargetInfo &target) : target(target) {}
  StringRef getArgument() const override { return "choose-layouts"; }
  StringRef getDescription() const override { return "Pack the right operands of contractions"; }

  void runOnOperation() override {
    if (target.name.empty())
      target = getHostTarget();
    SmallVector<Operation *> roots;
    getOperation()->walk([&](Operation *op) {
      if (op->getParentOfType<KernelOp>())
        return;
      if (isa<ConvOp, DotGeneralOp>(op))
        roots.push_back(op);
    });
    for (Operation *op : roots) {
      if (auto conv = dyn_cast<ConvOp>(op))
        packFilter(conv);
      else
        packMatrix(cast<DotGeneralOp>(op));
    }
  }

  void packFilter(ConvOp conv) {
    Constness constness;
    if (conv.getGroups() != 1 || !constness.isConstant(conv.getFilter()))
      return;
    int64_t last = Build::rank(conv.getFilter()) - 1;
    pack(conv, 1, last, dimOf(conv.getFilter().getType(), last).constant());
  }

  void packMatrix(DotGeneralOp dot) {
    Constness constness;
    if (dot.getRhsContract().size() != 1 || !isa<FloatType>(Build::elem(dot.getRhs())))
      return;
    int64_t rank = Build::rank(dot.getRhs());
    if (rank - int64_t(dot.getRhsBatch().size()) != 2)
      return;
    int64_t column = -1;
    for (int64_t d = 0; d < rank; ++d)
      if (!llvm::is_contained(dot.getRhsBatch(), d) && !llvm::is_contained(dot.getRhsContract(), d))
        column = d;
    bool strided = column != rank - 1;
    if (!strided && !constness.isConstant(dot.getRhs()))
      return;
    pack(dot, 1, column, dimOf(dot.getRhs().getType(), column).constant());
  }

  void pack(Operation *op, unsigned operand, int64_t dim, std::optional<int64_t> columns) {
    OpBuilder b(op);
    Value x = op->getOperand(operand);
    int64_t tile = panelWidth(target, Build::elem(x), columns);
    Value packed = PackOp::create(b, op->getLoc(), x, dim, tile);
    Value view = UnpackOp::create(b, op->getLoc(), x.getType(), packed, dim);
    op->setOperand(operand, view);
  }

  TargetInfo target;
};

} // namespace

std::unique_ptr<Pass> ingot::createChooseLayoutsPass(const TargetInfo &target) {
  return std::make_unique<ChooseLayoutsPass>(target);
}
