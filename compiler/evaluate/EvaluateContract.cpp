// Sums of products: dot_general and convolutions. Floats accumulate in double,
// integers wrap.
#include "compiler/evaluate/Rules.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

/// The elements as [batch, free, contract] and the sizes of the free dimensions.
template <typename T>
std::vector<T> arranged(const HostTensor &x, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract,
                        Shape &freeDims) {
  Shape order(batch.begin(), batch.end()), dims, strides, own = stridesOf(x.dims);
  for (int64_t i = 0; i < x.rank(); ++i)
    if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i)) {
      order.push_back(i);
      freeDims.push_back(x.dims[i]);
    }
  order.append(contract.begin(), contract.end());
  for (int64_t i : order) {
    dims.push_back(x.dims[i]);
    strides.push_back(own[i]);
  }
  auto values = x.read<T>();
  std::vector<T> r(values.size());
  forEachIndex(dims, [&](ArrayRef<int64_t> index, int64_t linear) {
    r[linear] = values[linearOf(index, strides)];
  });
  return r;
}
LogicalResult dotGeneral(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto dot = cast<DotGeneralOp>(op);
  const HostTensor &x = *in[0], &y = *in[1];
  for (auto [l, r] : {std::pair(dot.getLhsBatch(), dot.getRhsBatch()),
                      std::pair(dot.getLhsContract(), dot.getRhsContract())})
    for (auto [i, j] : llvm::zip(l, r))
      if (x.dims[i] != y.dims[j])
        return ev.fail(op, Status::ShapeMismatch,
                       "sizes " + Twine(x.dims[i]) + " and " + Twine(y.dims[j]) + " must be equal");
  dispatch(x.dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    Shape dims, rows, columns;
    auto a = arranged<T>(x, dot.getLhsBatch(), dot.getLhsContract(), rows);
    auto b = arranged<T>(y, dot.getRhsBatch(), dot.getRhsContract(), columns);
    int64_t batch = 1, depth = 1, m = countOf(rows), n = countOf(columns);
    for (int64_t i : dot.getLhsBatch()) {
      dims.push_back(x.dims[i]);
      batch *= x.dims[i];
    }
    for (int64_t i : dot.getLhsContract())
      depth *= x.dims[i];
    dims.append(rows);
    dims.append(columns);
    std::vector<T> r(countOf(dims));
    for (int64_t s = 0; s < batch; ++s)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          T sum = T(0);
          for (int64_t k = 0; k < depth; ++k)
            sum =
                wrapAdd<T>(sum, wrapMul<T>(a[(s * m + i) * depth + k], b[(s * n + j) * depth + k]));
          r[(s * m + i) * n + j] = sum;
        }
    out.push_back(HostTensor::fromValues(x.dtype, dims, r));
  });
  return success();
}

/// The geometry that conv and its filter gradient share.
struct Geometry {
  Shape x, filter, out; ///< full shapes
  Shape strides, low, lhsDilation, rhsDilation;
  int64_t groups;

  /// Calls f(x offset, filter offset, out offset) of the channel rows for
  /// every output position and filter tap that meets an element of x.
  template <typename F> void forEachTap(F f) const {
    size_t n = strides.size();
    ArrayRef<int64_t> window = ArrayRef(filter).take_front(n);
    Shape xStrides = stridesOf(x), positions(out.begin(), out.end() - 1);
    int64_t channels = filter[n], features = filter[n + 1];
    forEachIndex(positions, [&](ArrayRef<int64_t> at, int64_t position) {
      forEachIndex(window, [&](ArrayRef<int64_t> k, int64_t tap) {
        int64_t from = at[0] * xStrides[0];
        for (size_t i = 0; i < n; ++i) {
          int64_t p = at[i + 1] * strides[i] + k[i] * rhsDilation[i] - low[i];
          if (p < 0 || p % lhsDilation[i] || p / lhsDilation[i] >= x[i + 1])
            return;
          from += p / lhsDilation[i] * xStrides[i + 1];
        }
        f(from, tap * channels * features, position * features);
      });
    });
  }
};
Shape toShape(ArrayRef<int64_t> v) { return Shape(v.begin(), v.end()); }

LogicalResult conv(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto conv = cast<ConvOp>(op);
  Geometry g{in[0]->dims,
             in[1]->dims,
             {},
             toShape(conv.getStrides()),
             {},
             toShape(conv.getLhsDilation()),
             toShape(conv.getRhsDilation()),
             static_cast<int64_t>(conv.getGroups())};
  Shape high;
  if (failed(ev.sizesOf(op, conv.getPadLow(), g.low)) ||
      failed(ev.sizesOf(op, conv.getPadHigh(), high)))
    return failure();
  size_t n = g.strides.size();
  int64_t channels = g.filter[n], features = g.filter[n + 1], each = features / g.groups;
  if (g.x.back() != channels * g.groups || features % g.groups)
    return ev.fail(op, Status::ShapeMismatch, "has channels that do not fit its filter and groups");
  g.out.push_back(g.x[0]);
  for (size_t i = 0; i < n; ++i) {
    int64_t padded =
        (g.x[i + 1] ? (g.x[i + 1] - 1) * g.lhsDilation[i] + 1 : 0) + g.low[i] + high[i];
    int64_t room = padded - ((g.filter[i] - 1) * g.rhsDilation[i] + 1);
    g.out.push_back(room < 0 ? 0 : room / g.strides[i] + 1);
  }
  g.out.push_back(features);
  dispatch(in[0]->dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    auto x = in[0]->read<T>(), filter = in[1]->read<T>();
    std::vector<T> r(countOf(g.out), T(0));
    if constexpr (!std::is_same_v<T, bool>)
      g.forEachTap([&](int64_t from, int64_t tap, int64_t to) {
        for (int64_t group = 0; group < g.groups; ++group)
          for (int64_t c = 0; c < channels; ++c) {
            T v = x[from + group * channels + c];
            const T *w = filter.data() + tap + c * features + group * each;
            T *sum = r.data() + to + group * each;
            for (int64_t f = 0; f < each; ++f)
              sum[f] = wrapAdd<T>(sum[f], wrapMul<T>(v, w[f]));
          }
      });
    out.push_back(HostTensor::fromValues(in[0]->dtype, g.out, r));
  });
  return success();
}
LogicalResult convFilterGrad(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto conv = cast<ConvFilterGradOp>(op);
  Geometry g{in[0]->dims,
             {},
             in[1]->dims,
             toShape(conv.getStrides()),
             {},
             Shape(conv.getStrides().size(), 1),
             toShape(conv.getRhsDilation()),
             static_cast<int64_t>(conv.getGroups())};
  if (failed(ev.sizesOf(op, conv.getPadLow(), g.low)) ||
      failed(ev.shapeOf(op, op->getResult(0).getType(), g.filter)))
    return failure();
  size_t n = g.strides.size();
  int64_t channels = g.filter[n], features = g.filter[n + 1], each = features / g.groups;
  if (g.x.back() != channels * g.groups || g.out.back() != features || features % g.groups)
    return ev.fail(op, Status::ShapeMismatch, "has channels that do not fit its filter and groups");
  dispatch(in[0]->dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    auto x = in[0]->read<T>(), grad = in[1]->read<T>();
    std::vector<T> r(countOf(g.filter), T(0));
    if constexpr (!std::is_same_v<T, bool>)
      g.forEachTap([&](int64_t from, int64_t tap, int64_t to) {
        for (int64_t group = 0; group < g.groups; ++group)
          for (int64_t c = 0; c < channels; ++c) {
            T v = x[from + group * channels + c];
            T *sum = r.data() + tap + c * features + group * each;
            const T *dy = grad.data() + to + group * each;
            for (int64_t f = 0; f < each; ++f)
              sum[f] = wrapAdd<T>(sum[f], wrapMul<T>(v, dy[f]));
          }
      });
    out.push_back(HostTensor::fromValues(in[0]->dtype, g.filter, r));
  });
  return success();
}

} // namespace

void addContractRules(Rules &rules) {
  addRule<DotGeneralOp>(rules, dotGeneral);
  addRule<ConvOp>(rules, conv);
  addRule<ConvFilterGradOp>(rules, convFilterGrad);
}

} // namespace ingot::evaluate
