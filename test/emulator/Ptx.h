// A PTX emulator for tests: parses the text that the compiler writes and runs
// kernels on the CPU, thread by thread, with barriers and warp exchanges. It
// knows what a GPU does not tell: accesses outside of allocations, misaligned
// ones, reads of shared memory that nothing wrote, races between barriers, and
// barriers or exchanges that not all threads reach.
#ifndef INGOT_TEST_EMULATOR_PTX_H
#define INGOT_TEST_EMULATOR_PTX_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ingot::emulator {

enum class Type : uint8_t {
  none,
  pred,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  bf16,
  f32,
  f64
};
unsigned bytesOf(Type type);

enum class Op : uint8_t {
  mov,
  ld,
  st,
  cvta,
  add,
  sub,
  mul,
  mad,
  fma,
  div,
  rem,
  min,
  max,
  neg,
  abs,
  bitAnd,
  bitOr,
  bitXor,
  bitNot,
  shl,
  shr,
  setp,
  selp,
  cvt,
  bra,
  bar,
  shfl,
  ret,
  ex2,
  lg2,
  rcp,
  sqrt,
  rsqrt,
  copysign,
  clz,
  popc,
  bfe,
  bfi,
  prmt
};
enum class Space : uint8_t { generic, global, shared, param };
enum class Compare : uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };
enum class Round : uint8_t { none, nearest, zero, down, up };
enum class Special : uint8_t {
  tidX,
  tidY,
  tidZ,
  ntidX,
  ntidY,
  ntidZ,
  ctaidX,
  ctaidY,
  ctaidZ,
  nctaidX,
  nctaidY,
  nctaidZ,
  laneid
};

struct Operand {
  enum Kind : uint8_t { none, reg, immediate, special } kind = none;
  uint32_t index = 0; ///< register or Special
  uint64_t value = 0; ///< immediate, or the displacement of an address
};

struct Instruction {
  Op op = Op::ret;
  Type type = Type::none, from = Type::none;
  Space space = Space::generic;
  Compare compare = Compare::eq;
  Round round = Round::none;
  bool wide = false, high = false, nan = false, integerRound = false, uniform = false;
  bool guarded = false, guardNegated = false;
  uint32_t guard = 0;
  uint8_t vector = 1; ///< elements of a load or store
  std::vector<Operand> to, args;
  uint32_t target = 0; ///< of a branch
  uint32_t line = 0;
};

struct Kernel {
  std::string name;
  std::vector<std::pair<uint32_t, uint32_t>> params; ///< offset and bytes
  uint32_t paramBytes = 0, sharedBytes = 0, registers = 0;
  uint32_t maxThreads = 1024;
  std::vector<Instruction> code;
};

struct Module {
  std::string version, target;
  std::map<std::string, Kernel> kernels;
};

/// Null and a message when the text has something that is unknown here.
std::unique_ptr<Module> parse(const std::string &text, std::string &error);

/// Memory that kernels may touch: base address and bytes.
using Allocations = std::map<uint64_t, uint64_t>;

struct Launch {
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  std::vector<char> params; ///< laid out as in the kernel
  unsigned seed = 0;        ///< of the order in which threads run; 0: their numbers
};

/// Runs all blocks; an error or an empty text.
std::string run(const Kernel &kernel, const Launch &launch, const Allocations &memory);

} // namespace ingot::emulator

#endif // INGOT_TEST_EMULATOR_PTX_H
