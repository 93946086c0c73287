// See NeedGraph.h.
#include "compiler/passes/group/NeedGraph.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace ingot;

int NeedGraph::add() {
  nodes.emplace_back();
  return nodes.size() - 1;
}

int NeedGraph::find(int node) const {
  while (nodes[node].merged >= 0)
    node = nodes[node].merged;
  return node;
}

void NeedGraph::raise(int node, int level) {
  llvm::SmallVector<std::pair<int, int>> work{{node, level}};
  while (!work.empty()) {
    auto [n, least] = work.pop_back_val();
    n = find(n);
    if (nodes[n].level >= least)
      continue;
    nodes[n].level = least;
    for (int reader : nodes[n].readers)
      if (!same(reader, n)) // an edge within what was merged
        work.push_back({reader, least + 1});
  }
}

void NeedGraph::need(int node, int other) {
  node = find(node);
  other = find(other);
  if (node == other || !nodes[node].needed.insert(other))
    return;
  nodes[other].readers.insert(node);
  raise(node, nodes[other].level + 1);
}

void NeedGraph::merge(int into, int from) {
  into = find(into);
  from = find(from);
  if (into == from)
    return;
  Node old = std::move(nodes[from]);
  nodes[from] = Node();
  nodes[from].merged = into;
  for (int n : old.needed)
    need(into, n);
  for (int n : old.readers)
    need(n, into);
}

bool NeedGraph::needs(int node, int other) const {
  other = find(other);
  llvm::SmallVector<int> work{find(node)};
  llvm::DenseSet<int> seen;
  while (!work.empty()) {
    const Node &n = nodes[work.pop_back_val()];
    if (n.level <= nodes[other].level) // whatever it needs is lower still
      continue;
    for (int needed : n.needed) {
      needed = find(needed);
      if (needed == other)
        return true;
      if (seen.insert(needed).second)
        work.push_back(needed);
    }
  }
  return false;
}

bool NeedGraph::needsThroughAnother(int node, int other) const {
  return llvm::any_of(nodes[find(node)].needed,
                      [&](int n) { return !same(n, node) && !same(n, other) && needs(n, other); });
}
