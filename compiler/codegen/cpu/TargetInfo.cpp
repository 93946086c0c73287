// The table of processors. A row is chosen by features, never by a model
// number: `cpu` names only choose LLVM's feature set and scheduling model.
#include "compiler/codegen/cpu/TargetInfo.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

using namespace llvm;

namespace ingot {
namespace {

enum class Arch { X86, AArch64 };

/// First row whose architecture fits, whose `needs` are all present and whose
/// `lacks` are all absent wins. Caches are typical ones, for cross-compiling.
struct Row {
  const char *name;
  Arch arch;
  const char *needs; // space separated LLVM feature names
  const char *lacks;
  unsigned vectorBytes, vectorRegisters, fmaPorts, fmaLatency;
  int64_t l1KiB, l2KiB, l3KiB;
};

// sse4a marks AMD. Of AMD's cores with AVX-512, those with AVX-VNNI have full
// 512-bit units (two FMAs a cycle), the earlier ones run a 512-bit operation in
// two halves. Of Intel's, server cores (AMX, or CLWB without MOVDIRI) have two
// 512-bit FMA units, client cores one.
constexpr Row rows[] = {
    // name        arch           needs                     lacks      VB  VR FP
    // lat L1  L2    L3
    {"zen5", Arch::X86, "avx512vl fma sse4a avxvnni", "", 64, 32, 2, 4, 48, 1024, 32768},
    {"zen4", Arch::X86, "avx512vl fma sse4a", "", 64, 32, 1, 4, 32, 1024, 32768},
    {"avx512-2fma", Arch::X86, "avx512vl fma amx-tile", "", 64, 32, 2, 4, 48, 2048, 16384},
    {"avx512-2fma", Arch::X86, "avx512vl fma clwb", "movdiri", 64, 32, 2, 4, 32, 1024, 16384},
    {"avx512", Arch::X86, "avx512vl fma", "", 64, 32, 1, 4, 32, 1024, 16384},
    {"avx2", Arch::X86, "avx2 fma", "", 32, 16, 2, 4, 32, 256, 8192},
    {"avx", Arch::X86, "avx", "", 32, 16, 1, 5, 32, 256, 8192},
    {"sse", Arch::X86, "", "", 16, 16, 1, 5, 32, 256, 4096},
    {"neoverse", Arch::AArch64, "neon fullfp16 dotprod", "", 16, 32, 2, 4, 64, 1024, 8192},
    {"neon", Arch::AArch64, "", "", 16, 32, 1, 4, 32, 512, 2048},
};

bool archOf(const Triple &triple, Arch &arch) {
  if (triple.getArch() == Triple::x86_64)
    arch = Arch::X86;
  else if (triple.getArch() == Triple::aarch64)
    arch = Arch::AArch64;
  else
    return false;
  return true;
}

bool hasAll(StringRef words, const MCSubtargetInfo &sub, bool wanted) {
  SmallVector<StringRef> list;
  words.split(list, ' ', -1, /*KeepEmpty=*/false);
  return all_of(list, [&](StringRef f) { return sub.checkFeatures(("+" + f).str()) == wanted; });
}

const Row &findRow(Arch arch, const MCSubtargetInfo &sub) {
  for (const Row &row : rows)
    if (row.arch == arch && hasAll(row.needs, sub, true) && hasAll(row.lacks, sub, false))
      return row;
  return arch == Arch::X86 ? rows[7] : *std::prev(std::end(rows));
}

/// Bytes of the host's data cache of `level`, 0 when the system does not say.
int64_t hostCacheBytes(unsigned level) {
  auto read = [](unsigned index, StringRef file) -> std::string {
    std::string path =
        ("/sys/devices/system/cpu/cpu0/cache/index" + Twine(index) + "/" + file).str();
    auto buffer = MemoryBuffer::getFile(path, /*IsText=*/true,
                                        /*RequiresNullTerminator=*/false,
                                        /*IsVolatile=*/true);
    return buffer ? (*buffer)->getBuffer().trim().str() : std::string();
  };
  for (unsigned index = 0; index < 8; ++index) {
    unsigned found = 0;
    if (StringRef(read(index, "level")).getAsInteger(10, found) || found != level ||
        read(index, "type") == "Instruction")
      continue;
    std::string text = read(index, "size");
    StringRef size = text;
    int64_t unit = size.consume_back("K") ? 1 << 10 : size.consume_back("M") ? 1 << 20 : 1;
    int64_t value = 0;
    if (!size.getAsInteger(10, value) && value > 0)
      return value * unit;
  }
  return 0;
}

std::string hostFeatures() {
  StringMap<bool> map = sys::getHostCPUFeatures();
  std::vector<std::string> list;
  for (auto &feature : map)
    list.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(list); // a StringMap has no order, an artifact's bytes must
  return join(list, ",");
}

Expected<TargetInfo> makeTarget(const Triple &triple, StringRef cpu, StringRef features) {
  initializeLlvmTargets();
  Arch arch;
  if (!archOf(triple, arch) || !triple.isOSLinux())
    return createStringError("target '%s' is not supported: expected an x86_64 or aarch64 Linux "
                             "triple such as x86_64-linux-gnu or aarch64-linux-gnu",
                             triple.str().c_str());
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError("LLVM has no back end for '%s': %s", triple.str().c_str(),
                             error.c_str());
  // Asked without a cpu first: an unknown one makes LLVM print on stderr.
  std::unique_ptr<MCSubtargetInfo> probe(target->createMCSubtargetInfo(triple, "", ""));
  if (!probe->isCPUStringValid(cpu)) {
    std::vector<std::string> known;
    for (const auto &entry : probe->getAllProcessorDescriptions())
      known.push_back(entry.Key);
    return createStringError("unknown cpu '%s' for %s; known are: %s", cpu.str().c_str(),
                             triple.str().c_str(), join(known, ", ").c_str());
  }
  std::unique_ptr<MCSubtargetInfo> sub(target->createMCSubtargetInfo(triple, cpu, features));
  const Row &row = findRow(arch, *sub);
  TargetInfo info;
  info.name = row.name;
  info.triple = triple.str();
  info.cpu = cpu.str();
  info.features = features.str();
  info.vectorBytes = row.vectorBytes;
  info.vectorRegisters = row.vectorRegisters;
  info.fmaPorts = row.fmaPorts;
  info.fmaLatency = row.fmaLatency;
  info.hasFma = arch == Arch::AArch64 || sub->checkFeatures("+fma");
  info.hasMasks = row.vectorBytes == 64;
  info.hasLaneFma = arch == Arch::AArch64;
  info.l1Bytes = row.l1KiB << 10;
  info.l2Bytes = row.l2KiB << 10;
  info.l3Bytes = row.l3KiB << 10;
  return info;
}

} // namespace

void initializeLlvmTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    InitializeAllAsmParsers();
  });
}

bool TargetInfo::isX86() const { return Triple(triple).getArch() == Triple::x86_64; }
bool TargetInfo::isAArch64() const { return Triple(triple).getArch() == Triple::aarch64; }
bool TargetInfo::isHostArch() const {
  return Triple(triple).getArch() == Triple(sys::getDefaultTargetTriple()).getArch();
}

TargetInfo getHostTarget() {
  Expected<TargetInfo> target = makeTarget(Triple(Triple::normalize(sys::getDefaultTargetTriple())),
                                           sys::getHostCPUName(), hostFeatures());
  if (!target) // the host is one of the supported systems, or nothing was built
    report_fatal_error(target.takeError());
  if (int64_t bytes = hostCacheBytes(1))
    target->l1Bytes = bytes;
  if (int64_t bytes = hostCacheBytes(2))
    target->l2Bytes = bytes;
  if (int64_t bytes = hostCacheBytes(3))
    target->l3Bytes = bytes;
  return *target;
}

Expected<TargetInfo> getTarget(StringRef tripleName, StringRef cpu, StringRef features) {
  Triple host(Triple::normalize(sys::getDefaultTargetTriple()));
  Triple triple(tripleName.empty() ? host.str() : Triple::normalize(tripleName));
  if (triple.getOS() == Triple::UnknownOS && triple.getArch() != Triple::UnknownArch)
    triple = Triple(Triple::normalize((triple.getArchName() + "-linux-gnu").str()));
  bool native = cpu.empty() || cpu == "native";
  if (native && triple.getArch() == host.getArch()) {
    TargetInfo info = getHostTarget();
    if (features.empty() && triple.getEnvironment() == host.getEnvironment())
      return info;
    Expected<TargetInfo> changed = makeTarget(
        triple, info.cpu, info.features + (features.empty() ? "" : "," + features.str()));
    if (changed) {
      changed->l1Bytes = info.l1Bytes;
      changed->l2Bytes = info.l2Bytes;
      changed->l3Bytes = info.l3Bytes;
    }
    return changed;
  }
  if (native)
    cpu = triple.getArch() == Triple::x86_64 ? "x86-64-v3" : "generic";
  return makeTarget(triple, cpu, features);
}

std::shared_mutex &llvmOptionsMutex() {
  static std::shared_mutex mutex;
  return mutex;
}

std::vector<std::string> getTargetRowNames() {
  std::vector<std::string> names;
  for (const Row &row : rows)
    if (names.empty() || names.back() != row.name)
      names.push_back(row.name);
  return names;
}

} // namespace ingot
