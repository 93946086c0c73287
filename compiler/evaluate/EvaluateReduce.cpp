// Reductions of dimensions, windows and rows. Floats accumulate in double.
#include "compiler/evaluate/Rules.h"
#include <cmath>

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

/// Where a window's elements lie, one entry a dimension.
struct Window {
  Shape window, strides, dilations, base, low, out;
};

/// Calls f(linear index of the element) for each element of x that the window
/// at `index` covers, in row-major order.
template <typename F>
void forEachCovered(const Window &w, ArrayRef<int64_t> dims, ArrayRef<int64_t> index, F f) {
  Shape strides = stridesOf(dims);
  forEachIndex(w.window, [&](ArrayRef<int64_t> k, int64_t) {
    int64_t at = 0;
    for (size_t i = 0; i < dims.size(); ++i) {
      int64_t p = index[i] * w.strides[i] + k[i] * w.dilations[i] - w.low[i];
      if (p < 0 || p % w.base[i] || p / w.base[i] >= dims[i])
        return;
      at += p / w.base[i] * strides[i];
    }
    f(at);
  });
}
Shape toShape(ArrayRef<int64_t> v) { return Shape(v.begin(), v.end()); }

LogicalResult reduce(Evaluator &, Operation *op, Inputs in, Outputs &out) {
  auto reduce = cast<ReduceOp>(op);
  const HostTensor &x = *in[0];
  Shape dims, strides(x.rank(), 0);
  SmallVector<bool> gone(x.rank(), false);
  for (int64_t d : reduce.getDims())
    gone[d] = true;
  for (int64_t i = 0; i < x.rank(); ++i)
    if (!gone[i])
      dims.push_back(x.dims[i]);
  Shape own = stridesOf(dims);
  for (int64_t i = 0, next = 0; i < x.rank(); ++i)
    if (!gone[i])
      strides[i] = own[next++];
  dispatch(x.dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    auto values = x.read<T>();
    std::vector<T> r(countOf(dims), identityOf<T>(reduce.getKind()));
    forEachIndex(x.dims, [&](ArrayRef<int64_t> index, int64_t linear) {
      int64_t to = linearOf(index, strides);
      r[to] = combine<T>(reduce.getKind(), r[to], values[linear]);
    });
    out.push_back(HostTensor::fromValues(x.dtype, dims, r));
  });
  return success();
}
LogicalResult reduceWindow(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto reduce = cast<ReduceWindowOp>(op);
  const HostTensor &x = *in[0];
  Window w{toShape(reduce.getWindow()),
           toShape(reduce.getStrides()),
           toShape(reduce.getDilations()),
           toShape(reduce.getBaseDilations()),
           {},
           {}};
  Shape high;
  if (failed(ev.sizesOf(op, reduce.getPadLow(), w.low)) ||
      failed(ev.sizesOf(op, reduce.getPadHigh(), high)))
    return failure();
  for (int64_t i = 0; i < x.rank(); ++i) {
    int64_t padded = (x.dims[i] ? (x.dims[i] - 1) * w.base[i] + 1 : 0) + w.low[i] + high[i];
    int64_t room = padded - ((w.window[i] - 1) * w.dilations[i] + 1);
    w.out.push_back(room < 0 ? 0 : room / w.strides[i] + 1);
  }
  dispatch(x.dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    auto values = x.read<T>();
    std::vector<T> r(countOf(w.out), identityOf<T>(reduce.getKind()));
    forEachIndex(w.out, [&](ArrayRef<int64_t> index, int64_t linear) {
      forEachCovered(w, x.dims, index, [&](int64_t at) {
        r[linear] = combine<T>(reduce.getKind(), r[linear], values[at]);
      });
    });
    out.push_back(HostTensor::fromValues(x.dtype, w.out, r));
  });
  return success();
}
LogicalResult maxPoolGrad(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto pool = cast<MaxPoolGradOp>(op);
  const HostTensor &x = *in[0], &grad = *in[1];
  Window w{toShape(pool.getWindow()),
           toShape(pool.getStrides()),
           Shape(x.rank(), 1),
           Shape(x.rank(), 1),
           {},
           grad.dims};
  if (failed(ev.sizesOf(op, pool.getPadLow(), w.low)))
    return failure();
  auto values = x.read<double>(), grads = grad.read<double>();
  std::vector<double> r(values.size(), 0);
  forEachIndex(w.out, [&](ArrayRef<int64_t> index, int64_t linear) {
    int64_t best = -1;
    forEachCovered(w, x.dims, index, [&](int64_t at) {
      if (best < 0 || values[at] > values[best])
        best = at;
    });
    if (best >= 0)
      r[best] += grads[linear];
  });
  out.push_back(HostTensor::fromValues(grad.dtype, x.dims, r));
  return success();
}
LogicalResult scan(Evaluator &, Operation *op, Inputs in, Outputs &out) {
  auto scan = cast<ScanOp>(op);
  const HostTensor &x = *in[0];
  size_t d = scan.getDim();
  int64_t outer = countOf(ArrayRef(x.dims).take_front(d)), n = x.dims[d],
          inner = countOf(ArrayRef(x.dims).drop_front(d + 1));
  dispatch(x.dtype, [&](auto zero) {
    using T = Wide<decltype(zero)>;
    auto values = x.read<T>();
    std::vector<T> r(values.size());
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        T sum = identityOf<T>(scan.getKind());
        for (int64_t s = 0; s < n; ++s) {
          int64_t at = (o * n + (scan.getReverse() ? n - 1 - s : s)) * inner + i;
          T next = combine<T>(scan.getKind(), sum, values[at]);
          r[at] = scan.getExclusive() ? sum : next;
          sum = next;
        }
      }
    out.push_back(HostTensor::fromValues(x.dtype, x.dims, r));
  });
  return success();
}
template <bool Log> LogicalResult softmax(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  const HostTensor &x = *in[0];
  if (!isa<FloatType>(x.dtype) || x.dims.empty())
    return ev.fail(op, Status::Invalid, "needs a float tensor of rank 1 or more");
  auto v = x.read<double>();
  int64_t n = x.dims.back();
  for (int64_t row = 0, rows = n ? x.count() / n : 0; row < rows; ++row) {
    double *p = v.data() + row * n, most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < n; ++i)
      most = maxOf(most, p[i]);
    for (int64_t i = 0; i < n; ++i)
      sum += std::exp(p[i] - most);
    for (int64_t i = 0; i < n; ++i)
      p[i] = Log ? p[i] - most - std::log(sum) : std::exp(p[i] - most) / sum;
  }
  out.push_back(HostTensor::fromValues(x.dtype, x.dims, v));
  return success();
}

} // namespace

void addReduceRules(Rules &rules) {
  addRule<ReduceOp>(rules, reduce);
  addRule<ReduceWindowOp>(rules, reduceWindow);
  addRule<MaxPoolGradOp>(rules, maxPoolGrad);
  addRule<ScanOp>(rules, scan);
  addRule<SoftmaxOp>(rules, softmax<false>);
  addRule<LogSoftmaxOp>(rules, softmax<true>);
}

} // namespace ingot::evaluate
