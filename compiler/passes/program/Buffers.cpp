#include "compiler/passes/program/Buffers.h"

using namespace ingot;
using namespace ingot::program;
using llvm::BitVector;

static constexpr unsigned none = ~0u;

//===-- Interference ------------------------------------------------------===//

Interference::Interference(const Actions &actions, bool keepLive)
    : actions(actions), keepLive(keepLive) {
  unsigned count = actions.resources.size();
  rows.assign(count, BitVector(count));
  BitVector live(count);
  for (unsigned r : actions.liveAtExit)
    live.set(r);
  walk(actions.body, live, /*record=*/true);
  // Nothing is ever written to what is read-only; inputs and variables hold
  // their values from the start.
  for (unsigned r = 0; r < count; ++r) {
    const Resource &resource = actions.resources[r];
    bool atEntry = resource.readOnly || (resource.place == Place::Variable && live.test(r));
    if (!atEntry)
      continue;
    for (unsigned other = 0; other < count; ++other)
      if (other != r && (resource.readOnly || live.test(other)))
        edge(r, other);
  }
}

void Interference::edge(unsigned a, unsigned b) {
  rows[a].set(b);
  rows[b].set(a);
}

void Interference::define(const Action &action, const BitVector &live) {
  for (unsigned def : action.defs) {
    for (unsigned other : live.set_bits())
      // A copy holds its source's value: only a later write tells them apart.
      if (other != def && !(action.kind == Action::Copy && other == action.uses[0]))
        edge(def, other);
    for (unsigned other : action.defs)
      if (other != def)
        edge(def, other);
  }
  if (action.kind != Action::Dispatch)
    return;
  llvm::ArrayRef<int64_t> pairs = cast<nn::DispatchOp>(action.op).getInplace();
  for (auto [r, def] : llvm::enumerate(action.defs))
    for (auto [o, use] : llvm::enumerate(action.uses)) {
      bool allowed = false;
      for (size_t p = 0; p + 1 < pairs.size(); p += 2)
        allowed |= pairs[p] == int64_t(r) && pairs[p + 1] == int64_t(o);
      if (!allowed)
        edge(def, use);
    }
}

void Interference::walk(const std::vector<Action> &list, BitVector &live, bool record) {
  for (const Action &action : llvm::reverse(list)) {
    BitVector after = live;
    switch (action.kind) {
    case Action::Dispatch:
    case Action::Copy:
      if (record)
        define(action, live);
      for (unsigned def : action.defs)
        live.reset(def);
      break;
    case Action::For: {
      // At the body's end either the loop is over or the body starts again.
      BitVector start(live.size());
      for (int round = 0; round < 3; ++round) {
        BitVector end = after;
        end |= start;
        bool last = record && round == 2;
        walk(action.first, end, last);
        if (last)
          define(action, end); // the counter is written before the body
        for (unsigned def : action.defs)
          end.reset(def);
        start = end;
      }
      live |= start;
      break;
    }
    case Action::While: {
      BitVector start(live.size());
      for (int round = 0; round < 3; ++round) {
        bool last = record && round == 2;
        BitVector body = start;
        walk(action.second, body, last);
        body |= after;
        body.set(action.flag);
        walk(action.first, body, last);
        start = body;
      }
      live = start;
      break;
    }
    case Action::If: {
      BitVector other = live;
      walk(action.first, live, record);
      walk(action.second, other, record);
      live |= other;
      break;
    }
    }
    for (unsigned use : action.uses)
      live.set(use);
    if (record && keepLive && (action.kind == Action::Dispatch || action.kind == Action::Copy)) {
      auto &dead = deadAfter[&action];
      for (const auto &list : {action.uses, action.defs})
        for (unsigned r : list)
          if (!after.test(r) && !llvm::is_contained(dead, r))
            dead.push_back(r);
      liveAfter[&action] = std::move(after);
    }
  }
}

//===-- Coalescing --------------------------------------------------------===//

Buffers::Buffers(const Actions &actions, const Interference &interference) : actions(actions) {
  unsigned count = actions.resources.size();
  for (unsigned r = 0; r < count; ++r) {
    parent.push_back(r);
    conflicts.push_back(interference.row(r));
    members.emplace_back(count);
    members.back().set(r);
    fixed.push_back(actions.resources[r].place == Place::Arena ? none : r);
  }
  std::vector<Candidate> candidates;
  collect(actions.body, 0, candidates);
  llvm::stable_sort(candidates,
                    [](const Candidate &a, const Candidate &b) { return a.weight > b.weight; });
  for (const Candidate &candidate : candidates)
    merge(candidate.a, candidate.b);
}

/// Pairs worth being one buffer: the innermost loops first, then variables,
/// then other copies, then results that may lie where an operand was.
void Buffers::collect(const std::vector<Action> &list, unsigned depth,
                      std::vector<Candidate> &out) {
  for (const Action &action : list) {
    if (action.kind == Action::Copy) {
      bool variable = actions.resources[action.defs[0]].place == Place::Variable;
      out.push_back({action.uses[0], action.defs[0], 4 * depth + (variable ? 2 : 1)});
    }
    if (action.kind == Action::Dispatch) {
      llvm::ArrayRef<int64_t> pairs = cast<nn::DispatchOp>(action.op).getInplace();
      for (size_t p = 0; p + 1 < pairs.size(); p += 2)
        out.push_back({action.uses[pairs[p + 1]], action.defs[pairs[p]], 4 * depth});
    }
    unsigned inner = depth + (action.kind == Action::For || action.kind == Action::While);
    collect(action.first, inner, out);
    collect(action.second, inner, out);
  }
}

unsigned Buffers::find(unsigned r) const {
  while (parent[r] != r)
    r = parent[r] = parent[parent[r]];
  return r;
}

bool Buffers::interfere(unsigned a, unsigned b) const {
  return conflicts[find(a)].anyCommon(members[find(b)]);
}

bool Buffers::merge(unsigned a, unsigned b) {
  a = find(a);
  b = find(b);
  if (a == b || interfere(a, b) || (fixed[a] != none && fixed[b] != none))
    return false;
  if (actions.resources[a].bytes != actions.resources[b].bytes)
    return false;
  parent[b] = a;
  conflicts[a] |= conflicts[b];
  members[a] |= members[b];
  if (fixed[a] == none)
    fixed[a] = fixed[b];
  return true;
}

const Resource &Buffers::place(unsigned r) const {
  unsigned root = find(r);
  return actions.resources[fixed[root] == none ? root : fixed[root]];
}

llvm::SmallVector<unsigned> Buffers::arena() const {
  llvm::SmallVector<unsigned> roots;
  for (unsigned r = 0; r < parent.size(); ++r)
    if (find(r) == r && fixed[r] == none)
      roots.push_back(r);
  return roots;
}
