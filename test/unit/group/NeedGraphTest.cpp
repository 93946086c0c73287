// Who needs whom, against the transitive closure of random graphs that grow.
#include "compiler/passes/group/NeedGraph.h"
#include "gtest/gtest.h"
#include <map>
#include <random>
#include <set>

using ingot::NeedGraph;

namespace {

/// The same graph, asked by walking all of it.
struct Plain {
  std::map<int, std::set<int>> needed;
  bool needs(int node, int other) const {
    for (int n : needed.at(node))
      if (n == other || needs(n, other))
        return true;
    return false;
  }
  bool needsThroughAnother(int node, int other) const {
    for (int n : needed.at(node))
      if (n != other && needs(n, other))
        return true;
    return false;
  }
  void merge(int into, int from) {
    needed[into].insert(needed[from].begin(), needed[from].end());
    needed.erase(from);
    for (auto &[node, list] : needed)
      if (list.erase(from))
        list.insert(into);
    needed[into].erase(into);
  }
};

TEST(NeedGraph, AnswersAsAWalkOfTheWholeGraph) {
  std::mt19937 random(1);
  auto below = [&](int n) { return int(random() % unsigned(n)); };
  for (int round = 0; round < 60; ++round) {
    NeedGraph graph;
    Plain plain;
    std::vector<int> nodes; // those that are not merged into another
    int merges = 0;
    for (int step = 0; step < 60; ++step) {
      int a = graph.add();
      plain.needed[a];
      nodes.push_back(a);
      for (int edges = below(3); edges--;) {
        int x = nodes[below(nodes.size())], y = nodes[below(nodes.size())];
        if (x == y || plain.needs(y, x))
          continue;
        graph.need(x, y);
        plain.needed[x].insert(y);
      }
      int x = nodes[below(nodes.size())], y = nodes[below(nodes.size())];
      if (below(4) == 0 && x != y && !plain.needsThroughAnother(x, y) &&
          !plain.needsThroughAnother(y, x)) {
        graph.merge(x, y);
        plain.merge(x, y);
        nodes.erase(std::find(nodes.begin(), nodes.end(), y));
        EXPECT_TRUE(graph.same(x, y));
        ++merges;
      }
      for (int i = 0; i < 20; ++i) {
        x = nodes[below(nodes.size())];
        y = nodes[below(nodes.size())];
        ASSERT_EQ(graph.needs(x, y), plain.needs(x, y)) << x << " " << y;
        if (x != y)
          ASSERT_EQ(graph.needsThroughAnother(x, y), plain.needsThroughAnother(x, y));
      }
    }
    EXPECT_GT(merges, 0);
  }
}

} // namespace
