// Offsets of arena buffers. Sizes may be formulas, so a place is good only if
// its distance to every conflicting buffer is provably not negative. Numbers at
// a few sample sizes sort out candidates before anything is proved.
#include "compiler/passes/program/Buffers.h"

using namespace ingot;
using namespace ingot::program;
using nn::SizeExpr;

namespace {

/// A size and its values at the samples.
struct Measured {
  SizeExpr expr;
  std::array<int64_t, 3> at;
};

Measured measure(const SizeExpr &expr) {
  Measured m{expr, {}};
  for (unsigned sample = 0; sample < m.at.size(); ++sample) {
    auto value = expr.evaluate([&](llvm::StringRef name) -> std::optional<int64_t> {
      if (sample < 2)
        return sample == 0 ? 32 : 1;
      int64_t hash = 5; // every symbol another value
      for (char c : name)
        hash = (hash * 7 + c) % 91;
      return hash + 1;
    });
    m.at[sample] = value.value_or(INT64_MAX / 4);
  }
  return m;
}

bool lessEqual(const Measured &a, const Measured &b) {
  for (size_t i = 0; i < a.at.size(); ++i)
    if (a.at[i] > b.at[i])
      return false;
  return true;
}

/// a <= b for all values of the symbols.
bool provablyLessEqual(const Measured &a, const Measured &b) {
  return lessEqual(a, b) && (b.expr - a.expr).isNonNegative();
}

} // namespace

ArenaLayout program::layOutArena(llvm::ArrayRef<SizeExpr> sizes,
                                 llvm::function_ref<bool(unsigned, unsigned)> conflict,
                                 int64_t guard) {
  constexpr int64_t alignment = 64;
  std::vector<Measured> bytes;
  for (const SizeExpr &size : sizes)
    bytes.push_back(measure(size.roundedUp(alignment)));
  std::vector<unsigned> order(sizes.size());
  for (unsigned i = 0; i < order.size(); ++i)
    order[i] = i;
  // Large ones first: what is left between them takes the small ones.
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return bytes[a].at > bytes[b].at; });

  Measured zero = measure(SizeExpr(guard));
  std::vector<Measured> begin(sizes.size(), zero), end(sizes.size(), zero);
  std::vector<Measured> tops; // ends that no other end is known to cover
  std::vector<unsigned> placed;
  for (unsigned buffer : order) {
    std::vector<unsigned> against;
    for (unsigned other : placed)
      if (guard || conflict(buffer, other))
        against.push_back(other);
    std::vector<Measured> candidates{zero};
    for (unsigned other : against)
      candidates.push_back(measure(end[other].expr + guard));
    llvm::stable_sort(candidates, [](const Measured &a, const Measured &b) { return a.at < b.at; });
    bool found = false;
    for (const Measured &candidate : candidates) {
      Measured last = measure(candidate.expr + bytes[buffer].expr);
      auto apart = [&](auto compare) {
        return llvm::all_of(against, [&](unsigned other) {
          return compare(end[other], candidate) || compare(last, begin[other]);
        });
      };
      if (!apart(lessEqual) || !apart(provablyLessEqual))
        continue;
      begin[buffer] = candidate;
      end[buffer] = last;
      found = true;
      break;
    }
    if (!found) { // after the sum of all it conflicts with, which no end
                  // exceeds
      SizeExpr sum = SizeExpr(guard);
      for (const Measured &top : tops)
        sum = sum + top.expr + guard;
      begin[buffer] = measure(sum);
      end[buffer] = measure(sum + bytes[buffer].expr);
    }
    placed.push_back(buffer);
    llvm::erase_if(tops, [&](const Measured &t) { return provablyLessEqual(t, end[buffer]); });
    if (llvm::none_of(tops, [&](const Measured &t) { return provablyLessEqual(end[buffer], t); }))
      tops.push_back(end[buffer]);
  }
  ArenaLayout layout;
  for (unsigned i = 0; i < sizes.size(); ++i)
    layout.slots.push_back({begin[i].expr, sizes[i]});
  layout.bytes = 0;
  for (const Measured &top : tops)
    layout.bytes = SizeExpr::max(layout.bytes, top.expr + guard);
  return layout;
}
