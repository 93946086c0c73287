// Ops that pick, place or join elements: slices, gathers, scatters, concat,
// split, pad, one-hot, scans, space-to-batch.
#include "compiler/passes/import/LegalizeRules.h"
#include "compiler/passes/import/LegalizeSlices.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;
using nn::CompareDirection;

namespace {

SmallVector<int64_t> toSizes(ArrayRef<int64_t> v) { return SmallVector<int64_t>(v); }

/// Row-major strides of a static shape.
SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> s(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    s[i] = s[i + 1] * shape[i + 1];
  return s;
}

/// The elements of a window of known ones; all numbers.
Known window(const Known &x, ArrayRef<int64_t> start, ArrayRef<int64_t> sizes,
             ArrayRef<int64_t> strides) {
  Known r{toSizes(sizes), {}};
  SmallVector<int64_t> unit = stridesOf(x.shape);
  int64_t count = 1;
  for (int64_t s : sizes)
    count *= s;
  for (int64_t flat = 0; flat < count; ++flat) {
    int64_t left = flat, at = 0;
    for (int64_t d = static_cast<int64_t>(sizes.size()) - 1; d >= 0; --d) {
      at += (start[d] + left % sizes[d] * strides[d]) * unit[d];
      left /= sizes[d];
    }
    r.values.push_back(x.values[at]);
  }
  return r;
}
std::optional<SmallVector<int64_t>> numbers(ArrayRef<SizeExpr> v) {
  return Known{{}, Dims(v)}.constants();
}

//===-- Slices ------------------------------------------------------------===//

LogicalResult slice(Node &n) {
  Dims x = n.dims(0), sizes;
  if (failed(n.needSizes(2, "the sizes", sizes)))
    return failure();
  auto begin = n.sizes(1);
  if (sizes.size() != x.size() || n.type(1).getNumElements() != static_cast<int64_t>(x.size()))
    return n.refuse("begin and size need " + Twine(x.size()) + " entries");
  if (!begin) {
    // A window at run-time places: its sizes must not depend on them.
    SmallVector<Value> starts;
    for (size_t d = 0; d < x.size(); ++d) {
      if (sizes[d].isConstant(-1))
        return n.refuse("size -1 from a run-time begin");
      Value at = n.b.slice(n.in(1), {SizeExpr(static_cast<int64_t>(d))}, {SizeExpr(1)});
      starts.push_back(n.b.reshape(at, {}));
    }
    return n.give(nn::DynamicSliceOp::create(n.b.b, n.b.loc, nn::tensorType(sizes, n.elem(0)),
                                             n.in(0), starts));
  }
  for (size_t d = 0; d < x.size(); ++d) {
    if (sizes[d].isConstant(-1))
      sizes[d] = x[d] - (*begin)[d];
    auto room = (x[d] - (*begin)[d] - sizes[d]).constant();
    auto low = (*begin)[d].constant();
    auto count = sizes[d].constant();
    if ((room && *room < 0) || (low && *low < 0) || (count && *count < 0))
      return n.refuse("begin " + (*begin)[d].str() + " and size " + sizes[d].str() +
                      " leave dimension " + Twine(d) + " of size " + x[d].str());
  }
  if (n.known(0))
    if (auto s = numbers(*begin), z = numbers(sizes); s && z)
      return n.give(
          Datum::of(window(*n.known(0), *s, *z, SmallVector<int64_t>(x.size(), 1)), n.elem(0)));
  return n.give(n.b.slice(n.in(0), *begin, sizes));
}

LogicalResult stridedSlice(Node &n) {
  SliceSpec spec;
  if (failed(spec.read(n, n.type(0), 1, 2, 3)))
    return failure();
  Dims x = n.dims(0);
  if (n.known(0) && spec.dynamic.empty())
    if (auto s = numbers(spec.start), z = numbers(spec.sizes); s && z) {
      Known k = window(*n.known(0), *s, *z, spec.strides);
      k.shape.clear();
      for (const SizeExpr &d : spec.result)
        k.shape.push_back(*d.constant());
      return n.give(Datum::of(k, n.elem(0)));
    }
  Value v = n.in(0);
  if (!spec.dynamic.empty()) {
    // Rows at run-time places first, then what is left of the slice.
    Dims sizes = x;
    SmallVector<Value> starts(x.size());
    for (size_t d = 0; d < x.size(); ++d)
      starts[d] = n.b.scalar(0, n.elem(1));
    for (auto &[d, at] : spec.dynamic) {
      Value wrapped = n.b.add(at, n.b.size(x[d], n.elem(1)));
      Value negative = n.b.compare(CompareDirection::lt, at, n.b.scalar(0, n.elem(1)));
      starts[d] = n.b.select(negative, wrapped, at);
      sizes[d] = 1;
      spec.start[d] = 0;
    }
    v = nn::DynamicSliceOp::create(n.b.b, n.b.loc, nn::tensorType(sizes, n.elem(0)), v, starts);
  }
  v = n.b.slice(v, spec.start, spec.sizes, spec.strides);
  return n.give(n.b.reshape(v, spec.result));
}

LogicalResult split(Node &n, unsigned x, int64_t axis, ArrayRef<SizeExpr> sizes) {
  Dims dims = n.dims(x), start(dims.size(), SizeExpr(0));
  for (unsigned i = 0; i < n.numOutputs(); ++i) {
    Dims part = dims;
    part[axis] = sizes[i];
    if (n.isLive(i)) {
      auto s = numbers(start), z = numbers(part);
      if (n.known(x) && s && z)
        (void)n.give(i, Datum::of(window(*n.known(x), *s, *z, SmallVector<int64_t>(dims.size(), 1)),
                                  n.elem(x)));
      else
        (void)n.give(i, Datum::of(n.b.slice(n.in(x), start, part)));
    }
    start[axis] = start[axis] + sizes[i];
  }
  return success();
}
LogicalResult splitEven(Node &n) {
  auto at = n.integer(0);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at, count = n.numOutputs();
  if (failed(n.axis(axis, n.rank(1))))
    return failure();
  SizeExpr size = n.dims(1)[axis], part = SizeExpr::floorDiv(size, count);
  if (failed(n.same(size, part * count, "the split dimension")))
    return failure();
  return split(n, 1, axis, Dims(count, part));
}
LogicalResult splitV(Node &n) {
  auto at = n.integer(2);
  Dims sizes;
  if (!at)
    return n.refuse("the axis must be constant");
  if (failed(n.needSizes(1, "the sizes", sizes)))
    return failure();
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(0))))
    return failure();
  if (sizes.size() != n.numOutputs())
    return n.refuse("has " + Twine(sizes.size()) + " sizes for " + Twine(n.numOutputs()) +
                    " outputs");
  SizeExpr sum = 0;
  int64_t open = -1;
  for (auto [i, s] : llvm::enumerate(sizes)) {
    if (s.isConstant(-1))
      open = i;
    else
      sum = sum + s;
  }
  if (open >= 0)
    sizes[open] = n.dims(0)[axis] - sum;
  else if (failed(n.same(sum, n.dims(0)[axis], "the sum of sizes")))
    return failure();
  for (const SizeExpr &s : sizes)
    if (auto c = s.constant(); c && *c < 0)
      return n.refuse("sizes exceed the dimension");
  return split(n, 0, axis, sizes);
}
LogicalResult unpack(Node &n) {
  int64_t axis = n.intAttr("axis", 0);
  if (failed(n.axis(axis, n.rank(0))) ||
      failed(
          n.same(n.dims(0)[axis], static_cast<int64_t>(n.numOutputs()), "the unpacked dimension")))
    return failure();
  Dims dims = n.dims(0), start(dims.size(), SizeExpr(0)), part = dims, left = dims;
  part[axis] = 1;
  left.erase(left.begin() + axis);
  for (unsigned i = 0; i < n.numOutputs(); ++i) {
    if (!n.isLive(i))
      continue;
    start[axis] = static_cast<int64_t>(i);
    if (n.known(0) && n.rank(0) == 1)
      (void)n.give(i, Datum::of(Known::scalar(n.known(0)->values[i]), n.elem(0)));
    else
      (void)n.give(i, Datum::of(n.b.reshape(n.b.slice(n.in(0), start, part), left)));
  }
  return success();
}

//===-- Joins -------------------------------------------------------------===//

/// Operands [first, first + count) one after the other along `axis`.
LogicalResult join(Node &n, unsigned first, unsigned count, int64_t axis) {
  bool known = n.rank(first) == 1;
  Dims values;
  for (unsigned i = first; i < first + count; ++i) {
    if (n.rank(i) != n.rank(first) || n.elem(i) != n.elem(first))
      return n.refuse("joins " + describe(n.type(first)) + " and " + describe(n.type(i)));
    for (int64_t d = 0; d < n.rank(i); ++d)
      if (d != axis && failed(n.same(n.dims(i)[d], n.dims(first)[d],
                                     "dimension " + Twine(d) + " of operand " + Twine(i))))
        return failure();
    known &= n.known(i) != nullptr;
    if (known)
      llvm::append_range(values, n.known(i)->values);
  }
  if (known && static_cast<int64_t>(values.size()) <= kMaxKnown)
    return n.give(Datum::of(Known::vector(values), n.elem(first)));
  SmallVector<Value> parts;
  for (unsigned i = first; i < first + count; ++i)
    if (!n.dims(i)[axis].isConstant(0) || count == 1)
      parts.push_back(n.in(i));
  if (parts.empty())
    parts.push_back(n.in(first));
  return n.give(n.b.concat(parts, axis));
}
LogicalResult concatV2(Node &n) {
  auto at = n.integer(n.size() - 1);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(0))))
    return failure();
  return join(n, 0, n.size() - 1, axis);
}
LogicalResult concatV1(Node &n) {
  auto at = n.integer(0);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(1))))
    return failure();
  return join(n, 1, n.size() - 1, axis);
}
LogicalResult pack(Node &n) {
  int64_t axis = n.intAttr("axis", 0);
  if (failed(n.axis(axis, n.rank(0) + 1)))
    return failure();
  bool known = axis == 0;
  Known k{{static_cast<int64_t>(n.size())}, {}};
  for (unsigned i = 0; i < n.size(); ++i) {
    if (n.rank(i) != n.rank(0) || n.elem(i) != n.elem(0))
      return n.refuse("packs " + describe(n.type(0)) + " and " + describe(n.type(i)));
    for (int64_t d = 0; d < n.rank(i); ++d)
      if (failed(n.same(n.dims(i)[d], n.dims(0)[d],
                        "dimension " + Twine(d) + " of operand " + Twine(i))))
        return failure();
    known &= n.known(i) != nullptr;
    if (known)
      llvm::append_range(k.values, n.known(i)->values);
  }
  if (known && static_cast<int64_t>(k.values.size()) <= kMaxKnown) {
    llvm::append_range(k.shape, n.type(0).getShape());
    return n.give(Datum::of(k, n.elem(0)));
  }
  Dims dims = n.dims(0);
  dims.insert(dims.begin() + axis, SizeExpr(1));
  SmallVector<Value> parts;
  for (unsigned i = 0; i < n.size(); ++i)
    parts.push_back(n.b.reshape(n.in(i), dims));
  return n.give(n.b.concat(parts, axis));
}

//===-- Pads and reversals ------------------------------------------------===//

/// Reads a [rank, 2] tensor of paddings.
LogicalResult readPadding(Node &n, unsigned i, Dims &low, Dims &high) {
  Dims flat;
  if (failed(n.needSizes(i, "the padding", flat)))
    return failure();
  if (static_cast<int64_t>(flat.size()) != 2 * n.rank(0))
    return n.refuse("padding has " + Twine(flat.size()) + " entries, expected " +
                    Twine(2 * n.rank(0)));
  for (size_t d = 0; d < flat.size(); d += 2) {
    for (const SizeExpr &p : {flat[d], flat[d + 1]})
      if (auto c = p.constant(); c && *c < 0)
        return n.refuse("negative padding " + p.str());
    low.push_back(flat[d]);
    high.push_back(flat[d + 1]);
  }
  return success();
}
LogicalResult pad(Node &n) {
  Dims low, high;
  if (failed(readPadding(n, 1, low, high)))
    return failure();
  Value value = n.size() > 2 ? n.in(2) : n.b.scalar(0, n.elem(0));
  if (Build::rank(value) != 0 || Build::elem(value) != n.elem(0))
    return n.refuse("the padding value is " + describe(value.getType()));
  return n.give(n.b.pad(n.in(0), value, low, high));
}
LogicalResult mirrorPad(Node &n) {
  Dims low, high;
  if (failed(readPadding(n, 1, low, high)))
    return failure();
  bool reflect = n.stringAttr("mode", "REFLECT") == "REFLECT";
  for (int64_t d = 0; d < n.rank(0); ++d)
    for (const SizeExpr &p : {low[d], high[d]}) {
      auto room = (n.dims(0)[d] - p - (reflect ? 1 : 0)).constant();
      if (room && *room < 0 && !p.isConstant(0))
        return n.refuse("padding " + p.str() + " is more than dimension " + Twine(d) + " of size " +
                        n.dims(0)[d].str() + " can mirror");
    }
  return n.give(n.b.pad(n.in(0), n.b.scalar(0, n.elem(0)), low, high, {},
                        reflect ? nn::PadMode::reflect : nn::PadMode::symmetric));
}
LogicalResult reverse(Node &n) {
  SmallVector<int64_t> axes;
  if (failed(n.needInts(1, "the axes", axes)))
    return failure();
  if (n.elem(1).isInteger(1)) { // V1: one bool a dimension
    SmallVector<int64_t> flags = axes;
    axes.clear();
    for (auto [d, f] : llvm::enumerate(flags))
      if (f)
        axes.push_back(d);
  }
  for (int64_t &a : axes)
    if (failed(n.axis(a, n.rank(0))))
      return failure();
  llvm::sort(axes);
  if (axes.empty())
    return n.give(n.operand(0));
  return n.give(nn::ReverseOp::create(n.b.b, n.b.loc, n.in(0), axes));
}
LogicalResult roll(Node &n) {
  SmallVector<int64_t> shifts, axes;
  if (failed(n.needInts(1, "the shift", shifts)) || failed(n.needInts(2, "the axis", axes)))
    return failure();
  if (shifts.size() != axes.size())
    return n.refuse("has " + Twine(shifts.size()) + " shifts and " + Twine(axes.size()) + " axes");
  Value v = n.in(0);
  for (auto [shift, axis] : llvm::zip(shifts, axes)) {
    if (failed(n.axis(axis, n.rank(0))))
      return failure();
    Dims dims = nn::dimsOf(v), zero(dims.size(), SizeExpr(0)), at = zero, head = dims, tail = dims;
    auto size = dims[axis].constant();
    if (!size)
      return n.refuse("rolls a dimension of unknown size");
    int64_t s = *size ? ((shift % *size) + *size) % *size : 0;
    if (!s)
      continue;
    at[axis] = *size - s;
    tail[axis] = s;
    head[axis] = *size - s;
    v = n.b.concat({n.b.slice(v, at, tail), n.b.slice(v, zero, head)}, axis);
  }
  return n.give(v);
}

//===-- Gathers and scatters ----------------------------------------------===//

LogicalResult gatherAlong(Node &n, int64_t axis, int64_t batch) {
  if (!isa<IntegerType>(n.elem(1)))
    return n.refuse("indices are " + describe(n.type(1)));
  if (n.rank(0) == 0)
    return n.refuse("gathers from a scalar");
  if (failed(n.axis(axis, n.rank(0))))
    return failure();
  if (batch < 0)
    batch += n.rank(1);
  if (batch < 0 || batch > axis || batch > n.rank(1))
    return n.refuse("batch_dims " + Twine(batch) + " do not fit axis " + Twine(axis) +
                    " and indices of rank " + Twine(n.rank(1)));
  for (int64_t d = 0; d < batch; ++d)
    if (failed(n.same(n.dims(1)[d], n.dims(0)[d], "batch dimension " + Twine(d))))
      return failure();
  if (auto at = n.ints(1); at && n.known(0) && n.rank(0) == 1) {
    Known k{SmallVector<int64_t>(n.type(1).getShape()), {}};
    for (int64_t i : *at) {
      if (i < 0 || i >= n.type(0).getDimSize(0))
        return n.refuse("index " + Twine(i) + " is outside size " + Twine(n.type(0).getDimSize(0)));
      k.values.push_back(n.known(0)->values[i]);
    }
    return n.give(Datum::of(k, n.elem(0)));
  }
  return n.give(
      nn::TakeOp::create(n.b.b, n.b.loc, n.in(0), n.in(1), axis, batch, nn::BoundsMode::error));
}
LogicalResult gatherV2(Node &n) {
  auto axis = n.integer(2);
  return axis ? gatherAlong(n, *axis, n.intAttr("batch_dims", 0))
              : n.refuse("the axis must be constant");
}
LogicalResult gather(Node &n) { return gatherAlong(n, 0, n.intAttr("batch_dims", 0)); }
/// Checks indices [.., k] against x and updates [.., x.dims[k:]].
LogicalResult checkScatter(Node &n, const Dims &x, unsigned indices, unsigned updates) {
  if (n.rank(indices) == 0 || !isa<IntegerType>(n.elem(indices)))
    return n.refuse("indices are " + describe(n.type(indices)));
  auto k = n.dims(indices).back().constant();
  if (!k || *k > static_cast<int64_t>(x.size()))
    return n.refuse("the last dimension of indices " + describe(n.type(indices)) +
                    " must be a number up to " + Twine(x.size()));
  Dims want = n.dims(indices);
  want.pop_back();
  want.append(x.begin() + *k, x.end());
  if (n.rank(updates) != static_cast<int64_t>(want.size()))
    return n.refuse("updates have shape " + describe(n.dims(updates)) + ", expected " +
                    describe(want));
  for (auto [d, w] : llvm::enumerate(want))
    if (failed(n.same(n.dims(updates)[d], w, "dimension " + Twine(d) + " of updates")))
      return failure();
  return success();
}
LogicalResult gatherNd(Node &n) {
  if (n.rank(1) == 0 || !isa<IntegerType>(n.elem(1)))
    return n.refuse("indices are " + describe(n.type(1)));
  auto k = n.dims(1).back().constant();
  if (!k || *k > n.rank(0))
    return n.refuse("the last dimension of indices " + describe(n.type(1)) +
                    " must be a number up to " + Twine(n.rank(0)));
  return n.give(nn::GatherNdOp::create(n.b.b, n.b.loc, n.in(0), n.in(1), nn::BoundsMode::error));
}
LogicalResult scatterInto(Node &n, Value x, unsigned indices, unsigned updates,
                          nn::ScatterKind kind) {
  if (failed(checkScatter(n, nn::dimsOf(x), indices, updates)))
    return failure();
  if (Build::elem(x) != n.elem(updates))
    return n.refuse("updates are " + describe(n.type(updates)));
  return n.give(nn::ScatterOp::create(n.b.b, n.b.loc, x, n.in(indices), n.in(updates), kind,
                                      nn::BoundsMode::error));
}
LogicalResult scatterNd(Node &n) {
  Dims dims;
  if (failed(n.needSizes(2, "the shape", dims)))
    return failure();
  return scatterInto(n, n.b.full(dims, 0, n.elem(1)), 0, 1, nn::ScatterKind::add);
}
template <nn::ScatterKind K> LogicalResult tensorScatter(Node &n) {
  return scatterInto(n, n.in(0), 1, 2, K);
}
/// data and segment ids of any rank: the ids' dimensions become one.
template <nn::ScatterKind K> LogicalResult unsortedSegment(Node &n) {
  Dims data = n.dims(0), ids = n.dims(1), count;
  if (failed(n.needSizes(2, "the number of segments", count)))
    return failure();
  if (ids.size() > data.size())
    return n.refuse("segment ids have rank " + Twine(ids.size()));
  for (size_t d = 0; d < ids.size(); ++d)
    if (failed(n.same(ids[d], data[d], "dimension " + Twine(d) + " of segment ids")))
      return failure();
  Dims result{count[0]}, at = ids;
  result.append(data.begin() + ids.size(), data.end());
  at.push_back(1);
  return n.give(nn::ScatterOp::create(n.b.b, n.b.loc, n.b.full(result, 0, n.elem(0)),
                                      n.b.reshape(n.in(1), at), n.in(0), K, nn::BoundsMode::drop));
}

LogicalResult where(Node &n) {
  if (n.rank(0) == 0)
    return n.refuse("of a scalar");
  if (n.legalizer.loopDepth > 0)
    return n.refuse("inside a loop or branch its size would have no bound at entry");
  Value x = n.in(0);
  if (!n.elem(0).isInteger(1))
    x = n.b.compare(CompareDirection::ne, x, n.b.fullLike(x, 0));
  std::string name = n.legalizer.dataSymbol(nn::elementCount(n.type(0)));
  auto type = nn::tensorType({SizeExpr::symbol(name), SizeExpr(n.rank(0))}, n.b.b.getI64Type());
  return n.give(nn::NonzeroOp::create(n.b.b, n.b.loc, type, x, name));
}

LogicalResult oneHot(Node &n) {
  Dims depth;
  if (failed(n.needSizes(1, "the depth", depth)))
    return failure();
  int64_t axis = n.intAttr("axis", -1), rank = n.rank(0);
  if (axis == -1)
    axis = rank;
  if (axis < 0 || axis > rank)
    return n.refuse("axis " + Twine(axis) + " is outside rank " + Twine(rank + 1));
  Dims dims = n.dims(0);
  dims.insert(dims.begin() + axis, depth[0]);
  auto map = llvm::to_vector(llvm::seq<int64_t>(0, rank + 1));
  map.erase(map.begin() + axis);
  Value at = n.b.broadcastInDim(n.in(0), dims, map);
  Value i = nn::IotaOp::create(n.b.b, n.b.loc, nn::tensorType(dims, n.elem(0)), axis);
  return n.give(n.b.select(n.b.compare(CompareDirection::eq, at, i), n.in(2), n.in(3)));
}

//===-- Scans, bands, blocks ----------------------------------------------===//

template <nn::ReduceKind K> LogicalResult scan(Node &n) {
  auto at = n.integer(1);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(0))))
    return failure();
  return n.give(nn::ScanOp::create(n.b.b, n.b.loc, n.type(0), n.in(0), K, axis,
                                   n.boolAttr("exclusive", false), n.boolAttr("reverse", false)));
}

LogicalResult bandPart(Node &n) {
  if (n.rank(0) < 2)
    return n.refuse("takes matrices, has " + describe(n.type(0)));
  Dims dims = n.dims(0);
  Type i = n.elem(1);
  Dims matrix{dims[dims.size() - 2], dims.back()};
  auto index = [&](int64_t d) -> Value {
    return nn::IotaOp::create(n.b.b, n.b.loc, nn::tensorType(matrix, i), d);
  };
  Value row = index(0), column = index(1), zero = n.b.scalar(0, i), keep;
  auto inside = [&](unsigned operand, Value a, Value c) {
    if (auto v = n.integer(operand); v && *v < 0)
      return;
    Value near = n.b.compare(CompareDirection::le, n.b.sub(a, c), n.in(operand));
    if (!n.integer(operand))
      near = n.b.binary<nn::OrOp>(near, n.b.compare(CompareDirection::lt, n.in(operand), zero));
    keep = keep ? n.b.binary<nn::AndOp>(keep, near) : near;
  };
  inside(1, row, column);
  inside(2, column, row);
  if (!keep)
    return n.give(n.operand(0));
  return n.give(n.b.select(keep, n.in(0), n.b.scalar(0, n.elem(0))));
}

/// Blocks of M spatial dimensions after `first`: [.., n*b, ..] <-> the batch.
LogicalResult spaceToBatch(Node &n) {
  SmallVector<int64_t> block;
  Dims pads, dims = n.dims(0);
  if (failed(n.needInts(1, "the block shape", block)) ||
      failed(n.needSizes(2, "the padding", pads)))
    return failure();
  size_t m = block.size();
  if (dims.size() < m + 1 || pads.size() != 2 * m)
    return n.refuse("a block shape of " + Twine(m) + " entries and " + Twine(pads.size()) +
                    " paddings do not fit rank " + Twine(dims.size()));
  Dims low(dims.size(), SizeExpr(0)), high = low;
  for (size_t i = 0; i < m; ++i) {
    if (block[i] < 1)
      return n.refuse("block size " + Twine(block[i]));
    low[i + 1] = pads[2 * i];
    high[i + 1] = pads[2 * i + 1];
  }
  Value x = n.b.pad(n.in(0), n.b.scalar(0, n.elem(0)), low, high);
  dims = nn::dimsOf(x);
  Dims spread{dims[0]}, result{dims[0]};
  SmallVector<int64_t> order;
  for (size_t i = 0; i < m; ++i) {
    SizeExpr outer = SizeExpr::floorDiv(dims[i + 1], block[i]);
    if (failed(n.same(dims[i + 1], outer * block[i], "padded dimension " + Twine(i + 1))))
      return failure();
    spread.push_back(outer);
    spread.push_back(block[i]);
    order.push_back(2 * i + 2);
    result[0] = result[0] * block[i];
    result.push_back(outer);
  }
  order.push_back(0);
  for (size_t i = 0; i < m; ++i)
    order.push_back(2 * i + 1);
  for (size_t i = m + 1; i < dims.size(); ++i) {
    order.push_back(spread.size());
    spread.push_back(dims[i]);
    result.push_back(dims[i]);
  }
  return n.give(n.b.reshape(n.b.transpose(n.b.reshape(x, spread), order), result));
}
LogicalResult batchToSpace(Node &n) {
  SmallVector<int64_t> block;
  Dims crops, dims = n.dims(0);
  if (failed(n.needInts(1, "the block shape", block)) || failed(n.needSizes(2, "the crops", crops)))
    return failure();
  size_t m = block.size();
  if (dims.size() < m + 1 || crops.size() != 2 * m)
    return n.refuse("a block shape of " + Twine(m) + " entries and " + Twine(crops.size()) +
                    " crops do not fit rank " + Twine(dims.size()));
  int64_t blocks = 1;
  Dims spread;
  for (int64_t s : block) {
    if (s < 1)
      return n.refuse("block size " + Twine(s));
    blocks *= s;
    spread.push_back(s);
  }
  SizeExpr batch = SizeExpr::floorDiv(dims[0], blocks);
  if (failed(n.same(dims[0], batch * blocks, "the batch")))
    return failure();
  spread.push_back(batch);
  spread.append(dims.begin() + 1, dims.end());
  SmallVector<int64_t> order{static_cast<int64_t>(m)};
  Dims merged{batch}, start(dims.size(), SizeExpr(0));
  for (size_t i = 0; i < m; ++i) {
    order.push_back(m + 1 + i);
    order.push_back(i);
    merged.push_back(dims[i + 1] * block[i]);
  }
  for (size_t i = m + 1; i < dims.size(); ++i) {
    order.push_back(m + i);
    merged.push_back(dims[i]);
  }
  Dims sizes = merged;
  for (size_t i = 0; i < m; ++i) {
    start[i + 1] = crops[2 * i];
    sizes[i + 1] = merged[i + 1] - crops[2 * i] - crops[2 * i + 1];
    for (const SizeExpr &crop : {crops[2 * i], crops[2 * i + 1]})
      if (auto c = crop.constant(); c && *c < 0)
        return n.refuse("a crop of " + Twine(*c));
    if (auto c = sizes[i + 1].constant(); c && *c < 0)
      return n.refuse("crops exceed dimension " + Twine(i + 1) + " of size " + merged[i + 1].str());
  }
  Value x = n.b.transpose(n.b.reshape(n.in(0), spread), order);
  return n.give(n.b.slice(n.b.reshape(x, merged), start, sizes));
}
LogicalResult depthSpace(Node &n, bool toDepth) {
  int64_t s = n.intAttr("block_size", 2);
  StringRef format = n.stringAttr("data_format", "NHWC");
  if (format != "NHWC" || s < 1)
    return n.refuse("data_format " + format + ", block size " + Twine(s));
  if (failed(n.needRank(0, 4, "the input")))
    return failure();
  Dims d = n.dims(0);
  if (toDepth) {
    SizeExpr h = SizeExpr::floorDiv(d[1], s), w = SizeExpr::floorDiv(d[2], s);
    if (failed(n.same(d[1], h * s, "the height")) || failed(n.same(d[2], w * s, "the width")))
      return failure();
    Value x = n.b.transpose(n.b.reshape(n.in(0), {d[0], h, s, w, s, d[3]}), {0, 1, 3, 2, 4, 5});
    return n.give(n.b.reshape(x, {d[0], h, w, d[3] * (s * s)}));
  }
  SizeExpr c = SizeExpr::floorDiv(d[3], s * s);
  if (failed(n.same(d[3], c * (s * s), "the number of channels")))
    return failure();
  Value x = n.b.transpose(n.b.reshape(n.in(0), {d[0], d[1], d[2], s, s, c}), {0, 1, 3, 2, 4, 5});
  return n.give(n.b.reshape(x, {d[0], d[1] * s, d[2] * s, c}));
}
LogicalResult spaceToDepth(Node &n) { return depthSpace(n, true); }
LogicalResult depthToSpace(Node &n) { return depthSpace(n, false); }

LogicalResult bitcast(Node &n) {
  Type to = n.outElem();
  if (!to || !to.isIntOrFloat() || isa<ComplexType>(n.elem(0)) ||
      nn::elementBytes(to) != nn::elementBytes(n.elem(0)))
    return n.refuse("changes the width of elements");
  return n.give(nn::BitcastOp::create(n.b.b, n.b.loc, nn::withElement(n.type(0), to), n.in(0)));
}

const Rule kRules[] = {
    {"Slice", 3, slice},
    {"StridedSlice", 4, stridedSlice, "run-time begins for single elements of a dimension only"},
    {"Split", 2, splitEven},
    {"SplitV", 3, splitV},
    {"Unpack", 1, unpack},
    {"Concat", 2, concatV1},
    {"ConcatV2", 2, concatV2},
    {"Pack", 1, pack},
    {"Pad", 2, pad},
    {"PadV2", 3, pad},
    {"MirrorPad", 2, mirrorPad},
    {"Reverse", 2, reverse},
    {"ReverseV2", 2, reverse},
    {"Roll", 3, roll, "constant shift of a known size"},
    {"Gather", 2, gather},
    {"GatherV2", 3, gatherV2},
    {"GatherNd", 2, gatherNd},
    {"ScatterNd", 3, scatterNd},
    {"TensorScatterUpdate", 3, tensorScatter<nn::ScatterKind::update>},
    {"TensorScatterAdd", 3, tensorScatter<nn::ScatterKind::add>},
    {"TensorScatterSub", 3, tensorScatter<nn::ScatterKind::sub>},
    {"TensorScatterMax", 3, tensorScatter<nn::ScatterKind::max>},
    {"TensorScatterMin", 3, tensorScatter<nn::ScatterKind::min>},
    {"UnsortedSegmentSum", 3, unsortedSegment<nn::ScatterKind::add>},
    {"Where", 1, where, "not inside loops and branches"},
    {"OneHot", 4, oneHot},
    {"Cumsum", 2, scan<nn::ReduceKind::sum>},
    {"Cumprod", 2, scan<nn::ReduceKind::prod>},
    {"MatrixBandPart", 3, bandPart},
    {"SpaceToBatchND", 3, spaceToBatch},
    {"BatchToSpaceND", 3, batchToSpace},
    {"SpaceToDepth", 1, spaceToDepth, "NHWC"},
    {"DepthToSpace", 1, depthToSpace, "NHWC"},
    {"Bitcast", 1, bitcast, "elements of one width"},
};
} // namespace

Table legalize::indexRules() { return kRules; }
