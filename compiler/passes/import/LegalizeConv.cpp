// Convolutions and pooling, forward and backward: attributes of TensorFlow's
// layouts and paddings become those of nn.conv and nn.reduce_window.
#include "compiler/passes/import/LegalizeRules.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;
using nn::ReduceKind;

namespace {

/// Attributes of one window op for N spatial dimensions, channels last.
struct Window {
  int64_t spatial = 0;
  bool channelsFirst = false;
  SmallVector<int64_t> strides, dilations; // spatial only
  StringRef padding;
  SmallVector<int64_t> explicitPads; // low, high for each spatial dimension
  Dims low, high;

  /// Position in a TensorFlow attribute of spatial dimension i.
  int64_t at(int64_t i) const { return channelsFirst ? 2 + i : 1 + i; }
  LogicalResult read(Node &n, int64_t rank);
  /// Fills low and high for an input of these spatial sizes.
  LogicalResult pads(Node &n, ArrayRef<SizeExpr> sizes, ArrayRef<int64_t> window);
  /// The size of the output along spatial dimension i.
  SizeExpr out(int64_t i, const SizeExpr &size, int64_t window) const {
    SizeExpr room = size + low[i] + high[i] - ((window - 1) * dilations[i] + 1);
    return SizeExpr::max(SizeExpr::floorDiv(room, strides[i]) + 1, 0);
  }
  /// Tensors in TensorFlow's layout to channels last, and back.
  Value toLast(Node &n, Value v) const;
  Value fromLast(Node &n, Value v) const;
  /// Sizes in TensorFlow's layout in the order channels last.
  Dims toLast(const Dims &d) const;
  nn::SizesAttr lowAttr(Node &n) const { return nn::SizesAttr::get(n.b.b.getContext(), low); }
  nn::SizesAttr highAttr(Node &n) const { return nn::SizesAttr::get(n.b.b.getContext(), high); }
};

LogicalResult Window::read(Node &n, int64_t rank) {
  spatial = rank - 2;
  StringRef format = n.stringAttr("data_format", spatial == 3 ? "NDHWC" : "NHWC");
  channelsFirst = format.starts_with("NC");
  if (format.contains("VECT"))
    return n.refuse("data_format " + format);
  SmallVector<int64_t> ones(rank, 1), s = n.intsAttr("strides", ones),
                                      d = n.intsAttr("dilations", ones);
  if (static_cast<int64_t>(s.size()) != rank || static_cast<int64_t>(d.size()) != rank)
    return n.refuse("strides and dilations need " + Twine(rank) + " entries");
  int64_t channel = channelsFirst ? 1 : rank - 1;
  if (s[0] != 1 || d[0] != 1 || s[channel] != 1 || d[channel] != 1)
    return n.refuse("strides or dilations of batch or channels other than 1");
  padding = n.stringAttr("padding", "VALID");
  SmallVector<int64_t> all = n.intsAttr("explicit_paddings");
  for (int64_t i = 0; i < spatial; ++i) {
    strides.push_back(s[at(i)]);
    dilations.push_back(d[at(i)]);
    if (strides[i] < 1 || dilations[i] < 1)
      return n.refuse("stride " + Twine(strides[i]) + ", dilation " + Twine(dilations[i]));
    if (padding != "EXPLICIT")
      continue;
    if (static_cast<int64_t>(all.size()) != 2 * rank)
      return n.refuse("explicit_paddings has " + Twine(all.size()) + " entries, expected " +
                      Twine(2 * rank));
    explicitPads.push_back(all[2 * at(i)]);
    explicitPads.push_back(all[2 * at(i) + 1]);
  }
  return success();
}
LogicalResult Window::pads(Node &n, ArrayRef<SizeExpr> sizes, ArrayRef<int64_t> window) {
  for (int64_t i = 0; i < spatial; ++i) {
    if (padding == "SAME") {
      auto [l, h] = nn::samePadding(sizes[i], window[i], strides[i], dilations[i]);
      low.push_back(l);
      high.push_back(h);
    } else if (padding == "VALID" || padding == "EXPLICIT") {
      low.push_back(explicitPads.empty() ? 0 : explicitPads[2 * i]);
      high.push_back(explicitPads.empty() ? 0 : explicitPads[2 * i + 1]);
    } else {
      return n.refuse("padding '" + padding + "'");
    }
    SizeExpr size = sizes[i] + low[i] + high[i];
    if (auto room = (size - ((window[i] - 1) * dilations[i] + 1)).constant(); room && *room < 0)
      return n.refuse("a window of " + Twine(window[i]) + " does not fit size " + size.str());
  }
  return success();
}
Value Window::toLast(Node &n, Value v) const {
  if (!channelsFirst)
    return v;
  SmallVector<int64_t> order{0};
  for (int64_t i = 0; i < spatial; ++i)
    order.push_back(i + 2);
  order.push_back(1);
  return n.b.transpose(v, order);
}
Value Window::fromLast(Node &n, Value v) const {
  if (!channelsFirst)
    return v;
  SmallVector<int64_t> order{0, spatial + 1};
  for (int64_t i = 0; i < spatial; ++i)
    order.push_back(i + 1);
  return n.b.transpose(v, order);
}
Dims Window::toLast(const Dims &d) const {
  if (!channelsFirst)
    return d;
  Dims r{d[0]};
  r.append(d.begin() + 2, d.end());
  r.push_back(d[1]);
  return r;
}

/// The static window of a filter, and its channel counts.
LogicalResult readFilter(Node &n, const Dims &dims, int64_t spatial,
                         SmallVectorImpl<int64_t> &window) {
  for (const SizeExpr &d : dims)
    if (auto c = d.constant(); !c || *c < 0)
      return n.refuse("the filter " + describe(dims) + " has unknown or negative sizes");
  for (int64_t i = 0; i < spatial; ++i)
    window.push_back(*dims[i].constant());
  return success();
}
/// Groups that a filter's channels give for an input's.
LogicalResult readGroups(Node &n, const SizeExpr &input, const SizeExpr &filter, int64_t outputs,
                         int64_t &groups) {
  auto c = input.constant();
  int64_t f = *filter.constant();
  if (!c)
    return n.refuse("the number of channels is unknown");
  groups = f ? *c / f : 0;
  if (!f || *c % f || !groups || outputs % groups)
    return n.refuse("an input of " + Twine(*c) + " channels does not fit a filter of " + Twine(f) +
                    " channels to " + Twine(outputs));
  return success();
}

//===-- Convolutions ------------------------------------------------------===//

Value makeConv(Node &n, const Window &w, Value x, Value filter, int64_t groups) {
  SmallVector<int64_t> ones(w.spatial, 1);
  return nn::ConvOp::create(n.b.b, n.b.loc, x, filter, w.strides, w.lowAttr(n), w.highAttr(n), ones,
                            w.dilations, groups);
}
/// [window.., C, M] of a depthwise filter as [window.., 1, C*M].
Value depthwiseFilter(Node &n, Value filter) {
  Dims d = nn::dimsOf(filter);
  SizeExpr all = d[d.size() - 2] * d.back();
  d.pop_back();
  d.back() = 1;
  d.push_back(all);
  return n.b.reshape(filter, d);
}

template <bool Depthwise, int Spatial> LogicalResult conv(Node &n) {
  if (failed(n.needRank(0, Spatial + 2, "the input")) ||
      failed(n.needRank(1, Spatial + 2, "the filter")))
    return failure();
  if (n.elem(0) != n.elem(1))
    return n.refuse("input and filter are " + describe(n.type(0)) + " and " + describe(n.type(1)));
  Window w;
  SmallVector<int64_t> window;
  if (failed(w.read(n, Spatial + 2)) || failed(readFilter(n, n.dims(1), Spatial, window)))
    return failure();
  Dims x = w.toLast(n.dims(0)), f = n.dims(1);
  if (failed(w.pads(n, ArrayRef(x).slice(1, Spatial), window)))
    return failure();
  int64_t groups = 1;
  Value filter = n.in(1);
  if (Depthwise) {
    groups = *f[Spatial].constant();
    if (failed(n.same(x.back(), f[Spatial], "the number of channels")))
      return failure();
    filter = depthwiseFilter(n, filter);
  } else if (failed(readGroups(n, x.back(), f[Spatial], *f.back().constant(), groups))) {
    return failure();
  }
  return n.give(w.fromLast(n, makeConv(n, w, w.toLast(n, n.in(0)), filter, groups)));
}

/// The filter that carries gradients back: window reversed, channels swapped in
/// each group. [w.., C/g, F] -> [w.., F/g, C].
Value backwardFilter(Node &n, Value filter, int64_t spatial, int64_t groups) {
  filter = nn::ReverseOp::create(n.b.b, n.b.loc, filter,
                                 llvm::to_vector(llvm::seq<int64_t>(0, spatial)));
  Dims d = nn::dimsOf(filter);
  int64_t perGroup = *d[spatial].constant(), outputs = *d.back().constant();
  Dims split(d.begin(), d.begin() + spatial), joined = split;
  split.append({SizeExpr(perGroup), SizeExpr(groups), SizeExpr(outputs / groups)});
  joined.append({SizeExpr(outputs / groups), SizeExpr(groups * perGroup)});
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, spatial));
  order.append({spatial + 2, spatial + 1, spatial});
  return n.b.reshape(n.b.transpose(n.b.reshape(filter, split), order), joined);
}

/// Operands: input sizes, filter, gradient of the output.
template <bool Depthwise, int Spatial> LogicalResult convBackpropInput(Node &n) {
  Dims sizes;
  if (failed(n.needSizes(0, "the input's shape", sizes)) ||
      failed(n.needRank(1, Spatial + 2, "the filter")) ||
      failed(n.needRank(2, Spatial + 2, "the gradient")))
    return failure();
  Window w;
  SmallVector<int64_t> window;
  if (failed(w.read(n, Spatial + 2)) || failed(readFilter(n, n.dims(1), Spatial, window)))
    return failure();
  Dims grad = w.toLast(n.dims(2)), f = n.dims(1);
  if (sizes.size() == Spatial) { // V2 also takes the spatial sizes alone
    sizes.insert(sizes.begin(), grad[0]);
    sizes.insert(sizes.begin() + (w.channelsFirst ? 1 : Spatial + 1), f[Spatial]);
  }
  if (sizes.size() != Spatial + 2)
    return n.refuse("the input's shape has " + Twine(sizes.size()) + " entries");
  Dims x = w.toLast(sizes);
  if (failed(w.pads(n, ArrayRef(x).slice(1, Spatial), window)))
    return failure();
  int64_t groups = 1;
  Value filter = n.in(1);
  for (const SizeExpr &d : x)
    if (auto c = d.constant(); c && *c < 0)
      return n.refuse("the input's shape is " + describe(sizes));
  if (Depthwise) {
    groups = *f[Spatial].constant();
    if (failed(n.same(x.back(), f[Spatial], "the number of channels")))
      return failure();
    filter = depthwiseFilter(n, filter);
  } else if (failed(readGroups(n, x.back(), f[Spatial], *f.back().constant(), groups))) {
    return failure();
  }
  SizeExpr outputs = nn::dimsOf(filter).back();
  if (failed(n.same(grad.back(), outputs, "the gradient's number of channels")) ||
      failed(n.same(grad[0], x[0], "the gradient's batch")))
    return failure();
  Dims low, high;
  for (int64_t i = 0; i < Spatial; ++i) {
    if (failed(n.same(grad[i + 1], w.out(i, x[i + 1], window[i]),
                      "spatial size " + Twine(i) + " of the gradient")))
      return failure();
    int64_t reach = (window[i] - 1) * w.dilations[i];
    low.push_back(SizeExpr(reach) - w.low[i]);
    SizeExpr spread = (grad[i + 1] - 1) * w.strides[i] + 1;
    high.push_back(x[i + 1] - spread + w.low[i]);
  }
  SmallVector<int64_t> ones(Spatial, 1);
  auto *ctx = n.b.b.getContext();
  Value r = nn::ConvOp::create(
      n.b.b, n.b.loc, w.toLast(n, n.in(2)), backwardFilter(n, filter, Spatial, groups), ones,
      nn::SizesAttr::get(ctx, low), nn::SizesAttr::get(ctx, high), w.strides, w.dilations, groups);
  return n.give(w.fromLast(n, n.b.reshape(r, x)));
}

/// Operands: input, filter sizes, gradient of the output.
template <bool Depthwise, int Spatial> LogicalResult convBackpropFilter(Node &n) {
  Dims f;
  if (failed(n.needSizes(1, "the filter's shape", f)) ||
      failed(n.needRank(0, Spatial + 2, "the input")) ||
      failed(n.needRank(2, Spatial + 2, "the gradient")))
    return failure();
  Window w;
  SmallVector<int64_t> window;
  if (f.size() != Spatial + 2)
    return n.refuse("the filter's shape has " + Twine(f.size()) + " entries");
  if (failed(w.read(n, Spatial + 2)) || failed(readFilter(n, f, Spatial, window)))
    return failure();
  Dims x = w.toLast(n.dims(0)), grad = w.toLast(n.dims(2)), own = f;
  if (failed(w.pads(n, ArrayRef(x).slice(1, Spatial), window)))
    return failure();
  int64_t groups = 1;
  if (Depthwise) {
    groups = *f[Spatial].constant();
    if (failed(n.same(x.back(), f[Spatial], "the number of channels")))
      return failure();
    own[Spatial] = 1;
    own.back() = f[Spatial] * f.back();
  } else if (failed(readGroups(n, x.back(), f[Spatial], *f.back().constant(), groups))) {
    return failure();
  }
  if (failed(n.same(grad.back(), own.back(), "the gradient's number of channels")) ||
      failed(n.same(grad[0], x[0], "the gradient's batch")))
    return failure();
  for (int64_t i = 0; i < Spatial; ++i)
    if (failed(n.same(grad[i + 1], w.out(i, x[i + 1], window[i]),
                      "spatial size " + Twine(i) + " of the gradient")))
      return failure();
  Value r = nn::ConvFilterGradOp::create(n.b.b, n.b.loc, nn::tensorType(own, n.elem(0)),
                                         w.toLast(n, n.in(0)), w.toLast(n, n.in(2)), w.strides,
                                         w.lowAttr(n), w.highAttr(n), w.dilations, groups);
  return n.give(n.b.reshape(r, f));
}

//===-- Pooling -----------------------------------------------------------===//

struct Pool {
  Window w;
  SmallVector<int64_t> window; // spatial
  SmallVector<int64_t> fullWindow,
      fullStrides; // one entry a dimension, channels last
  nn::SizesAttr low, high;
  Dims x;

  LogicalResult read(Node &n, const Dims &input,
                     std::optional<SmallVector<int64_t>> ksize = std::nullopt) {
    int64_t rank = input.size();
    SmallVector<int64_t> k = ksize ? *ksize : n.intsAttr("ksize");
    if (failed(w.read(n, rank)))
      return failure();
    if (static_cast<int64_t>(k.size()) != rank)
      return n.refuse("ksize needs " + Twine(rank) + " entries");
    if (k[0] != 1 || k[w.channelsFirst ? 1 : rank - 1] != 1)
      return n.refuse("pools over batch or channels");
    fullWindow = {1};
    fullStrides = {1};
    for (int64_t i = 0; i < w.spatial; ++i) {
      window.push_back(k[w.at(i)]);
      if (window.back() < 1)
        return n.refuse("a window of " + Twine(window.back()));
      fullWindow.push_back(window.back());
      fullStrides.push_back(w.strides[i]);
    }
    fullWindow.push_back(1);
    fullStrides.push_back(1);
    x = w.toLast(input);
    if (failed(w.pads(n, ArrayRef(x).slice(1, w.spatial), window)))
      return failure();
    Dims l{SizeExpr(0)}, h = l;
    l.append(w.low);
    h.append(w.high);
    l.push_back(0);
    h.push_back(0);
    low = nn::SizesAttr::get(n.b.b.getContext(), l);
    high = nn::SizesAttr::get(n.b.b.getContext(), h);
    return success();
  }
  Value reduce(Node &n, Value v, ReduceKind kind) const {
    SmallVector<int64_t> ones(fullWindow.size(), 1);
    return nn::ReduceWindowOp::create(n.b.b, n.b.loc, v, kind, fullWindow, fullStrides, ones, ones,
                                      low, high);
  }
  Dims outputs() const {
    Dims r{x[0]};
    for (int64_t i = 0; i < w.spatial; ++i)
      r.push_back(w.out(i, x[i + 1], window[i]));
    r.push_back(x.back());
    return r;
  }
  /// How many elements each window has: a scalar, or [1, out.., 1] at borders.
  Value counts(Node &n, Type element) const {
    int64_t all = 1;
    bool padded = false;
    for (int64_t i = 0; i < w.spatial; ++i) {
      all *= window[i];
      padded |= !w.low[i].isConstant(0) || !w.high[i].isConstant(0);
    }
    if (!padded)
      return n.b.scalar(static_cast<double>(all), element);
    Dims one = x;
    one.front() = one.back() = 1;
    return reduce(n, n.b.full(one, 1, element), ReduceKind::sum);
  }
};

template <int Spatial> LogicalResult maxPool(Node &n) {
  Pool p;
  std::optional<SmallVector<int64_t>> ksize;
  if (failed(n.needRank(0, Spatial + 2, "the input")))
    return failure();
  if (n.op.isOp("MaxPoolV2")) {
    auto k = n.ints(1), s = n.ints(2);
    if (!k || !s)
      return n.refuse("ksize and strides must be constant");
    ksize = *k;
    n.op.setNodeAttr("strides", n.b.b.getI64ArrayAttr(*s));
  }
  if (failed(p.read(n, n.dims(0), ksize)))
    return failure();
  return n.give(p.w.fromLast(n, p.reduce(n, p.w.toLast(n, n.in(0)), ReduceKind::max)));
}
template <int Spatial> LogicalResult avgPool(Node &n) {
  Pool p;
  if (failed(n.needRank(0, Spatial + 2, "the input")) || failed(p.read(n, n.dims(0))))
    return failure();
  Value sum = p.reduce(n, p.w.toLast(n, n.in(0)), ReduceKind::sum);
  return n.give(
      p.w.fromLast(n, n.b.div(sum, n.b.broadcastTo(p.counts(n, n.elem(0)), nn::dimsOf(sum)))));
}
LogicalResult checkPoolGrad(Node &n, const Pool &p, const Dims &grad) {
  Dims want = p.outputs(), found = p.w.toLast(grad);
  for (size_t i = 0; i < want.size(); ++i)
    if (failed(n.same(found[i], want[i], "dimension " + Twine(i) + " of the gradient")))
      return failure();
  return success();
}
/// Operands: input, output, gradient of the output.
LogicalResult maxPoolGrad(Node &n) {
  Pool p;
  if (failed(n.needRank(0, 4, "the input")) || failed(n.needRank(2, 4, "the gradient")) ||
      failed(p.read(n, n.dims(0))) || failed(checkPoolGrad(n, p, n.dims(2))))
    return failure();
  Value x = p.w.toLast(n, n.in(0));
  return n.give(p.w.fromLast(n, nn::MaxPoolGradOp::create(n.b.b, n.b.loc, x.getType(), x,
                                                          p.w.toLast(n, n.in(2)), p.fullWindow,
                                                          p.fullStrides, p.low, p.high)));
}
/// Operands: shape of the input, gradient of the output. Each input element
/// sums the gradients of the windows it is in, over their counts.
LogicalResult avgPoolGrad(Node &n) {
  Dims input;
  Pool p;
  if (failed(n.needSizes(0, "the input's shape", input)) ||
      failed(n.needRank(1, 4, "the gradient")))
    return failure();
  if (input.size() != 4)
    return n.refuse("the input's shape has " + Twine(input.size()) + " entries");
  if (failed(p.read(n, input)) || failed(checkPoolGrad(n, p, n.dims(1))))
    return failure();
  Value grad = p.w.toLast(n, n.in(1));
  Dims out = nn::dimsOf(grad);
  grad = n.b.div(grad, n.b.broadcastTo(p.counts(n, n.elem(1)), out));
  Dims low{SizeExpr(0)}, high{SizeExpr(0)};
  SmallVector<int64_t> ones(4, 1), base{1};
  for (int64_t i = 0; i < 2; ++i) {
    SizeExpr before = SizeExpr(p.window[i] - 1) - p.w.low[i];
    SizeExpr spread = (out[i + 1] - 1) * p.w.strides[i] + 1;
    low.push_back(before);
    high.push_back(p.x[i + 1] + p.window[i] - 1 - before - spread);
    base.push_back(p.w.strides[i]);
  }
  low.push_back(0);
  high.push_back(0);
  base.push_back(1);
  auto *ctx = n.b.b.getContext();
  Value r =
      nn::ReduceWindowOp::create(n.b.b, n.b.loc, grad, ReduceKind::sum, p.fullWindow, ones, ones,
                                 base, nn::SizesAttr::get(ctx, low), nn::SizesAttr::get(ctx, high));
  return n.give(p.w.fromLast(n, n.b.reshape(r, p.x)));
}

const Rule kRules[] = {
    {"Conv2D", 2, conv<false, 2>, "NHWC and NCHW, known filter sizes"},
    {"Conv3D", 2, conv<false, 3>},
    {"DepthwiseConv2dNative", 2, conv<true, 2>},
    {"Conv2DBackpropInput", 3, convBackpropInput<false, 2>},
    {"Conv2DBackpropFilter", 3, convBackpropFilter<false, 2>},
    {"Conv3DBackpropInputV2", 3, convBackpropInput<false, 3>},
    {"Conv3DBackpropFilterV2", 3, convBackpropFilter<false, 3>},
    {"DepthwiseConv2dNativeBackpropInput", 3, convBackpropInput<true, 2>},
    {"DepthwiseConv2dNativeBackpropFilter", 3, convBackpropFilter<true, 2>},
    {"MaxPool", 1, maxPool<2>},
    {"MaxPoolV2", 3, maxPool<2>, "constant ksize and strides"},
    {"MaxPool3D", 1, maxPool<3>},
    {"AvgPool", 1, avgPool<2>},
    {"AvgPool3D", 1, avgPool<3>},
    {"MaxPoolGrad", 3, maxPoolGrad},
    {"AvgPoolGrad", 2, avgPoolGrad},
};
} // namespace

Table legalize::convRules() { return kRules; }
