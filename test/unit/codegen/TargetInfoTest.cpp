// The table of processors: rows by features, host completion, errors.
#include "compiler/codegen/cpu/TargetInfo.h"
#include "gtest/gtest.h"

using namespace ingot;

static TargetInfo get(llvm::StringRef triple, llvm::StringRef cpu) {
  llvm::Expected<TargetInfo> target = getTarget(triple, cpu);
  EXPECT_TRUE(bool(target)) << (target ? "" : llvm::toString(target.takeError()));
  return *target;
}

TEST(TargetInfo, RowsByFeature) {
  struct Case {
    const char *triple, *cpu, *row;
    unsigned bytes, registers, ports;
  } cases[] = {
      {"x86_64-linux-gnu", "znver4", "zen4", 64, 32, 1},
      {"x86_64-linux-gnu", "znver5", "zen5", 64, 32, 2},
      {"x86_64-linux-gnu", "sapphirerapids", "avx512-2fma", 64, 32, 2},
      {"x86_64-linux-gnu", "icelake-server", "avx512-2fma", 64, 32, 2},
      {"x86_64-linux-gnu", "skylake-avx512", "avx512-2fma", 64, 32, 2},
      {"x86_64-linux-gnu", "icelake-client", "avx512", 64, 32, 1},
      {"x86_64-linux-gnu", "tigerlake", "avx512", 64, 32, 1},
      {"x86_64-linux-gnu", "x86-64-v4", "avx512", 64, 32, 1},
      {"x86_64-linux-gnu", "haswell", "avx2", 32, 16, 2},
      {"x86_64-linux-gnu", "znver3", "avx2", 32, 16, 2},
      {"x86_64-linux-gnu", "x86-64-v3", "avx2", 32, 16, 2},
      {"x86_64-linux-gnu", "x86-64-v2", "sse", 16, 16, 1},
      {"aarch64-linux-gnu", "neoverse-n1", "neoverse", 16, 32, 2},
      {"aarch64-linux-gnu", "generic", "neon", 16, 32, 1},
      {"aarch64-linux-gnu", "", "neon", 16, 32, 1},
  };
  for (const Case &c : cases) {
    TargetInfo t = get(c.triple, c.cpu);
    EXPECT_EQ(t.name, c.row) << c.cpu;
    EXPECT_EQ(t.vectorBytes, c.bytes) << c.cpu;
    EXPECT_EQ(t.vectorRegisters, c.registers) << c.cpu;
    EXPECT_EQ(t.fmaPorts, c.ports) << c.cpu;
  }
}

TEST(TargetInfo, Lanes) {
  TargetInfo t = get("x86_64-linux-gnu", "haswell");
  EXPECT_EQ(t.lanes(32), 8u);
  EXPECT_EQ(t.lanes(64), 4u);
  EXPECT_EQ(t.lanes(16), 16u);
  EXPECT_EQ(t.lanes(1), 32u);
  EXPECT_TRUE(t.hasFma);
  EXPECT_FALSE(t.hasMasks);
  EXPECT_FALSE(get("x86_64-linux-gnu", "x86-64-v2").hasFma);
}

TEST(TargetInfo, HostIsComplete) {
  TargetInfo t = getHostTarget();
  EXPECT_FALSE(t.cpu.empty());
  EXPECT_FALSE(t.features.empty());
  EXPECT_TRUE(t.isHostArch());
  EXPECT_GE(t.l1Bytes, 8 << 10);
  EXPECT_GE(t.l2Bytes, t.l1Bytes);
  EXPECT_EQ(get("", "native").features, t.features);
  EXPECT_EQ(get("", "").name, t.name);
}

TEST(TargetInfo, Errors) {
  auto message = [](llvm::StringRef triple, llvm::StringRef cpu) {
    llvm::Expected<TargetInfo> target = getTarget(triple, cpu);
    return target ? std::string() : llvm::toString(target.takeError());
  };
  EXPECT_NE(message("riscv64-linux-gnu", "").find("is not supported"), std::string::npos);
  EXPECT_NE(message("x86_64-pc-windows-msvc", "").find("is not supported"), std::string::npos);
  EXPECT_NE(message("x86_64-linux-gnu", "pentium-9").find("unknown cpu 'pentium-9'"),
            std::string::npos);
}
