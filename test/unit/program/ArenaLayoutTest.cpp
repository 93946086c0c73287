// Offsets of arena buffers: no overlap at any size, little waste.
#include "compiler/passes/program/Buffers.h"
#include "gtest/gtest.h"

using namespace ingot;
using namespace ingot::program;
using nn::SizeExpr;

namespace {

SizeExpr expr(const char *text) { return *SizeExpr::parse(text); }
int64_t at(const SizeExpr &e, int64_t batch, int64_t len) {
  return *e.evaluate([&](llvm::StringRef name) -> std::optional<int64_t> {
    return name == "batch" ? batch : len;
  });
}

TEST(ArenaLayout, DisjointLifetimesShare) {
  SizeExpr bytes[] = {expr("64*batch"), expr("64*batch"), expr("64*batch")};
  ArenaLayout layout = layOutArena(bytes, [](unsigned a, unsigned b) { return a + b == 1; });
  EXPECT_EQ(layout.bytes.str(), "128*batch");
}

TEST(ArenaLayout, ConstantsBestFit) {
  // A large one that conflicts with all, a gap of 128 that takes two of 64.
  SizeExpr bytes[] = {1024, 128, 64, 64};
  ArenaLayout layout =
      layOutArena(bytes, [](unsigned a, unsigned b) { return a == 0 || b == 0 || a + b == 5; });
  EXPECT_EQ(layout.bytes.str(), "1152");
}

TEST(ArenaLayout, GuardsKeepAllApart) {
  SizeExpr bytes[] = {10, expr("4*batch")};
  ArenaLayout layout = layOutArena(bytes, [](unsigned, unsigned) { return false; }, 4096);
  int64_t a = at(layout.slots[0].offset, 7, 1), b = at(layout.slots[1].offset, 7, 1);
  EXPECT_GE(std::min(a, b), 4096);
  EXPECT_GE(std::abs(a - b), 4096);
  EXPECT_GE(at(layout.bytes, 7, 1), std::max(a, b) + 4096);
}

TEST(ArenaLayout, RandomConflictsNeverOverlap) {
  uint32_t seed = 7;
  auto random = [&](uint32_t n) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
  };
  const char *forms[] = {"4*batch",
                         "64*batch*len",
                         "12*len + 8",
                         "100",
                         "4096",
                         "4*batch*max(len - 2, 0)",
                         "8*floordiv(len + 1, 2)",
                         "4*bcast(batch, len)",
                         "256*batch",
                         "4*len*len",
                         "4*len - 4",
                         "1"};
  for (int round = 0; round < 60; ++round) {
    unsigned count = 2 + random(14);
    std::vector<SizeExpr> bytes;
    for (unsigned i = 0; i < count; ++i)
      bytes.push_back(expr(forms[random(12)]));
    std::vector<std::vector<bool>> conflict(count, std::vector<bool>(count));
    for (unsigned i = 0; i < count; ++i)
      for (unsigned j = 0; j < i; ++j)
        conflict[i][j] = conflict[j][i] = random(2);
    ArenaLayout layout =
        layOutArena(bytes, [&](unsigned a, unsigned b) { return bool(conflict[a][b]); });
    for (int64_t batch : {0, 1, 3, 32, 1000})
      for (int64_t len : {1, 2, 7, 80, 5000})
        for (unsigned i = 0; i < count; ++i) {
          int64_t begin = at(layout.slots[i].offset, batch, len);
          int64_t end = begin + at(bytes[i], batch, len);
          EXPECT_EQ(begin % 64, 0);
          EXPECT_GE(begin, 0);
          EXPECT_LE(end, at(layout.bytes, batch, len));
          for (unsigned j = 0; j < i; ++j) {
            int64_t other = at(layout.slots[j].offset, batch, len);
            int64_t otherEnd = other + at(bytes[j], batch, len);
            if (conflict[i][j]) {
              EXPECT_TRUE(end <= other || otherEnd <= begin || begin == end || other == otherEnd)
                  << bytes[i].str() << " at " << layout.slots[i].offset.str() << " and "
                  << bytes[j].str() << " at " << layout.slots[j].offset.str();
            }
          }
        }
  }
}

} // namespace
