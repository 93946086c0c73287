// sum_t dot(a_t, b_t) = dot(a, b) over t as well, with a and b stacked. A factor
// that was read from a sequence at the iteration number is that sequence.
#include "compiler/passes/train/LoopSums.h"
#include "compiler/dialects/Nn/Build.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

bool isScalarZero(Value v) {
  auto c = v.getDefiningOp<ConstantOp>();
  auto dense = c ? dyn_cast<DenseElementsAttr>(c.getValue()) : DenseElementsAttr();
  return dense && dense.isSplat() && dense.getElementType().isInteger() &&
         dense.getSplatValue<APInt>().isZero();
}

class Sinker {
public:
  Sinker(OpBuilder &b, ForOp loop, Value step)
      : b(b), loop(loop), step(step), body(loop.getBody().front()) {}

  /// What is added to the accumulator in each iteration; none if it is used
  /// otherwise.
  std::optional<SmallVector<Value>> summands(BlockArgument accumulator) {
    SmallVector<Value> found;
    Value sum = body.getTerminator()->getOperand(accumulator.getArgNumber() - 1);
    while (sum != accumulator) {
      auto add = sum.getDefiningOp<AddOp>();
      if (!add || !sum.hasOneUse() || add->getBlock() != &body)
        return std::nullopt;
      bool onLeft = reaches(add.getLhs(), accumulator);
      found.push_back(onLeft ? add.getRhs() : add.getLhs());
      sum = onLeft ? add.getLhs() : add.getRhs();
    }
    if (!accumulator.hasOneUse() || found.empty() ||
        !llvm::all_of(found, [&](Value v) { return isSum(v); }))
      return std::nullopt;
    return found;
  }
  /// Asks for the whole sequence of a value of the body.
  void want(Value v) {
    if (!sequenceOf(v) && !stacked.count(v))
      stacked.insert({v, Value()});
  }
  void wantFactors(Value summand) {
    llvm::for_each(summand.getDefiningOp()->getOperands(), [&](Value v) { want(v); });
  }

  /// Replaces the loop by one that also stacks what is wanted.
  ForOp rebuild() {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop);
    Build build{b, loop.getLoc()};
    SizeExpr trip = loop.getTrip().expr(0);
    SmallVector<Value> inits(loop.getInits());
    for (auto &[v, sequence] : stacked)
      inits.push_back(build.full(stackedDims(v), 0, Build::elem(v)));
    auto wider = ForOp::create(b, loop.getLoc(), inits, trip);
    Block &to = wider.getBody().front();
    for (auto [from, argument] : llvm::zip(body.getArguments(), to.getArguments()))
      from.replaceAllUsesWith(argument);
    Operation *end = body.getTerminator();
    to.getOperations().splice(to.end(), body.getOperations());
    b.setInsertionPoint(end);
    SmallVector<Value> results(end->getOperands());
    Value zero = build.scalar(0, b.getI32Type());
    size_t next = loop.getInits().size();
    for (auto &[v, sequence] : stacked) {
      Dims one = stackedDims(v);
      one[0] = 1;
      SmallVector<Value> starts(one.size(), zero);
      starts[0] = step;
      results.push_back(DynamicUpdateSliceOp::create(b, v.getLoc(), to.getArgument(1 + next),
                                                     build.reshape(v, one), starts));
      sequence = wider.getResult(next++);
    }
    YieldOp::create(b, loop.getLoc(), results);
    end->erase();
    return wider;
  }
  /// The sum over all iterations, at the builder's place.
  Value total(Value summand) {
    Build build{b, summand.getLoc()};
    if (auto reduce = summand.getDefiningOp<ReduceOp>()) {
      SmallVector<int64_t> dims{0};
      for (int64_t d : reduce.getDims())
        dims.push_back(d + 1);
      return build.reduce(ReduceKind::sum, whole(reduce.getX()), dims);
    }
    auto dot = summand.getDefiningOp<DotGeneralOp>();
    Value x = whole(dot.getLhs()), y = whole(dot.getRhs());
    auto leading = [](ArrayRef<int64_t> dims) {
      for (auto [i, d] : llvm::enumerate(dims))
        if (d != static_cast<int64_t>(i))
          return false;
      return true;
    };
    int64_t n = dot.getLhsContract().size() + 1;
    SmallVector<int64_t> xs{0}, ys{0};
    if (leading(dot.getLhsContract()) && leading(dot.getRhsContract())) {
      x = merged(build, x, n); // one matrix product, its depth the iterations times the batch
      y = merged(build, y, n);
    } else {
      for (int64_t d : dot.getLhsContract())
        xs.push_back(d + 1);
      for (int64_t d : dot.getRhsContract())
        ys.push_back(d + 1);
    }
    return DotGeneralOp::create(b, dot.getLoc(), x, y, ArrayRef<int64_t>{}, ArrayRef<int64_t>{}, xs,
                                ys);
  }

private:
  bool reaches(Value sum, Value accumulator) {
    if (sum == accumulator)
      return true;
    auto add = sum.getDefiningOp<AddOp>();
    return add && add->getBlock() == &body && sum.hasOneUse() &&
           (reaches(add.getLhs(), accumulator) || reaches(add.getRhs(), accumulator));
  }
  /// A sum over something that commutes with one over the iterations.
  bool isSum(Value v) {
    Operation *op = v.getDefiningOp();
    if (!op || op->getBlock() != &body)
      return false;
    bool varies =
        llvm::all_of(op->getOperands(), [&](Value o) { return o.getParentBlock() == &body; });
    if (auto reduce = dyn_cast<ReduceOp>(op))
      return varies && reduce.getKind() == ReduceKind::sum;
    auto dot = dyn_cast<DotGeneralOp>(op);
    return varies && dot && dot.getLhsBatch().empty();
  }
  Dims stackedDims(Value v) {
    Dims dims{loop.getTrip().expr(0)};
    llvm::append_range(dims, dimsOf(v));
    return dims;
  }
  /// The sequence that a value of the body is element `step` of; null if it is
  /// computed there.
  Value sequenceOf(Value v) {
    auto reshape = v.getDefiningOp<ReshapeOp>();
    auto slice = reshape ? reshape.getX().getDefiningOp<DynamicSliceOp>() : DynamicSliceOp();
    if (!slice || slice.getX().getParentBlock() == &body || slice.getStarts()[0] != step ||
        !llvm::all_of(slice.getStarts().drop_front(), isScalarZero))
      return {};
    return dimsOf(slice.getX()) == stackedDims(v) ? slice.getX() : Value();
  }
  Value whole(Value v) {
    auto it = stacked.find(v);
    return it != stacked.end() ? it->second : sequenceOf(v);
  }
  static Value merged(Build &build, Value v, int64_t n) {
    Dims dims = dimsOf(v);
    SizeExpr depth = 1;
    for (int64_t i = 0; i < n; ++i)
      depth = depth * dims[i];
    Dims r{depth};
    r.append(dims.begin() + n, dims.end());
    return build.reshape(v, r);
  }

  OpBuilder &b;
  ForOp loop;
  Value step;
  Block &body;
  llvm::MapVector<Value, Value> stacked;
};

} // namespace

SmallVector<Value> sinkSums(OpBuilder &b, ForOp &loop, Value step, unsigned first) {
  Sinker sinker(b, loop, step);
  llvm::MapVector<unsigned, SmallVector<Value>> sunk;
  for (unsigned k = first; k < loop.getInits().size(); ++k)
    if (auto found = sinker.summands(loop.getBody().front().getArgument(k + 1))) {
      llvm::for_each(*found, [&](Value v) { sinker.wantFactors(v); });
      sunk[k] = *found;
    }
  SmallVector<Value> results(loop.getResults());
  if (sunk.empty())
    return results;
  unsigned n = loop.getInits().size();
  ForOp wider = sinker.rebuild();
  results.assign(wider.getResults().begin(), wider.getResults().begin() + n);
  for (auto &[k, summands] : sunk) {
    Value sum = loop.getInits()[k];
    for (Value v : summands)
      sum = AddOp::create(b, v.getLoc(), sum.getType(), sum, sinker.total(v));
    results[k] = sum;
  }
  loop.erase();
  loop = wider;
  return results;
}

} // namespace ingot::train
