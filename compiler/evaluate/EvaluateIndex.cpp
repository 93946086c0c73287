// Operations that read or write at indices found in data.
#include "compiler/evaluate/Rules.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

/// Brings an index into [0, size) as the mode says: -1 if the element drops
/// out, failure if it is an error.
FailureOr<int64_t> placed(Evaluator &ev, Operation *op, BoundsMode mode, int64_t index,
                          int64_t size) {
  if (index >= 0 && index < size)
    return index;
  switch (mode) {
  case BoundsMode::clamp:
    if (size == 0)
      return -1;
    return index < 0 ? 0 : size - 1;
  case BoundsMode::drop:
    return -1;
  case BoundsMode::error:
    break;
  }
  return ev.fail(op, Status::OutOfRange,
                 "index " + Twine(index) + " is not in [0, " + Twine(size) + ")");
}

LogicalResult take(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto take = cast<TakeOp>(op);
  const HostTensor &x = *in[0];
  size_t axis = take.getAxis(), batchDims = take.getBatchDims();
  ArrayRef<int64_t> xDims = x.dims, iDims = in[1]->dims;
  for (size_t i = 0; i < batchDims; ++i)
    if (xDims[i] != iDims[i])
      return ev.fail(op, Status::ShapeMismatch,
                     "has operands of different size in batch dimension " + Twine(i));
  Shape dims(xDims.begin(), xDims.begin() + axis);
  dims.append(iDims.begin() + batchDims, iDims.end());
  dims.append(xDims.begin() + axis + 1, xDims.end());
  int64_t batch = countOf(xDims.take_front(batchDims)),
          outer = countOf(xDims.slice(batchDims, axis - batchDims)),
          each = countOf(iDims.drop_front(batchDims)),
          inner = countOf(xDims.drop_front(axis + 1)) * x.elementSize();
  auto indices = in[1]->read<int64_t>();
  HostTensor r(x.dtype, dims);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < each; ++i) {
        auto at = placed(ev, op, take.getMode(), indices[b * each + i], xDims[axis]);
        if (failed(at))
          return failure();
        if (*at >= 0 && inner)
          std::memcpy(r.bytes.data() + ((b * outer + o) * each + i) * inner,
                      x.bytes.data() + ((b * outer + o) * xDims[axis] + *at) * inner, inner);
      }
  out.push_back(std::move(r));
  return success();
}

/// Where each row of `indices` points: the number of a slice of x, or -1.
LogicalResult rowsOf(Evaluator &ev, Operation *op, BoundsMode mode, const HostTensor &x,
                     const HostTensor &indices, std::vector<int64_t> &rows) {
  if (indices.dims.empty())
    return ev.fail(op, Status::ShapeMismatch, "needs indices of rank 1 or more");
  int64_t k = indices.dims.back(), n = countOf(ArrayRef(indices.dims).drop_back());
  if (k > x.rank())
    return ev.fail(op, Status::ShapeMismatch, "has indices of more than the operand's rank");
  auto values = indices.read<int64_t>();
  for (int64_t i = 0; i < n; ++i) {
    int64_t row = 0;
    for (int64_t j = 0; j < k; ++j) {
      auto at = placed(ev, op, mode, values[i * k + j], x.dims[j]);
      if (failed(at))
        return failure();
      row = row < 0 || *at < 0 ? -1 : row * x.dims[j] + *at;
    }
    rows.push_back(row);
  }
  return success();
}
LogicalResult gatherNd(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  const HostTensor &x = *in[0], &indices = *in[1];
  std::vector<int64_t> rows;
  if (failed(rowsOf(ev, op, cast<GatherNdOp>(op).getMode(), x, indices, rows)))
    return failure();
  Shape dims(indices.dims.begin(), indices.dims.end() - 1);
  ArrayRef<int64_t> slice = ArrayRef(x.dims).drop_front(indices.dims.back());
  dims.append(slice.begin(), slice.end());
  HostTensor r(x.dtype, dims);
  int64_t bytes = countOf(slice) * x.elementSize();
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i] >= 0 && bytes)
      std::memcpy(r.bytes.data() + i * bytes, x.bytes.data() + rows[i] * bytes, bytes);
  out.push_back(std::move(r));
  return success();
}

template <typename T> T combineUpdate(ScatterKind kind, T a, T b) {
  switch (kind) {
  case ScatterKind::update:
    return b;
  case ScatterKind::add:
    return wrapAdd(a, b);
  case ScatterKind::sub:
    return wrapSub(a, b);
  case ScatterKind::mul:
    return wrapMul(a, b);
  case ScatterKind::min:
    return combine(ReduceKind::min, a, b);
  case ScatterKind::max:
    return combine(ReduceKind::max, a, b);
  }
  return b;
}
LogicalResult scatter(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto scatter = cast<ScatterOp>(op);
  const HostTensor &x = *in[0], &updates = *in[2];
  std::vector<int64_t> rows;
  if (failed(rowsOf(ev, op, scatter.getMode(), x, *in[1], rows)))
    return failure();
  int64_t each = countOf(ArrayRef(x.dims).drop_front(in[1]->dims.back()));
  if (updates.count() != static_cast<int64_t>(rows.size()) * each)
    return ev.fail(op, Status::ShapeMismatch, "has updates of another shape than its indices name");
  dispatch(x.dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>; // sums of many updates are rounded once
    auto values = x.read<T>(), added = updates.read<T>();
    for (size_t i = 0; i < rows.size(); ++i)
      for (int64_t j = 0; rows[i] >= 0 && j < each; ++j)
        values[rows[i] * each + j] =
            combineUpdate<T>(scatter.getKind(), values[rows[i] * each + j], added[i * each + j]);
    out.push_back(HostTensor::fromValues(x.dtype, x.dims, values));
  });
  return success();
}
LogicalResult nonzero(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  const HostTensor &x = *in[0];
  std::vector<int64_t> values;
  int64_t n = 0;
  forEachIndex(x.dims, [&](ArrayRef<int64_t> index, int64_t linear) {
    if (!x.bytes[linear])
      return;
    ++n;
    values.insert(values.end(), index.begin(), index.end());
  });
  ev.sizes[cast<NonzeroOp>(op).getSymbol()] = n;
  out.push_back(
      HostTensor::fromValues(IntegerType::get(op->getContext(), 64), {n, x.rank()}, values));
  return success();
}
LogicalResult argReduce(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto arg = cast<ArgReduceOp>(op);
  const HostTensor &x = *in[0];
  size_t d = arg.getDim();
  bool isMax = arg.getIsMax();
  int64_t outer = countOf(ArrayRef(x.dims).take_front(d)), n = x.dims[d],
          inner = countOf(ArrayRef(x.dims).drop_front(d + 1));
  Shape dims = x.dims;
  dims.erase(dims.begin() + d);
  std::vector<int64_t> r(outer * inner, 0);
  LogicalResult ok = dispatch(x.dtype, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    if constexpr (isComplex<T>) {
      return ev.fail(op, Status::Invalid, "is not defined for complex numbers");
    } else {
      auto values = x.read<T>();
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < inner; ++i) {
          int64_t best = -1;
          for (int64_t j = 0; j < n; ++j) {
            T v = values[(o * n + j) * inner + i];
            if (v != v)
              continue;
            T most = best < 0 ? v : T(values[(o * n + best) * inner + i]);
            if (best < 0 || (isMax ? v > most : v < most))
              best = j;
          }
          r[o * inner + i] = std::max<int64_t>(best, 0);
        }
      return success();
    }
  });
  if (failed(ok))
    return failure();
  Type element = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  out.push_back(HostTensor::fromValues(element, dims, r));
  return success();
}

} // namespace

void addIndexRules(Rules &rules) {
  addRule<TakeOp>(rules, take);
  addRule<GatherNdOp>(rules, gatherNd);
  addRule<ScatterOp>(rules, scatter);
  addRule<NonzeroOp>(rules, nonzero);
  addRule<ArgReduceOp>(rules, argReduce);
}

} // namespace ingot::evaluate
