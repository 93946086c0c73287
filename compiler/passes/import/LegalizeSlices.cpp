// StridedSlice's masks, negative indices and strides on size expressions.
#include "compiler/passes/import/LegalizeSlices.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {
/// One index of TensorFlow's clamped to [low, high], counted from the end if
/// negative.
SizeExpr place(const SizeExpr &index, const SizeExpr &size, const SizeExpr &low,
               const SizeExpr &high) {
  auto c = index.constant();
  if (!c)
    return SizeExpr::min(SizeExpr::max(index, low), high);
  return *c < 0 ? SizeExpr::max(size + index, low) : SizeExpr::min(index, high);
}
} // namespace

LogicalResult SliceSpec::read(Node &n, RankedTensorType type, unsigned begin, unsigned end,
                              unsigned stride) {
  Dims x = nn::dimsOf(type);
  int64_t rank = x.size();
  if (n.rank(begin) != 1 || n.rank(end) != 1 || n.rank(stride) != 1)
    return n.refuse("begin, end and strides must be vectors");
  auto steps = n.ints(stride);
  if (!steps)
    return n.refuse("strides must be constant");
  int64_t count = steps->size();
  if (n.type(begin).getDimSize(0) != count || n.type(end).getDimSize(0) != count)
    return n.refuse("begin, end and strides have different lengths");
  auto begins = n.sizes(begin), ends = n.sizes(end);
  int64_t beginMask = n.intAttr("begin_mask", 0), endMask = n.intAttr("end_mask", 0);
  int64_t ellipsis = n.intAttr("ellipsis_mask", 0), fresh = n.intAttr("new_axis_mask", 0);
  int64_t shrink = n.intAttr("shrink_axis_mask", 0);
  auto has = [](int64_t mask, int64_t i) { return i < 64 && ((mask >> i) & 1); };
  int64_t used = 0;
  bool spread = false;
  for (int64_t i = 0; i < count; ++i) {
    if (has(ellipsis, i)) {
      if (spread)
        return n.refuse("has two ellipses");
      spread = true;
    } else if (!has(fresh, i)) {
      ++used;
    }
  }
  if (used > rank)
    return n.refuse("slices " + Twine(used) + " dimensions of " + describe(type));
  auto whole = [&](int64_t d) {
    start.push_back(0);
    sizes.push_back(x[d]);
    strides.push_back(1);
    result.push_back(x[d]);
  };
  int64_t d = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (has(ellipsis, i)) {
      for (int64_t left = rank - used; left > 0; --left)
        whole(d++);
      continue;
    }
    if (has(fresh, i)) {
      result.push_back(1);
      continue;
    }
    const SizeExpr &size = x[d];
    int64_t step = (*steps)[i];
    if (has(shrink, i)) {
      if (step < 0)
        return n.refuse("picks one element with a negative stride");
      start.push_back(0);
      sizes.push_back(1);
      strides.push_back(1);
      if (!begins) {
        Value at = n.b.slice(n.in(begin), {SizeExpr(i)}, {SizeExpr(1)});
        dynamic.push_back({d, n.b.reshape(at, {})});
      } else {
        SizeExpr at = (*begins)[i];
        auto c = at.constant();
        start.back() = c && *c < 0 ? size + at : at;
        auto low = start.back().constant(), room = (size - start.back() - 1).constant();
        if ((low && *low < 0) || (room && *room < 0))
          return n.refuse("index " + at.str() + " is outside dimension " + Twine(d) + " of size " +
                          size.str());
      }
      ++d;
      continue;
    }
    bool fromStart = has(beginMask, i), toEnd = has(endMask, i);
    if ((!fromStart && !begins) || (!toEnd && !ends))
      return n.refuse("dimension " + Twine(d) + " is sliced at a run-time place");
    if (step == 0)
      return n.refuse("stride 0");
    bool back = step < 0;
    SizeExpr low = back ? -1 : 0, high = back ? size - 1 : size;
    SizeExpr from = fromStart ? (back ? high : low) : place((*begins)[i], size, low, high);
    SizeExpr to = toEnd ? (back ? low : high) : place((*ends)[i], size, low, high);
    SizeExpr span = back ? from - to : to - from;
    SizeExpr number = SizeExpr::max(SizeExpr::ceilDiv(span, std::abs(step)), 0);
    start.push_back(number.isConstant(0) ? SizeExpr(0) : from);
    sizes.push_back(number);
    strides.push_back(step);
    result.push_back(number);
    ++d;
  }
  while (d < rank)
    whole(d++);
  return success();
}
