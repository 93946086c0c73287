// Second half of planning: which resources can be one buffer (liveness,
// interference, coalescing of copies and in-place results), and where in the
// arena the rest lie.
#ifndef INGOT_PASSES_PROGRAM_BUFFERS_H
#define INGOT_PASSES_PROGRAM_BUFFERS_H

#include "compiler/passes/program/Actions.h"
#include "llvm/ADT/BitVector.h"

namespace ingot::program {

/// Which resources are live together. Built backwards over the actions; a
/// loop's body is walked until its live-in set does not change.
class Interference {
public:
  /// `keepLive`: fill in `deadAfter` and `liveAfter`.
  explicit Interference(const Actions &actions, bool keepLive = false);
  bool operator()(unsigned a, unsigned b) const { return rows[a].test(b); }
  const llvm::BitVector &row(unsigned r) const { return rows[r]; }

  /// Resources that are last read or written by an action (`--debug-arena`).
  llvm::DenseMap<const Action *, llvm::SmallVector<unsigned>> deadAfter;
  /// What is read later, after a dispatch or copy.
  llvm::DenseMap<const Action *, llvm::BitVector> liveAfter;

private:
  void walk(const std::vector<Action> &list, llvm::BitVector &live, bool record);
  void define(const Action &action, const llvm::BitVector &live);
  void edge(unsigned a, unsigned b);

  const Actions &actions;
  bool keepLive;
  std::vector<llvm::BitVector> rows;
};

/// Union-find over resources: `find` gives the buffer's representative.
class Buffers {
public:
  Buffers(const Actions &actions, const Interference &interference);
  unsigned find(unsigned resource) const;
  bool interfere(unsigned a, unsigned b) const;
  /// The resource that says where the buffer is.
  const Resource &place(unsigned resource) const;
  /// Representatives of the buffers that lie in the arena.
  llvm::SmallVector<unsigned> arena() const;

private:
  struct Candidate {
    unsigned a, b, weight;
  };
  void collect(const std::vector<Action> &list, unsigned depth, std::vector<Candidate> &out);
  bool merge(unsigned a, unsigned b);

  const Actions &actions;
  mutable std::vector<unsigned> parent;
  std::vector<llvm::BitVector> conflicts, members; // by representative
  std::vector<unsigned> fixed;                     // resource that places it, or none
};

struct ArenaSlot {
  nn::SizeExpr offset, bytes;
};
struct ArenaLayout {
  std::vector<ArenaSlot> slots; // in the order of `buffers`
  nn::SizeExpr bytes;           // of the whole arena
};

/// Places buffers so that conflicting ones never overlap, whatever the symbols.
/// `guard` bytes are left around each, and nothing is shared, if it is not 0.
ArenaLayout layOutArena(llvm::ArrayRef<nn::SizeExpr> bytes,
                        llvm::function_ref<bool(unsigned, unsigned)> conflict, int64_t guard = 0);

} // namespace ingot::program

#endif // INGOT_PASSES_PROGRAM_BUFFERS_H
