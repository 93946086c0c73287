// GPU schedules as attributes, what fits a kernel, and the policy.
#include "compiler/passes/schedule/gpu/GpuSchedule.h"

#include "compiler/passes/schedule/Emitter.h"
#include "compiler/passes/schedule/Reduction.h"
#include "compiler/passes/schedule/Schedule.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

constexpr std::pair<llvm::StringLiteral, GpuSchedule::Loops> loopNames[] = {
    {"flat", GpuSchedule::Loops::flat},
    {"points", GpuSchedule::Loops::points},
    {"rows", GpuSchedule::Loops::rows},
    {"matmul", GpuSchedule::Loops::matmul},
};

/// Shared memory that every GPU gives a block without being asked.
constexpr int64_t sharedBytes = 48 << 10;

Block &bodyOf(KernelOp kernel) { return kernel.getBody().front(); }
OperandRange yielded(KernelOp kernel) { return bodyOf(kernel).getTerminator()->getOperands(); }
int64_t guess(const SizeExpr &e, int64_t unknown) { return e.constant().value_or(unknown); }

bool sameShape(Value a, Value b) { return dimsOf(a) == dimsOf(b); }

bool hasOneShape(KernelOp kernel) {
  return llvm::all_of(yielded(kernel), [&](Value v) { return sameShape(v, yielded(kernel)[0]); });
}

/// Four neighbours along the last dimension of `space` are four neighbours in
/// every tensor of the kernel, or the same element.
bool hasLanes(KernelOp kernel, Value space) {
  auto dims = dimsOf(space);
  if (dims.empty() || !dims.back().constant() || *dims.back().constant() % 4)
    return false;
  for (Operation &op : bodyOf(kernel).without_terminator()) {
    if (auto b = dyn_cast<BroadcastOp>(op)) {
      auto from = dimsOf(b.getX());
      for (auto [i, d] : llvm::enumerate(b.getDims()))
        if (!from[i].isConstant(1) && from[i] != dimsOf(b.getResult())[d])
          return false;
      continue;
    }
    if (!op.hasTrait<nn::Elementwise>() && !isa<ConstantOp, ReduceOp>(op))
      return false;
  }
  return true;
}

/// An operation on complex numbers: kernels only take them apart and together.
Operation *findComplex(KernelOp kernel) {
  auto isComplex = [](Type t) { return isa<ComplexType>(getElementTypeOrSelf(t)); };
  for (Operation &op : bodyOf(kernel).without_terminator())
    if (!isa<RealOp, ImagOp, ComplexOp>(op) && (llvm::any_of(op.getOperandTypes(), isComplex) ||
                                                llvm::any_of(op.getResultTypes(), isComplex)))
      return &op;
  return nullptr;
}

/// Operations that one thread computes by itself for its elements.
Operation *findUnscheduled(KernelOp kernel) {
  for (Operation &op : bodyOf(kernel).without_terminator()) {
    if (isa<ReduceOp, ArgReduceOp, DotGeneralOp, ComplexOp>(op))
      continue;
    if (isReduction(&op) || !findPullRule(&op))
      return &op;
  }
  return nullptr;
}

LogicalResult noSchedule(KernelOp kernel, Operation *op) {
  Operation *where = op ? op : kernel.getOperation();
  InFlightDiagnostic d = where->emitError();
  if (op)
    d << "'" << op->getName() << "' has no GPU schedule yet";
  else
    d << "a kernel with results of several shapes has no GPU schedule yet";
  d << "; compile this model with --target cpu";
  return failure();
}

} // namespace

DotGeneralOp findMatmul(KernelOp kernel) {
  auto dot = dyn_cast_or_null<DotGeneralOp>(findRoot(kernel));
  if (!dot || !Emitter::computeType(Emitter::elementType(dot.getLhs())).isF32() ||
      dot.getLhsContract().empty())
    return nullptr;
  return dot;
}

DictionaryAttr GpuSchedule::toAttr(MLIRContext *context) const {
  Builder b(context);
  SmallVector<NamedAttribute> attrs;
  auto add = [&](StringRef name, Attribute a) { attrs.push_back(b.getNamedAttr(name, a)); };
  for (auto [name, kind] : loopNames)
    if (kind == loops)
      add("gpu", b.getStringAttr(name));
  add("threads", b.getI64IntegerAttr(threads));
  if (loops == Loops::matmul) {
    add("tile", b.getI64ArrayAttr({tileM, tileN, tileK}));
    add("thread", b.getI64ArrayAttr({threadM, threadN}));
  } else {
    add("lanes", b.getI64IntegerAttr(lanes));
  }
  if (loops == Loops::rows)
    add("row_threads", b.getI64IntegerAttr(rowThreads));
  return b.getDictionaryAttr(attrs);
}

FailureOr<GpuSchedule> GpuSchedule::fromAttr(DictionaryAttr attr,
                                             llvm::function_ref<InFlightDiagnostic()> emitError) {
  GpuSchedule s;
  auto bad = [&](const Twine &why) { return emitError() << "GPU schedule: " << why; };
  auto integers = [](Attribute a, MutableArrayRef<int64_t *> to) {
    auto list = dyn_cast<ArrayAttr>(a);
    if (!list || list.size() != to.size())
      return false;
    for (auto [x, t] : llvm::zip(list, to)) {
      auto i = dyn_cast<IntegerAttr>(x);
      if (!i)
        return false;
      *t = i.getInt();
    }
    return true;
  };
  bool named = false;
  for (NamedAttribute a : attr) {
    StringRef name = a.getName();
    if (name == "gpu") {
      auto text = dyn_cast<StringAttr>(a.getValue());
      for (auto [known, kind] : loopNames)
        if (text && text.getValue() == known) {
          s.loops = kind;
          named = true;
        }
      if (!named)
        return bad("'gpu' must be \"flat\", \"points\", \"rows\" or \"matmul\"");
      continue;
    }
    int64_t *tile[] = {&s.tileM, &s.tileN, &s.tileK}, *thread[] = {&s.threadM, &s.threadN};
    if (name == "tile" || name == "thread") {
      if (!integers(a.getValue(), name == "tile" ? MutableArrayRef<int64_t *>(tile) : thread))
        return bad("'" + name + "' must be a list of integers: [m, n, k] or [m, n]");
      continue;
    }
    int64_t *to = name == "threads"       ? &s.threads
                  : name == "lanes"       ? &s.lanes
                  : name == "row_threads" ? &s.rowThreads
                                          : nullptr;
    auto i = dyn_cast<IntegerAttr>(a.getValue());
    if (!to || !i)
      return bad("'" + name + "' is no integer that a schedule has");
    *to = i.getInt();
  }
  if (!named)
    return bad("'gpu' is missing; a CPU schedule does not fit this target");
  return s;
}

LogicalResult verifyGpuSchedule(KernelOp kernel, const GpuSchedule &s) {
  if (Operation *op = findComplex(kernel))
    return noSchedule(kernel, op);
  auto bad = [&](const Twine &why) { return kernel.emitOpError("GPU schedule: ") << why; };
  if (s.threads < 32 || s.threads > 1024 || s.threads % 32)
    return bad("threads must be a multiple of 32 from 32 to 1024");
  if (s.lanes != 1 && s.lanes != 4)
    return bad("lanes must be 1 or 4");
  switch (s.loops) {
  case GpuSchedule::Loops::flat:
    return isFlat(kernel) ? success() : bad("'flat' needs elementwise operations of one shape");
  case GpuSchedule::Loops::points:
    if (Operation *op = findUnscheduled(kernel))
      return noSchedule(kernel, op);
    if (!hasOneShape(kernel))
      return bad("'points' needs results of one shape");
    if (s.lanes != 1 && (findRoot(kernel) || !hasLanes(kernel, yielded(kernel)[0])))
      return bad("4 lanes need elementwise operations and a last dimension that 4 divides");
    return success();
  case GpuSchedule::Loops::rows: {
    if (!isRowKernel(kernel))
      return bad("'rows' needs reductions over the inner dimensions of one shape");
    Value space = (*bodyOf(kernel).getOps<ReduceOp>().begin()).getX();
    if (s.lanes != 1 && !hasLanes(kernel, space))
      return bad("4 lanes need elementwise operations and a last dimension that 4 divides");
    if (s.rowThreads != 32 && s.rowThreads != s.threads)
      return bad("row_threads must be 32 (a warp) or all threads");
    return success();
  }
  case GpuSchedule::Loops::matmul: {
    if (!findMatmul(kernel))
      return bad("'matmul' needs one contraction of float32, float16 or bfloat16");
    if (s.threadM % 4 || s.threadN % 4 || s.threadM < 4 || s.threadN < 4 || s.tileM % s.threadM ||
        s.tileN % s.threadN || (s.tileM / s.threadM) * (s.tileN / s.threadN) != s.threads)
      return bad("a thread's rows and columns must be multiples of 4 that divide the tile's into "
                 "one part for each thread");
    if (s.tileK < 4 || s.tileK % 4 || s.tileM * s.tileK % (4 * s.threads) ||
        s.tileN * s.tileK % (4 * s.threads))
      return bad("each thread must load a multiple of 4 elements of both operands' tiles");
    if (2 * s.tileK * (s.tileM + 4 + s.tileN) * 4 > sharedBytes)
      return bad("two tiles of both operands do not fit 48 KiB of shared memory");
    return success();
  }
  }
  return success();
}

//===-- The policy --------------------------------------------------------===//

static GpuSchedule chooseMatmul(DotGeneralOp dot) {
  GpuSchedule s;
  s.loops = GpuSchedule::Loops::matmul;
  auto lhs = dimsOf(dot.getLhs()), rhs = dimsOf(dot.getRhs());
  int64_t m = 1, n = 1;
  for (int64_t d = 0; d < static_cast<int64_t>(lhs.size()); ++d)
    if (!llvm::is_contained(dot.getLhsBatch(), d) && !llvm::is_contained(dot.getLhsContract(), d))
      m *= guess(lhs[d], 64);
  for (int64_t d = 0; d < static_cast<int64_t>(rhs.size()); ++d)
    if (!llvm::is_contained(dot.getRhsBatch(), d) && !llvm::is_contained(dot.getRhsContract(), d))
      n *= guess(rhs[d], 64);
  s.tileK = 16;
  // Large tiles read less of memory; small ones give more blocks.
  bool large = m >= 512 && n >= 512;
  s.tileM = large ? 128 : m > 32 ? 64 : 32;
  s.tileN = large ? 128 : n > 32 ? 64 : n > 16 ? 32 : 16;
  s.threadM = s.threadN = large ? 8 : 4;
  s.threads = (s.tileM / s.threadM) * (s.tileN / s.threadN);
  return s;
}

FailureOr<GpuSchedule> chooseGpuSchedule(KernelOp kernel) {
  GpuSchedule s;
  if (Operation *op = findComplex(kernel))
    return noSchedule(kernel, op);
  if (isFlat(kernel)) {
    s.loops = GpuSchedule::Loops::flat;
    s.lanes = 4;
    return s;
  }
  if (Operation *op = findUnscheduled(kernel))
    return noSchedule(kernel, op);
  if (isRowKernel(kernel)) {
    s.loops = GpuSchedule::Loops::rows;
    int64_t inner = 1;
    for (auto op : bodyOf(kernel).getOps<ReduceOp>()) {
      inner = 1;
      for (int64_t d : op.getDims())
        inner *= guess(dimsOf(op.getX())[d], 512);
    }
    s.rowThreads = inner > 1024 ? s.threads : 32;
    Value space = (*bodyOf(kernel).getOps<ReduceOp>().begin()).getX();
    s.lanes = hasLanes(kernel, space) ? 4 : 1;
    return s;
  }
  if (!hasOneShape(kernel))
    return noSchedule(kernel, nullptr);
  if (DotGeneralOp dot = findMatmul(kernel))
    return chooseMatmul(dot);
  bool reduces = llvm::any_of(bodyOf(kernel), [](Operation &op) { return isReduction(&op); });
  s.lanes = !reduces && hasLanes(kernel, yielded(kernel)[0]) ? 4 : 1;
  return s;
}

} // namespace ingot::schedule
