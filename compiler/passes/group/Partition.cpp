// The partition of a block into kernels.
//
// Operations are placed in program order. An elementwise operation joins the
// group of an operand when it reads that group point by point; a reduction over
// trailing dimensions joins the group that computes its rows (softmax, layer
// normalization). Injective operations belong to whoever reads them, as long as
// that costs nothing. Joining never makes two kernels need each other.
#include "compiler/passes/group/Partition.h"
#include "compiler/dialects/Nn/Build.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

StringRef ingot::kernelKindName(KernelKind kind) {
  switch (kind) {
  case KernelKind::Elementwise:
    return "elementwise";
  case KernelKind::Contraction:
    return "contraction";
  case KernelKind::Window:
    return "window";
  case KernelKind::Reduction:
    return "reduction";
  case KernelKind::Row:
    return "row";
  case KernelKind::Other:
    return "other";
  }
  return "other";
}

static bool isComputed(Operation *op) {
  return isa<NnDialect>(op->getDialect()) && op->getNumRegions() == 0 && op->getNumResults() &&
         !isa<ConstantOp, ReshapeOp, CopyOp, DispatchOp>(op) &&
         !op->hasTrait<OpTrait::IsTerminator>();
}

/// Reduces exactly the last dimensions.
static bool reducesTrailing(ReduceOp op) {
  int64_t rank = Build::rank(op.getX()), first = rank - op.getDims().size();
  for (auto [i, d] : llvm::enumerate(op.getDims()))
    if (d != first + int64_t(i))
      return false;
  return !op.getDims().empty();
}

/// The kind of a kernel that holds nothing but `op`.
static KernelKind kindAlone(Operation *op) {
  switch (fusionClass(op)) {
  case FusionClass::Elementwise:
  case FusionClass::Injective:
    return KernelKind::Elementwise;
  case FusionClass::Contraction:
    return KernelKind::Contraction;
  case FusionClass::Reduction:
    return isa<ReduceOp>(op) ? KernelKind::Reduction : KernelKind::Window;
  case FusionClass::Opaque:
    return isa<SoftmaxOp, LogSoftmaxOp>(op) ? KernelKind::Row : KernelKind::Other;
  }
  return KernelKind::Other;
}

Partition::Partition(Block &block, bool fuse) : block(block), fuse(fuse) {
  for (Operation &op : block) {
    if (isComputed(&op))
      place(&op);
    else if (!isa<ConstantOp>(op))
      note(&op, order.add());
  }
}

void Partition::place(Operation *op) {
  FusionClass fusion = fusionClass(op);
  if (fuse && isa<RealOp, ImagOp>(op))
    return placePart(op);
  if (fuse && fusion == FusionClass::Elementwise)
    return placeElementwise(op);
  if (fuse && fusion == FusionClass::Injective)
    return placeInjective(op);
  if (fuse && isa<ReduceOp>(op))
    return placeReduction(cast<ReduceOp>(op));
  Group &g = all[open(op, kindAlone(op))];
  if (g.kind == KernelKind::Row)
    g.rowShape = g.shape;
}

int Partition::open(Operation *op, KernelKind kind) {
  Group g;
  g.kind = kind;
  g.shape = dimsOf(op->getResult(0));
  g.prepare = constness.isPrepared(op);
  g.node = order.add();
  all.push_back(std::move(g));
  join(all.size() - 1, op);
  return all.size() - 1;
}
void Partition::join(int group, Operation *op) {
  all[group].ops.push_back(op);
  index[op] = group;
  note(op, all[group].node);
}
void Partition::note(Operation *op, int node) {
  nodes[op] = node;
  llvm::SetVector<Operation *> from;
  sources(op, from);
  for (Operation *s : from)
    if (auto it = nodes.find(s); it != nodes.end())
      order.need(node, it->second);
}

void Partition::sources(Operation *op, llvm::SetVector<Operation *> &out) const {
  auto add = [&](Value v) {
    Operation *def = v.getDefiningOp();
    if (!def || def->getBlock() != &block)
      return;
    if (isCloned(def))
      sources(def, out);
    else
      out.insert(def);
  };
  for (Value v : op->getOperands())
    add(v);
  op->walk([&](Operation *inner) {
    if (inner != op)
      llvm::for_each(inner->getOperands(), add);
  });
}

bool Partition::wouldCycle(int group, Operation *op) const {
  llvm::SetVector<Operation *> from;
  sources(op, from);
  return llvm::any_of(from, [&](Operation *s) {
    auto it = nodes.find(s);
    return it != nodes.end() && order.needs(it->second, all[group].node);
  });
}

/// Nothing outside of groups x and y reads what x computes.
bool Partition::feedsOnly(int x, int y) const {
  return llvm::all_of(all[x].ops, [&](Operation *op) {
    return llvm::all_of(op->getUsers(), [&](Operation *user) {
      int g = groupOf(user);
      return g == x || g == y;
    });
  });
}

bool Partition::mayMerge(int x, int y) const {
  // What only a contraction's epilogue reads is computed there.
  bool joins = all[x].kind == KernelKind::Elementwise ||
               (all[x].kind == KernelKind::Contraction && feedsOnly(y, x));
  if (!joins || all[y].kind != KernelKind::Elementwise || all[x].shape != all[y].shape ||
      all[x].prepare != all[y].prepare)
    return false;
  for (auto [a, b] : {std::pair(x, y), std::pair(y, x)}) {
    if (order.needsThroughAnother(all[a].node, all[b].node))
      return false;
    for (Operation *op : all[a].ops) {
      llvm::SetVector<Operation *> from;
      sources(op, from);
      for (Operation *s : from)
        if (groupOf(s) == b && !llvm::is_contained(op->getOperands(), s->getResult(0)))
          return false; // read through a clone: not point by point
    }
  }
  return true;
}

void Partition::merge(int into, int from) {
  order.merge(all[into].node, all[from].node);
  auto before = [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); };
  SmallVector<Operation *> ops;
  std::merge(all[into].ops.begin(), all[into].ops.end(), all[from].ops.begin(), all[from].ops.end(),
             std::back_inserter(ops), before);
  for (Operation *op : all[from].ops)
    index[op] = into;
  all[from].ops.clear();
  all[into].ops = std::move(ops);
}

/// Operand dimension i is result dimension i, and only trailing ones are missing:
/// one value a row.
static bool isRowBroadcast(BroadcastOp bc) {
  for (auto [i, d] : llvm::enumerate(bc.getDims()))
    if (d != int64_t(i))
      return false;
  return true;
}

bool Partition::readsPointwise(int group, Operation *op, bool asRow) const {
  const Group &g = all[group];
  Dims shape = dimsOf(op->getResult(0));
  for (Value v : op->getOperands()) {
    Operation *def = v.getDefiningOp();
    if (!def || def->getBlock() != &block)
      continue;
    if (groupOf(def) == group) {
      Dims own = dimsOf(v);
      if (own != shape && !(isa<ReduceOp>(op) && own == g.rowShape))
        return false;
      continue;
    }
    if (!isCloned(def))
      continue;
    llvm::SetVector<Operation *> through;
    sources(def, through);
    bool reads = llvm::any_of(through, [&](Operation *s) { return groupOf(s) == group; });
    if (!reads)
      continue;
    auto bc = dyn_cast<BroadcastOp>(def);
    Operation *from = bc ? bc.getX().getDefiningOp() : nullptr;
    if (!asRow || !from || groupOf(from) != group || !isRowBroadcast(bc) ||
        dimsOf(bc.getX()) != g.shape)
      return false;
  }
  return true;
}

void Partition::placeElementwise(Operation *op) {
  Dims shape = dimsOf(op->getResult(0));
  bool prepare = constness.isPrepared(op);
  llvm::SetVector<Operation *> from;
  sources(op, from);
  SmallVector<int> candidates;
  for (Operation *s : from)
    if (int g = groupOf(s); g >= 0 && !llvm::is_contained(candidates, g))
      candidates.push_back(g);
  llvm::sort(candidates, std::greater<int>());
  for (int c : candidates) {
    Group &g = all[c];
    if (g.prepare != prepare || g.kind == KernelKind::Other)
      continue;
    bool rows =
        (g.kind == KernelKind::Row || g.kind == KernelKind::Reduction) && !g.rowShape.empty();
    bool asRow = rows && shape == g.rowShape && g.rowShape != g.shape;
    if (shape != g.shape && !asRow)
      continue;
    if (!readsPointwise(c, op, asRow) || wouldCycle(c, op))
      continue;
    if (asRow)
      g.kind = KernelKind::Row;
    join(c, op);
    for (int other : candidates)
      if (other != c && mayMerge(c, other))
        merge(c, other);
    return;
  }
  open(op, KernelKind::Elementwise);
}

void Partition::placePart(Operation *op) {
  // A part of a complex argument is a strided view of it.
  bool prepare = constness.isPrepared(op);
  if (mayClone(op) && !prepare) {
    cloned.insert(op);
    return;
  }
  // Both parts come from one kernel that reads the argument once.
  for (Operation *other : op->getOperand(0).getUsers())
    if (int g = groupOf(other); isa<RealOp, ImagOp>(other) && g >= 0 && all[g].prepare == prepare &&
                                all[g].kind == KernelKind::Elementwise && !wouldCycle(g, op))
      return join(g, op);
  open(op, KernelKind::Elementwise);
}

void Partition::placeReduction(ReduceOp reduce) {
  Operation *op = reduce;
  bool trailing = reducesTrailing(reduce), prepare = constness.isPrepared(op);
  Operation *def = reduce.getX().getDefiningOp();
  int c = def && def->getBlock() == &block ? groupOf(def) : -1;
  Dims input = dimsOf(reduce.getX()), output = dimsOf(reduce.getResult());
  if (c >= 0 && all[c].prepare == prepare) {
    Group &g = all[c];
    // A row kernel takes a further reduction of its rows.
    if (trailing && !g.rowShape.empty() && g.rowShape == input && g.shape == output &&
        !wouldCycle(c, op)) {
      g.kind = KernelKind::Row;
      return join(c, op);
    }
    // An elementwise group becomes the producer of the reduction: alone if nothing
    // else reads it, as a row kernel if its values are needed as well.
    bool alone = llvm::all_of(g.ops, [&](Operation *member) {
      return llvm::all_of(member->getUsers(),
                          [&](Operation *u) { return u == op || groupOf(u) == c; });
    });
    if (g.kind == KernelKind::Elementwise && g.shape == input && (alone || trailing)) {
      g.kind = alone ? KernelKind::Reduction : KernelKind::Row;
      g.shape = output;
      if (trailing)
        g.rowShape = input;
      return join(c, op);
    }
  }
  Group &g = all[open(op, KernelKind::Reduction)];
  if (trailing)
    g.rowShape = input;
}

bool Partition::mayClone(Operation *op) const {
  // Readers that take any pulled operand: elementwise, reductions, injective ones.
  // Contractions take views only; loops, calls and the terminator need memory.
  if (isa<BroadcastOp, IotaOp, UnpackOp, SizesOp>(op)) {
    return llvm::all_of(op->getUsers(),
                        [&](Operation *u) { return isComputed(u) && u->getBlock() == &block; });
  }
  if (isa<PackOp, ConcatOp>(op) || !op->hasOneUse())
    return false;
  Operation *user = *op->getUsers().begin();
  if (user->getBlock() != &block || !isComputed(user))
    return false;
  switch (fusionClass(user)) {
  case FusionClass::Elementwise:
    return true;
  case FusionClass::Injective:
    return isa<BroadcastOp, SliceOp>(op) || !isa<PackOp>(user);
  case FusionClass::Reduction:
    return isa<PadOp, SliceOp>(op);
  default:
    return false;
  }
}

void Partition::placeInjective(Operation *op) {
  // Prepared values are computed once instead, unless they only repeat what they read.
  if (mayClone(op) && (!constness.isPrepared(op) || isa<BroadcastOp, UnpackOp>(op)))
    cloned.insert(op);
  else
    open(op, KernelKind::Elementwise);
}
