// Sources and operations that only move elements. Most are a strided view of
// their operand: `view` is the one loop they share.
#include "compiler/evaluate/Rules.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

/// r[i] = x[base + sum i * strides] for every index of `dims`.
HostTensor view(const HostTensor &x, ArrayRef<int64_t> dims, ArrayRef<int64_t> strides,
                int64_t base) {
  HostTensor r(x.dtype, dims);
  int64_t size = x.elementSize();
  forEachIndex(dims, [&](ArrayRef<int64_t> index, int64_t linear) {
    std::memcpy(r.bytes.data() + linear * size,
                x.bytes.data() + (base + linearOf(index, strides)) * size, size);
  });
  return r;
}
Type elementOf(Evaluator &ev, Value v) {
  return ev.storage(cast<RankedTensorType>(v.getType()).getElementType());
}

LogicalResult constant(Evaluator &ev, Operation *op, Inputs, Outputs &out) {
  auto t = HostTensor::fromAttribute(cast<ConstantOp>(op).getValue());
  if (!t)
    return ev.fail(op, Status::Invalid, "its value is not there (a resource that was not loaded?)");
  out.push_back(ev.stored(*t));
  return success();
}
LogicalResult iota(Evaluator &ev, Operation *op, Inputs, Outputs &out) {
  Shape dims;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  int64_t d = cast<IotaOp>(op).getDim();
  std::vector<int64_t> values(countOf(dims));
  forEachIndex(dims, [&](ArrayRef<int64_t> index, int64_t linear) { values[linear] = index[d]; });
  out.push_back(HostTensor::fromValues(elementOf(ev, op->getResult(0)), dims, values));
  return success();
}
LogicalResult sizes(Evaluator &ev, Operation *op, Inputs, Outputs &out) {
  Shape values, dims;
  if (failed(ev.sizesOf(op, cast<SizesOp>(op).getValues(), values)) ||
      failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  out.push_back(HostTensor::fromValues(elementOf(ev, op->getResult(0)), dims,
                                       std::vector<int64_t>(values.begin(), values.end())));
  return success();
}
LogicalResult broadcast(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  Shape dims;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  const HostTensor &x = *in[0];
  Shape strides(dims.size(), 0), own = stridesOf(x.dims);
  for (auto [i, d] : llvm::enumerate(cast<BroadcastOp>(op).getDims())) {
    if (x.dims[i] != 1 && x.dims[i] != dims[d])
      return ev.fail(op, Status::ShapeMismatch,
                     "cannot broadcast size " + Twine(x.dims[i]) + " to " + Twine(dims[d]));
    strides[d] = x.dims[i] == 1 ? 0 : own[i];
  }
  out.push_back(view(x, dims, strides, 0));
  return success();
}
LogicalResult reshape(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  Shape dims;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  if (countOf(dims) != in[0]->count())
    return ev.fail(op, Status::ShapeMismatch,
                   "has " + Twine(in[0]->count()) + " elements for a shape of " +
                       Twine(countOf(dims)));
  out.push_back(*in[0]);
  out.back().dims = dims;
  return success();
}
LogicalResult transpose(Evaluator &, Operation *op, Inputs in, Outputs &out) {
  Shape dims, strides, own = stridesOf(in[0]->dims);
  for (int64_t p : cast<TransposeOp>(op).getPermutation()) {
    dims.push_back(in[0]->dims[p]);
    strides.push_back(own[p]);
  }
  out.push_back(view(*in[0], dims, strides, 0));
  return success();
}
LogicalResult slice(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto slice = cast<SliceOp>(op);
  Shape dims, start;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)) ||
      failed(ev.sizesOf(op, slice.getStart(), start)))
    return failure();
  const HostTensor &x = *in[0];
  Shape strides = stridesOf(x.dims);
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t last = start[i] + (dims[i] - 1) * slice.getStrides()[i];
    if (countOf(dims) && (start[i] < 0 || start[i] >= x.dims[i] || last < 0 || last >= x.dims[i]))
      return ev.fail(op, Status::ShapeMismatch,
                     "reads outside dimension " + Twine(i) + " of size " + Twine(x.dims[i]));
  }
  int64_t base = linearOf(start, strides);
  for (size_t i = 0; i < dims.size(); ++i)
    strides[i] *= slice.getStrides()[i];
  out.push_back(view(x, dims, strides, base));
  return success();
}
/// Run-time starts, moved so that a window of `window` lies inside of `dims`.
Shape clampedStarts(Inputs starts, ArrayRef<int64_t> dims, ArrayRef<int64_t> window) {
  Shape r;
  for (size_t i = 0; i < dims.size(); ++i)
    r.push_back(std::max<int64_t>(0, std::min(starts[i]->read<int64_t>()[0], dims[i] - window[i])));
  return r;
}
LogicalResult dynamicSlice(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  Shape dims;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  const HostTensor &x = *in[0];
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i] > x.dims[i])
      return ev.fail(op, Status::ShapeMismatch, "takes more than dimension " + Twine(i) + " has");
  Shape strides = stridesOf(x.dims);
  out.push_back(
      view(x, dims, strides, linearOf(clampedStarts(in.drop_front(), x.dims, dims), strides)));
  return success();
}
LogicalResult dynamicUpdateSlice(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  HostTensor r = *in[0];
  const HostTensor &update = *in[1];
  for (size_t i = 0; i < r.dims.size(); ++i)
    if (update.dims[i] > r.dims[i])
      return ev.fail(op, Status::ShapeMismatch,
                     "puts more into dimension " + Twine(i) + " than it has");
  Shape strides = stridesOf(r.dims);
  int64_t base = linearOf(clampedStarts(in.drop_front(2), r.dims, update.dims), strides),
          size = r.elementSize();
  forEachIndex(update.dims, [&](ArrayRef<int64_t> index, int64_t linear) {
    std::memcpy(r.bytes.data() + (base + linearOf(index, strides)) * size,
                update.bytes.data() + linear * size, size);
  });
  out.push_back(std::move(r));
  return success();
}
LogicalResult reverse(Evaluator &, Operation *op, Inputs in, Outputs &out) {
  const HostTensor &x = *in[0];
  Shape strides = stridesOf(x.dims);
  int64_t base = 0;
  for (int64_t d : cast<ReverseOp>(op).getDims()) {
    base += (x.dims[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  out.push_back(view(x, x.dims, strides, base));
  return success();
}

/// The operand's index for a padded index, -1 for a filling element.
int64_t unpad(PadMode mode, int64_t i, int64_t size, int64_t interior) {
  if (mode == PadMode::constant)
    return i < 0 || i % (interior + 1) || i / (interior + 1) >= size ? -1 : i / (interior + 1);
  int64_t turn = mode == PadMode::reflect ? 0 : 1;
  if (i < 0)
    return -i - turn;
  return i < size ? i : 2 * size - 2 + turn - i;
}
LogicalResult pad(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto pad = cast<PadOp>(op);
  const HostTensor &x = *in[0];
  Shape low, high, dims;
  if (failed(ev.sizesOf(op, pad.getLow(), low)) || failed(ev.sizesOf(op, pad.getHigh(), high)))
    return failure();
  for (size_t i = 0; i < x.dims.size(); ++i) {
    dims.push_back(x.dims[i] + low[i] + high[i] +
                   std::max<int64_t>(x.dims[i] - 1, 0) * pad.getInterior()[i]);
    int64_t most = x.dims[i] - (pad.getMode() == PadMode::reflect ? 1 : 0);
    if (dims[i] < 0)
      return ev.fail(op, Status::ShapeMismatch, "cuts more than dimension " + Twine(i) + " has");
    if (pad.getMode() != PadMode::constant && (low[i] > most || high[i] > most))
      return ev.fail(op, Status::ShapeMismatch, "mirrors more than dimension " + Twine(i) + " has");
  }
  HostTensor r(x.dtype, dims);
  int64_t size = x.elementSize();
  Shape strides = stridesOf(x.dims);
  forEachIndex(dims, [&](ArrayRef<int64_t> index, int64_t linear) {
    const char *source = x.bytes.data();
    for (size_t i = 0; i < dims.size(); ++i) {
      int64_t at = unpad(pad.getMode(), index[i] - low[i], x.dims[i], pad.getInterior()[i]);
      if (at < 0) {
        source = in[1]->bytes.data();
        break;
      }
      source += at * strides[i] * size;
    }
    std::memcpy(r.bytes.data() + linear * size, source, size);
  });
  out.push_back(std::move(r));
  return success();
}
LogicalResult concat(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  size_t d = cast<ConcatOp>(op).getDim();
  Shape dims = in[0]->dims;
  for (const TensorRef &x : in.drop_front()) {
    for (size_t i = 0; i < dims.size(); ++i)
      if (i != d && x->dims[i] != dims[i])
        return ev.fail(op, Status::ShapeMismatch,
                       "has operands of different size in dimension " + Twine(i));
    dims[d] += x->dims[d];
  }
  HostTensor r(in[0]->dtype, dims);
  int64_t outer = countOf(ArrayRef(dims).take_front(d)),
          inner = countOf(ArrayRef(dims).drop_front(d + 1));
  char *to = r.bytes.data();
  for (int64_t o = 0; o < outer; ++o)
    for (const TensorRef &x : in) {
      int64_t n = x->dims[d] * inner * r.elementSize();
      if (n)
        std::memcpy(to, x->bytes.data() + o * n, n);
      to += n;
    }
  out.push_back(std::move(r));
  return success();
}

/// Calls f(packed, plain) with the linear indices of every element of the plain shape.
template <typename F> void forEachPacked(ArrayRef<int64_t> plain, int64_t dim, int64_t tile, F f) {
  Shape packed{(plain[dim] + tile - 1) / tile};
  for (size_t i = 0; i < plain.size(); ++i)
    if (static_cast<int64_t>(i) != dim)
      packed.push_back(plain[i]);
  packed.push_back(tile);
  Shape strides = stridesOf(packed);
  forEachIndex(plain, [&](ArrayRef<int64_t> index, int64_t linear) {
    int64_t at = index[dim] / tile * strides[0] + index[dim] % tile;
    for (size_t i = 0, next = 1; i < plain.size(); ++i)
      if (static_cast<int64_t>(i) != dim)
        at += index[i] * strides[next++];
    f(at, linear);
  });
}
LogicalResult pack(Evaluator &, Operation *op, Inputs in, Outputs &out) {
  auto pack = cast<PackOp>(op);
  const HostTensor &x = *in[0];
  int64_t dim = pack.getDim(), tile = pack.getTile(), size = x.elementSize();
  Shape dims{(x.dims[dim] + tile - 1) / tile};
  for (size_t i = 0; i < x.dims.size(); ++i)
    if (static_cast<int64_t>(i) != dim)
      dims.push_back(x.dims[i]);
  dims.push_back(tile);
  HostTensor r(x.dtype, dims);
  forEachPacked(x.dims, dim, tile, [&](int64_t packed, int64_t plain) {
    std::memcpy(r.bytes.data() + packed * size, x.bytes.data() + plain * size, size);
  });
  out.push_back(std::move(r));
  return success();
}
LogicalResult unpack(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  Shape dims;
  if (failed(ev.shapeOf(op, op->getResult(0).getType(), dims)))
    return failure();
  const HostTensor &x = *in[0];
  int64_t dim = cast<UnpackOp>(op).getDim(), size = x.elementSize();
  HostTensor r(x.dtype, dims);
  forEachPacked(dims, dim, x.dims.back(), [&](int64_t packed, int64_t plain) {
    std::memcpy(r.bytes.data() + plain * size, x.bytes.data() + packed * size, size);
  });
  out.push_back(std::move(r));
  return success();
}

} // namespace

void addShapeRules(Rules &rules) {
  addRule<ConstantOp>(rules, constant);
  addRule<IotaOp>(rules, iota);
  addRule<SizesOp>(rules, sizes);
  addRule<BroadcastOp>(rules, broadcast);
  addRule<ReshapeOp>(rules, reshape);
  addRule<TransposeOp>(rules, transpose);
  addRule<SliceOp>(rules, slice);
  addRule<DynamicSliceOp>(rules, dynamicSlice);
  addRule<DynamicUpdateSliceOp>(rules, dynamicUpdateSlice);
  addRule<ReverseOp>(rules, reverse);
  addRule<PadOp>(rules, pad);
  addRule<ConcatOp>(rules, concat);
  addRule<PackOp>(rules, pack);
  addRule<UnpackOp>(rules, unpack);
}

} // namespace ingot::evaluate
