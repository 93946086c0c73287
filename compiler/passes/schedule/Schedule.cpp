// Schedules as attributes, what fits a kernel, and the policy that chooses one
// from shapes and the processor.
#include "compiler/passes/schedule/Schedule.h"

#include "compiler/passes/schedule/Emitter.h"
#include "compiler/passes/schedule/Reduction.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

constexpr std::pair<llvm::StringLiteral, Schedule::Loops> loopNames[] = {
    {"flat", Schedule::Loops::flat},     {"tile", Schedule::Loops::tile},
    {"rows", Schedule::Loops::rows},     {"special", Schedule::Loops::special},
    {"serial", Schedule::Loops::serial},
};

Block &bodyOf(KernelOp kernel) { return kernel.getBody().front(); }
OperandRange yielded(KernelOp kernel) { return bodyOf(kernel).getTerminator()->getOperands(); }
RankedTensorType typeOf(Value v) { return cast<RankedTensorType>(v.getType()); }

/// The size, or `unknown` where only run time tells; at least 1, as policies
/// divide by it.
int64_t guess(const SizeExpr &e, int64_t unknown) {
  return std::max<int64_t>(1, e.constant().value_or(unknown));
}

bool sameShape(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  return x.getShape() == y.getShape() && x.getEncoding() == y.getEncoding();
}

} // namespace

//===-- Attributes --------------------------------------------------------===//

DictionaryAttr Schedule::toAttr(MLIRContext *context) const {
  Builder b(context);
  SmallVector<NamedAttribute> attrs;
  auto add = [&](StringRef name, int64_t v, int64_t absent) {
    if (v != absent)
      attrs.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(v)));
  };
  for (auto [name, kind] : loopNames)
    if (kind == loops)
      attrs.push_back(b.getNamedAttr("loops", b.getStringAttr(name)));
  add("lanes", lanes, 1);
  add("vecs", vecs, 1);
  add("rows", rows, 1);
  add("lane_dim", laneDim, -1);
  add("row_dim", rowDim, -1);
  add("chunk", chunk, 1);
  if (!units.empty()) {
    SmallVector<Attribute> axes;
    for (const UnitAxis &u : units)
      axes.push_back(b.getI64ArrayAttr({u.dim, u.block}));
    attrs.push_back(b.getNamedAttr("units", b.getArrayAttr(axes)));
  }
  if (!order.empty())
    attrs.push_back(b.getNamedAttr("order", b.getI64ArrayAttr(order)));
  if (rolledEpilogue)
    attrs.push_back(b.getNamedAttr("rolled_epilogue", b.getUnitAttr()));
  return b.getDictionaryAttr(attrs);
}

FailureOr<Schedule> Schedule::fromAttr(DictionaryAttr attr,
                                       llvm::function_ref<InFlightDiagnostic()> emitError) {
  Schedule s;
  auto integer = [](Attribute a, int64_t &v) {
    auto i = dyn_cast<IntegerAttr>(a);
    if (i)
      v = i.getInt();
    return bool(i);
  };
  auto bad = [&](StringRef what) -> LogicalResult { return emitError() << "schedule: " << what; };
  for (NamedAttribute a : attr) {
    StringRef name = a.getName();
    int64_t *field = llvm::StringSwitch<int64_t *>(name)
                         .Case("lanes", &s.lanes)
                         .Case("vecs", &s.vecs)
                         .Case("rows", &s.rows)
                         .Case("lane_dim", &s.laneDim)
                         .Case("row_dim", &s.rowDim)
                         .Case("chunk", &s.chunk)
                         .Default(nullptr);
    if (field) {
      if (!integer(a.getValue(), *field))
        return bad(("'" + name + "' must be an integer").str());
    } else if (name == "loops") {
      auto text = dyn_cast<StringAttr>(a.getValue());
      auto *it =
          llvm::find_if(loopNames, [&](auto &n) { return text && text.getValue() == n.first; });
      if (it == std::end(loopNames))
        return bad("'loops' must be \"flat\", \"tile\", \"rows\", \"special\" "
                   "or \"serial\"");
      s.loops = it->second;
    } else if (name == "rolled_epilogue") {
      s.rolledEpilogue = true;
    } else if (name == "order" || name == "units") {
      auto list = dyn_cast<ArrayAttr>(a.getValue());
      for (Attribute item : list ? list.getValue() : ArrayRef<Attribute>()) {
        if (name == "order") {
          if (!integer(item, s.order.emplace_back()))
            return bad("'order' must be a list of dimensions");
          continue;
        }
        auto pair = dyn_cast<ArrayAttr>(item);
        UnitAxis u;
        if (!pair || pair.size() != 2 || !integer(pair[0], u.dim) || !integer(pair[1], u.block))
          return bad("'units' must be a list of [dimension, block]");
        s.units.push_back(u);
      }
    } else {
      return bad(("unknown entry '" + name + "'").str());
    }
  }
  return s;
}

//===-- What fits ---------------------------------------------------------===//

bool isFlat(KernelOp kernel) {
  std::optional<SizeExpr> count;
  auto fits = [&](Type t) {
    SizeExpr n = elementCount(t);
    if (n.isConstant(1))
      return true;
    if (!count)
      count = n;
    return *count == n;
  };
  for (Operation &op : bodyOf(kernel).without_terminator()) {
    if (!op.hasTrait<nn::Elementwise>() && !isa<ReshapeOp, ConstantOp, BroadcastOp, CopyOp>(op) &&
        !(isa<SizesOp>(op) && typeOf(op.getResult(0)).getRank() == 0))
      return false;
    if (auto c = dyn_cast<ConstantOp>(op)) {
      auto dense = dyn_cast<DenseElementsAttr>(c.getValue());
      if (!dense ||
          (!dense.isSplat() && !elementCount(c.getType()).isConstant(1) && !fits(c.getType())))
        return false;
      if (dense.isSplat())
        continue;
    }
    if (auto b = dyn_cast<BroadcastOp>(op))
      if (!elementCount(b.getX().getType()).isConstant(1) &&
          !sameShape(b.getX().getType(), b.getType()))
        return false;
    for (Type t : op.getResultTypes())
      if (!fits(t))
        return false;
    for (Value v : op.getOperands())
      if (!fits(v.getType()))
        return false;
  }
  SizeExpr n = elementCount(kernel.getResult(0).getType());
  return llvm::all_of(yielded(kernel), [&](Value v) { return elementCount(v.getType()) == n; });
}

/// `v` reaches the kernel's results through elementwise operations only.
static bool isPointwiseTo(KernelOp kernel, Value v) {
  SmallVector<Value> work{v};
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value x = work.pop_back_val();
    if (!seen.insert(x).second)
      continue;
    for (Operation *user : x.getUsers()) {
      if (isa<YieldOp>(user))
        continue;
      if (!user->hasTrait<nn::Elementwise>())
        return false;
      work.push_back(user->getResult(0));
    }
  }
  return true;
}

Operation *findRoot(KernelOp kernel) {
  Operation *root = nullptr;
  for (Operation &op : bodyOf(kernel)) {
    if (!isReduction(&op))
      continue;
    if (root)
      return nullptr;
    root = &op;
  }
  if (!root || !isPointwiseTo(kernel, root->getResult(0)))
    return nullptr;
  for (Value v : yielded(kernel))
    if (!sameShape(v.getType(), root->getResult(0).getType()))
      return nullptr;
  return root;
}

bool isRowKernel(KernelOp kernel) {
  Type space;
  unsigned rows = 0;
  for (Operation &op : bodyOf(kernel).without_terminator()) {
    if (isReduction(&op) && !isa<ReduceOp>(op))
      return false;
    auto reduce = dyn_cast<ReduceOp>(op);
    if (!reduce)
      continue;
    unsigned rank = typeOf(reduce.getX()).getRank(), kept = rank - reduce.getDims().size();
    SmallVector<int64_t> dims(reduce.getDims());
    llvm::sort(dims);
    for (auto [i, d] : llvm::enumerate(dims))
      if (d != static_cast<int64_t>(kept + i))
        return false;
    if (dims.empty() || (space && (!sameShape(space, reduce.getX().getType()) || rows != kept)))
      return false;
    space = reduce.getX().getType();
    rows = kept;
  }
  if (!space)
    return false;
  auto dims = dimsOf(space);
  return llvm::all_of(yielded(kernel), [&](Value v) {
    return sameShape(v.getType(), space) || dimsOf(v) == ArrayRef(dims).take_front(rows);
  });
}

LogicalResult verifySchedule(KernelOp kernel, const Schedule &s) {
  auto bad = [&](const Twine &why) { return kernel.emitOpError("schedule: ") << why; };
  auto isPower = [](int64_t v) { return v >= 1 && !(v & (v - 1)); };
  if (!isPower(s.lanes) || s.lanes > 256 || s.vecs < 1 || s.vecs > 64 || s.rows < 1 ||
      s.rows > 64 || s.chunk < 1)
    return bad("lanes must be a power of two, vecs and rows 1 to 64, chunk at "
               "least 1");
  int64_t rank = typeOf(kernel.getResult(0)).getRank();
  switch (s.loops) {
  case Schedule::Loops::flat:
    rank = 1;
    if (!isFlat(kernel))
      return bad("'flat' needs elementwise operations of one shape");
    break;
  case Schedule::Loops::rows:
    if (!isRowKernel(kernel))
      return bad("'rows' needs reductions over the inner dimensions of one shape");
    for (auto op : bodyOf(kernel).getOps<ReduceOp>())
      rank = typeOf(op.getResult()).getRank();
    break;
  case Schedule::Loops::tile: {
    for (Value v : yielded(kernel))
      if (!sameShape(v.getType(), kernel.getResult(0).getType()))
        return bad("'tile' needs results of one shape");
    SmallVector<bool> covered(rank, false);
    for (const UnitAxis &u : s.units)
      if (u.block == 1 && u.dim >= 0 && u.dim < rank)
        covered[u.dim] = true;
    for (int64_t d : s.order) {
      if (d < 0 || d >= rank || covered[d])
        return bad("'order' names dimension " + Twine(d) + " twice, or one that is a unit already");
      covered[d] = true;
    }
    if (llvm::is_contained(covered, false))
      return bad("every dimension must be a unit axis of block 1 or stand in 'order'");
    for (int64_t d : {s.laneDim, s.rowDim})
      if (d != -1 && !llvm::is_contained(s.order, d))
        return bad("lane_dim and row_dim must stand in 'order'");
    if (s.laneDim >= 0 && s.laneDim == s.rowDim)
      return bad("lane_dim and row_dim must differ");
    break;
  }
  case Schedule::Loops::special: {
    Operation *op = findSpecial(kernel);
    if (!op)
      return bad("'special' needs one update, scatter, scan or nonzero as the "
                 "only result");
    auto scan = dyn_cast<ScanOp>(op);
    if (!scan && !s.units.empty())
      return bad("this operation has one unit");
    for (const UnitAxis &u : s.units)
      if (u.block != 1 || u.dim >= static_cast<int64_t>(scan.getDim()))
        return bad("units of a scan are blocks of 1 of the dimensions before it");
    if (scan)
      for (int64_t d = 0; d < static_cast<int64_t>(scan.getDim()); ++d)
        if (!llvm::any_of(s.units, [&](const UnitAxis &u) { return u.dim == d; }))
          return bad("every dimension before a scan's is a unit axis");
    break;
  }
  case Schedule::Loops::serial:
    if (!s.units.empty())
      return bad("'serial' has one unit");
    break;
  }
  for (const UnitAxis &u : s.units)
    if (u.dim < 0 || u.dim >= rank || u.block < 1)
      return bad("unit axis [" + Twine(u.dim) + ", " + Twine(u.block) + "] does not exist");
  return success();
}

//===-- The policy --------------------------------------------------------===//

namespace {

/// What one policy decision looks at.
struct Policy {
  mutable KernelOp kernel;
  const TargetInfo &target;
  Operation *root;
  SmallVector<SizeExpr> dims; // of the results
  int64_t rank;
  unsigned heavyOps = 0;

  Policy(KernelOp kernel, const TargetInfo &target)
      : kernel(kernel), target(target), root(findRoot(kernel)), dims(dimsOf(kernel.getResult(0))),
        rank(dims.size()) {
    for (Operation &op : bodyOf(kernel))
      if (isa<ExpOp, Expm1Op, LogOp, Log1pOp, SinOp, CosOp, TanOp, TanhOp, SigmoidOp, SoftplusOp,
              ErfOp, ErfcOp, PowOp, EluOp, SeluOp, AsinOp, AcosOp, AtanOp, ErfinvOp, NdtriOp,
              LgammaOp, DigammaOp>(op))
        ++heavyOps;
  }

  /// Lanes of the kernel's widest arithmetic.
  int64_t lanes() const {
    unsigned floats = 0, integers = 8;
    auto count = [&](Type t) {
      Type c = Emitter::computeType(getElementTypeOrSelf(t));
      if (auto f = dyn_cast<FloatType>(c))
        floats = std::max(floats, f.getWidth());
      else if (c.isInteger() && !c.isInteger(1) && cast<RankedTensorType>(t).getRank())
        integers = std::max(integers, c.getIntOrFloatBitWidth());
    };
    for (Type t : bodyOf(kernel).getArgumentTypes())
      count(t);
    for (Operation &op : bodyOf(kernel))
      for (Type t : op.getResultTypes())
        count(t);
    return target.lanes(floats ? floats : integers);
  }
  /// Lanes no wider than a dimension needs.
  int64_t lanesFor(int64_t n) const {
    int64_t l = lanes();
    while (l > 4 && l / 2 >= n)
      l /= 2;
    return std::max<int64_t>(l, 2);
  }

  Schedule choose() const {
    if (Operation *op = findSpecial(kernel))
      return special(op);
    if (isFlat(kernel))
      return flat();
    if (isRowKernel(kernel))
      return rows();
    bool oneShape = llvm::all_of(yielded(kernel), [&](Value v) {
      return sameShape(v.getType(), kernel.getResult(0).getType());
    });
    if (!oneShape)
      return serial();
    if (root && isa<DotGeneralOp, ConvOp, ConvFilterGradOp>(root))
      return contraction();
    return tiles();
  }

  Schedule flat() const {
    Schedule s;
    s.loops = Schedule::Loops::flat;
    int64_t n = guess(elementCount(kernel.getResult(0).getType()), 1 << 16);
    if (n == 1)
      return s;
    s.lanes = lanesFor(n);
    s.vecs = std::clamp<int64_t>(n / s.lanes, 1, heavyOps > 1 ? 1 : heavyOps ? 2 : 4);
    s.units = {{0, std::max<int64_t>(s.lanes * s.vecs, 1024)}};
    s.chunk = heavyOps ? 4 : 16;
    return s;
  }

  Schedule special(Operation *op) const {
    Schedule s;
    s.loops = Schedule::Loops::special;
    if (auto nonzero = dyn_cast<NonzeroOp>(op)) {
      s.lanes = nonzeroLanes(nonzero);
      return s;
    }
    if (!rank)
      return s;
    s.lanes = lanesFor(guess(dims.back(), 256));
    if (auto scan = dyn_cast<ScanOp>(op)) {
      int64_t work = 1;
      for (int64_t d = 0; d < rank; ++d)
        if (d < static_cast<int64_t>(scan.getDim()))
          s.units.push_back({d, 1});
        else
          work *= guess(dims[d], 64);
      s.chunk = std::clamp<int64_t>(8192 / std::max<int64_t>(work, 1), 1, 1024);
    }
    return s;
  }

  /// As many as one test of what is computed takes; the result is written in scalar code.
  int64_t nonzeroLanes(NonzeroOp op) const {
    auto x = dimsOf(op.getX());
    if (x.empty())
      return 1;
    unsigned bits = 8;
    for (Operation &other : bodyOf(kernel).without_terminator())
      for (Value v : other.getOperands()) {
        Type c = Emitter::computeType(getElementTypeOrSelf(v.getType()));
        if (c.isIntOrFloat())
          bits = std::max(bits, c.getIntOrFloatBitWidth());
      }
    int64_t lanes = std::min<int64_t>(target.lanes(bits), 64), n = guess(x.back(), 256);
    while (lanes > 1 && lanes / 2 >= n)
      lanes /= 2;
    return lanes;
  }

  Schedule rows() const {
    Schedule s;
    s.loops = Schedule::Loops::rows;
    int64_t inner = 1, last = 1;
    for (auto op : bodyOf(kernel).getOps<ReduceOp>()) {
      auto x = dimsOf(op.getX());
      unsigned kept = typeOf(op.getResult()).getRank();
      inner = 1;
      for (const SizeExpr &d : ArrayRef(x).drop_front(kept))
        inner *= guess(d, 256);
      last = guess(x.back(), 256);
      s.units.clear();
      for (unsigned d = 0; d < kept; ++d)
        s.units.push_back({d, 1});
    }
    s.lanes = lanesFor(last);
    s.vecs = std::clamp<int64_t>(last / s.lanes, 1, 4);
    s.chunk = std::max<int64_t>(1, 8192 / std::max<int64_t>(inner, 1));
    return s;
  }

  Schedule serial() const {
    Schedule s;
    s.lanes = llvm::all_of(yielded(kernel), [](Value v) { return typeOf(v).getRank() > 0; })
                  ? lanes()
                  : 1;
    return s;
  }

  /// Elementwise with shape changes, windows, reductions with free inner dims.
  Schedule tiles() const {
    Schedule s;
    s.loops = Schedule::Loops::tile;
    if (rank == 0)
      return s;
    s.laneDim = rank - 1;
    int64_t n = guess(dims.back(), 256);
    s.lanes = lanesFor(n);
    // Its windows are found by branches, one position at a time.
    for (auto grad : bodyOf(kernel).getOps<MaxPoolGradOp>())
      if (grad.getWindow().back() != 1 || grad.getStrides().back() != 1) {
        s.laneDim = -1;
        s.lanes = 1;
      }
    // Along the innermost dimension lanes would be strided: several rows at
    // once in scalar code instead.
    if (auto arg = dyn_cast_or_null<ArgReduceOp>(root);
        arg && static_cast<int64_t>(arg.getDim()) == rank) {
      s.laneDim = -1;
      s.lanes = 1;
      s.rowDim = rank - 1;
      s.rows = std::min<int64_t>(4, n);
    }
    int64_t vectors = std::max<int64_t>(1, n / s.lanes);
    s.vecs = s.laneDim < 0 ? 1 : std::min<int64_t>(vectors, heavyOps > 1 ? 1 : 4);
    int64_t work = 1; // of one result element
    if (root) {
      if (auto w = dyn_cast<ReduceWindowOp>(root)) {
        for (int64_t k : w.getWindow())
          work *= k;
        s.vecs = std::min<int64_t>(vectors, 2);
        if (rank >= 2 && guess(dims[rank - 2], 8) > 1 && s.vecs * 4 <= 8) {
          s.rowDim = rank - 2;
          s.rows = std::min<int64_t>(4, guess(dims[rank - 2], 8));
        }
      } else if (auto r = dyn_cast<ReduceOp>(root)) {
        auto x = dimsOf(r.getX());
        for (int64_t d : r.getDims())
          work *= guess(x[d], 256);
      } else if (auto arg = dyn_cast<ArgReduceOp>(root)) {
        work = guess(dimOf(arg.getX().getType(), arg.getDim()), 256);
      }
    }
    // Units: outer dimensions, until what is left is enough to be worth a call.
    int64_t left = n * work, split = rank - 1;
    while (split > 0 && left * guess(dims[split - 1], 8) <= 4096)
      left *= guess(dims[--split], 8);
    if (split == 0 && rank > 1 && !root)
      split = std::min<int64_t>(1, rank - 1), left = std::max<int64_t>(1, left / guess(dims[0], 8));
    for (int64_t d = 0; d < split; ++d)
      if (d != s.rowDim)
        s.units.push_back({d, 1});
    bool laneBlocks = split == rank - 1 && n * work > 8192 && n > s.lanes * s.vecs;
    if (laneBlocks || rank == 1) {
      int64_t block = std::max(s.lanes * s.vecs, s.rows);
      while (block * work < 4096 && block < n)
        block *= 2;
      if (block == 1) // then the dimension is no loop
        s.rowDim = -1;
      s.units.push_back({rank - 1, block});
      left = block * work;
    }
    for (int64_t d = 0; d < rank; ++d)
      if (!llvm::any_of(s.units, [&](const UnitAxis &u) { return u.dim == d && u.block == 1; }))
        s.order.push_back(d);
    s.chunk = std::clamp<int64_t>(16384 / std::max<int64_t>(left, 1), 1, 1024);
    return s;
  }

  /// Bytes of the operand that is read along the lanes, for one column.
  int64_t columnBytes() const {
    int64_t k = 1;
    auto leading = [&](Value v, int64_t unknown) {
      auto sizes = dimsOf(v);
      for (const SizeExpr &d : ArrayRef(sizes).drop_back())
        k *= guess(d, unknown);
    };
    if (auto dot = dyn_cast<DotGeneralOp>(root)) {
      auto x = dimsOf(dot.getLhs());
      for (int64_t d : dot.getLhsContract())
        k *= guess(x[d], 512);
    } else if (auto conv = dyn_cast<ConvOp>(root)) {
      leading(conv.getFilter(), 64);
    } else if (auto grad = dyn_cast<ConvFilterGradOp>(root)) {
      leading(grad.getGrad(), 16);
    }
    return k * elementBytes(Emitter::elementType(root->getOperand(1)));
  }
  /// A convolution over an input with holes between its elements: transposed
  /// convolution, gradient of a strided one.
  bool hasHoles() const {
    auto conv = dyn_cast<ConvOp>(root);
    return conv && llvm::any_of(conv.getLhsDilation(), [](int64_t d) { return d != 1; });
  }
  bool isDepthwise() const {
    auto conv = dyn_cast<ConvOp>(root);
    return conv && conv.getGroups() > 1 &&
           dimOf(conv.getFilter().getType(), rank - 2).isConstant(1);
  }
  /// Innermost dimension of a packed right operand, if it is one.
  int64_t packedTile() const {
    auto unpack = root->getOperand(1).getDefiningOp<UnpackOp>();
    return unpack ? typeOf(unpack.getX()).getShape().back() : 0;
  }

  Schedule contraction() const {
    Schedule s;
    s.loops = Schedule::Loops::tile;
    if (rank == 0)
      return s;
    s.laneDim = rank - 1;
    int64_t n = guess(dims.back(), 1024);
    s.lanes = lanesFor(n);
    // Rows: the innermost other dimension that is long enough.
    for (int64_t d = rank - 2; d >= 0; --d)
      if (s.rowDim < 0
              ? guess(dims[d], 64) > 1
              : guess(dims[s.rowDim], 64) < 4 && guess(dims[d], 64) > guess(dims[s.rowDim], 64))
        s.rowDim = d;
    bool holes = hasHoles();
    if (holes) // positions of a tile must meet the same taps: rows are images
      s.rowDim = dims[0].isConstant(1) ? -1 : 0;
    int64_t m = s.rowDim < 0 ? 1 : guess(dims[s.rowDim], 1 << 20);
    bool fixedRows = s.rowDim < 0 || dims[s.rowDim].constant();
    int64_t registers = target.vectorRegisters, vectors = (n + s.lanes - 1) / s.lanes;
    int64_t tile = packedTile();
    s.vecs = std::min<int64_t>(vectors, target.hasLaneFma ? 4 : 2);
    if (m == 1) { // a matrix times a vector streams the matrix: wide tiles
      s.vecs = std::min<int64_t>(vectors, 8);
    } else if (m <= 4 && fixedRows) {
      s.vecs = std::min<int64_t>(vectors, 4);
    }
    if (tile >= s.lanes && m != 1)
      s.vecs = std::min(s.vecs, tile / s.lanes);
    if (holes && m != 1) // few images: enough columns to hide latency
      s.vecs = std::min<int64_t>(vectors, 4);
    if (isDepthwise()) // every row has inputs of its own: no more than hide
                       // latency
      s.vecs = 1;
    int64_t fit = std::max<int64_t>(1, (registers - s.vecs - 1) / s.vecs);
    if (isDepthwise())
      fit = std::min<int64_t>(fit, 8);
    s.rows = std::clamp<int64_t>(fit, 1, std::min<int64_t>(m, 24));

    int64_t columns =
        std::max<int64_t>(1, target.l2Bytes / 2 / std::max<int64_t>(1, columnBytes()));
    int64_t panel = s.vecs * s.lanes;
    int64_t block =
        std::clamp<int64_t>(columns / panel * panel, panel, (n + panel - 1) / panel * panel);
    // Blocks of nearly equal width.
    int64_t blocks = (n + block - 1) / block;
    block = ((n + blocks - 1) / blocks + panel - 1) / panel * panel;

    bool isDot = isa<DotGeneralOp>(root);
    int64_t batch = isDot ? cast<DotGeneralOp>(root).getLhsBatch().size() : 0;
    for (int64_t d = 0; d < batch; ++d)
      if (d != s.rowDim)
        s.units.push_back({d, 1});
    if (blocks > 1)
      s.units.push_back({s.laneDim, block});
    for (int64_t d = batch; d < rank; ++d) {
      if (d == s.laneDim)
        continue;
      if (d != s.rowDim)
        s.units.push_back({d, 1});
      else if (int64_t rb = rowBlock(s, m, fixedRows))
        s.units.push_back({d, rb});
    }
    if (s.rowDim >= 0)
      s.order.push_back(s.rowDim);
    s.order.push_back(s.laneDim);
    s.rolledEpilogue = heavyOps > 0 && canRoll();
    // A unit of at least about 100 microseconds' worth of operations.
    int64_t flops = columnBytes() * std::min(block, n) * std::min<int64_t>(m, s.rows * 4);
    s.chunk = std::clamp<int64_t>((1 << 19) / std::max<int64_t>(flops, 1), 1, 64);
    return s;
  }
  /// Height of a block of rows that is one unit, 0 for all.
  int64_t rowBlock(const Schedule &s, int64_t m, bool fixed) const {
    if (!isa<DotGeneralOp>(root))
      return 0;
    if (!fixed)
      return s.rows * 4;
    if (m <= s.rows * 4)
      return 0;
    // The divisor that leaves the fullest strips, the smaller of equals.
    int64_t best = m;
    double fill = 0;
    for (int64_t b = s.rows; b <= s.rows * 8 && b < m; ++b) {
      if (m % b)
        continue;
      double f = double(b) / ((b + s.rows - 1) / s.rows);
      if (f > fill + 0.5) {
        fill = f;
        best = b;
      }
    }
    return best == m ? s.rows * 4 : best;
  }
  bool canRoll() const {
    Type result = kernel.getResult(0).getType();
    return result == root->getResult(0).getType() &&
           Emitter::computeType(getElementTypeOrSelf(result)) == getElementTypeOrSelf(result) &&
           kernel.getResult(0).getType() == yielded(kernel)[0].getType();
  }
};

} // namespace

Schedule chooseSchedule(KernelOp kernel, const TargetInfo &target) {
  return Policy(kernel, target).choose();
}

} // namespace ingot::schedule
