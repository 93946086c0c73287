// The processor that kernels are compiled for, as data: what policies and
// schedules ask (vector width, registers, FMA ports, caches) and what LLVM
// needs (triple, cpu, features). It comes from one table of processors and, for
// the host, from the machine itself. Schedules hold no constants of a machine.
#ifndef INGOT_COMPILER_CODEGEN_CPU_TARGETINFO_H
#define INGOT_COMPILER_CODEGEN_CPU_TARGETINFO_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <vector>

namespace ingot {

/// One processor. Sizes are bytes; caches are what one core may count on.
struct TargetInfo {
  /// Row of the table that matched: "avx512-2fma", "zen4", "avx2", "neon"...
  std::string name;
  /// LLVM's triple, cpu and full feature string ("+avx2,-avx512f,...").
  std::string triple, cpu, features;

  /// Widest vector that is worth using (64 with AVX-512, 32 AVX2, 16 SSE/NEON).
  unsigned vectorBytes = 16;
  /// Architectural vector registers (32 with AVX-512 and NEON, else 16).
  unsigned vectorRegisters = 16;
  /// Fused multiply-adds of full `vectorBytes` width started each cycle.
  unsigned fmaPorts = 1;
  /// Cycles until an FMA's result can be used: `fmaPorts * fmaLatency`
  /// independent accumulators keep the units busy.
  unsigned fmaLatency = 4;
  /// Has fused multiply-add at all (x86-64-v2 has not).
  bool hasFma = false;
  /// Masked loads and stores are as cheap as plain ones (AVX-512).
  bool hasMasks = false;
  /// FMA takes one broadcast lane of a register as operand (AArch64 `v.s[i]`).
  bool hasLaneFma = false;

  int64_t l1Bytes = 32 << 10;
  int64_t l2Bytes = 1 << 20;
  /// Last-level cache; share it between the cores that run.
  int64_t l3Bytes = 16 << 20;
  unsigned lineBytes = 64;

  /// Vector lanes of an element of `bits` bits (booleans occupy a byte).
  unsigned lanes(unsigned bits) const {
    unsigned bytes = bits <= 8 ? 1 : bits / 8;
    return vectorBytes / bytes;
  }
  bool isX86() const;
  bool isAArch64() const;
  /// LLVM's triple names the machine this compiler runs on (same architecture).
  bool isHostArch() const;
};

/// The machine we run on: table row by its features, caches from the system.
TargetInfo getHostTarget();

/// The target that `--mtriple` and `--mcpu` name. An empty triple is the
/// host's; an empty cpu or "native" is the host if the architecture is the
/// host's, else the architecture's generic row. `features` is appended to the
/// cpu's own. Unknown names are an error that lists what is known.
llvm::Expected<TargetInfo> getTarget(llvm::StringRef triple, llvm::StringRef cpu,
                                     llvm::StringRef features = "");

/// Names of the rows of the table in order, for help and tests.
std::vector<std::string> getTargetRowNames();

/// Initializes LLVM's back ends once; thread-safe.
void initializeLlvmTargets();

/// LLVM's process-wide options change while the linker runs: who generates code
/// holds this shared, who links exclusively.
std::shared_mutex &llvmOptionsMutex();

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_TARGETINFO_H
