// Which of a block's kernels-to-be need which, while they are being formed.
//
// Every node has a level above the levels of all that it needs, so the question
// whether one node needs another looks at the levels between the two only. In a
// block that is partitioned in program order those are few, whatever its length.
#ifndef INGOT_COMPILER_PASSES_GROUP_NEEDGRAPH_H
#define INGOT_COMPILER_PASSES_GROUP_NEEDGRAPH_H

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVector.h"

namespace ingot {

/// A directed graph without cycles; edges and nodes are added, nodes become one.
class NeedGraph {
public:
  /// A node that needs nothing.
  int add();
  /// `node` needs `other`, which must not need `node`. Nothing for one and the same.
  void need(int node, int other);
  /// `from` becomes `into`; neither may need the other through a third.
  void merge(int into, int from);

  /// `node` needs `other`, directly or not.
  bool needs(int node, int other) const;
  /// `node` needs `other` through a third node.
  bool needsThroughAnother(int node, int other) const;
  bool same(int a, int b) const { return find(a) == find(b); }

private:
  struct Node {
    int merged = -1; ///< the node that this one became a part of
    int level = 0;
    llvm::SmallSetVector<int, 4> needed, readers;
  };
  int find(int node) const;
  void raise(int node, int level);

  llvm::SmallVector<Node, 0> nodes;
};

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_GROUP_NEEDGRAPH_H
