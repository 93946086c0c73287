// Execution: every thread runs until it meets a barrier, an exchange or the end;
// those are completed when all threads concerned have arrived.
#include "Ptx.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace ingot::emulator {
namespace {

template <typename T> T as(uint64_t bits) {
  T v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
template <typename T> uint64_t bits(T v) {
  uint64_t r = 0;
  std::memcpy(&r, &v, sizeof v);
  return r;
}
uint64_t cut(uint64_t v, Type t) {
  unsigned n = bytesOf(t);
  return n >= 8 ? v : v & ((uint64_t(1) << (8 * n)) - 1);
}
bool isFloat(Type t) {
  return t == Type::f16 || t == Type::bf16 || t == Type::f32 || t == Type::f64;
}
bool isSigned(Type t) {
  return t == Type::s8 || t == Type::s16 || t == Type::s32 || t == Type::s64;
}
int64_t extend(uint64_t v, Type t) {
  unsigned shift = 64 - 8 * bytesOf(t);
  return int64_t(v << shift) >> shift;
}
double toDouble(uint64_t v, Type t) {
  switch (t) {
  case Type::f16:
    return as<_Float16>(v);
  case Type::bf16:
    return as<float>(uint64_t(uint16_t(v)) << 16);
  case Type::f32:
    return as<float>(v);
  default:
    return as<double>(v);
  }
}
uint64_t fromDouble(double v, Type t) {
  switch (t) {
  case Type::f16:
    return bits(_Float16(float(v)));
  case Type::bf16: {
    float f = float(v);
    uint32_t u = uint32_t(bits(f));
    if (std::isnan(f))
      return 0x7fff;
    return (u + 0x7fff + (u >> 16 & 1)) >> 16;
  }
  case Type::f32:
    return bits(float(v));
  default:
    return bits(v);
  }
}

struct Thread {
  enum State { running, atBarrier, atExchange, done } state = running;
  uint32_t pc = 0;
  uint32_t tid[3];
  std::vector<uint64_t> reg;
};
/// Who touched a word of shared memory since which barrier.
struct SharedWord {
  int64_t writeEpoch = -1, readEpoch = -1;
  int32_t writer = -1, reader = -1; ///< -2: several
};

class Block {
public:
  Block(const Kernel &kernel, const Launch &launch, const Allocations &memory)
      : k(kernel), launch(launch), memory(memory),
        count(launch.block[0] * launch.block[1] * launch.block[2]), threads(count),
        random(launch.seed) {
    order.resize(count);
  }

  std::string run(uint32_t x, uint32_t y, uint32_t z) {
    id[0] = x, id[1] = y, id[2] = z;
    shared.assign(k.sharedBytes, char(0xCD));
    words.assign((k.sharedBytes + 3) / 4, SharedWord());
    epoch = 0;
    for (uint32_t t = 0; t < count; ++t) {
      threads[t].state = Thread::running;
      threads[t].pc = 0;
      threads[t].tid[0] = t % launch.block[0];
      threads[t].tid[1] = t / launch.block[0] % launch.block[1];
      threads[t].tid[2] = t / (launch.block[0] * launch.block[1]);
      threads[t].reg.assign(k.registers, 0);
      order[t] = t;
    }
    if (launch.seed)
      std::shuffle(order.begin(), order.end(), random);
    for (;;) {
      for (uint32_t t : order) {
        if (threads[t].state == Thread::running)
          step(t);
        if (!error.empty())
          return error;
      }
      bool progress = false;
      for (uint32_t w = 0; w < (count + 31) / 32; ++w)
        progress |= exchange(w);
      if (!error.empty())
        return error;
      if (progress)
        continue;
      uint32_t waiting = 0, finished = 0;
      for (Thread &t : threads) {
        waiting += t.state == Thread::atBarrier;
        finished += t.state == Thread::done;
      }
      if (finished == count)
        return "";
      if (waiting != count)
        return where(0) + "not all threads of the block reach the barrier or the exchange";
      ++epoch;
      for (Thread &t : threads)
        t.state = Thread::running;
    }
  }

private:
  const Kernel &k;
  const Launch &launch;
  const Allocations &memory;
  uint32_t count, id[3];
  std::vector<Thread> threads;
  std::vector<uint32_t> order;
  std::vector<char> shared;
  std::vector<SharedWord> words;
  int64_t epoch = 0;
  std::mt19937 random;
  std::string error;

  std::string where(uint32_t t) {
    const Instruction &in = k.code[std::min<size_t>(threads[t].pc, k.code.size() - 1)];
    return "kernel " + k.name + ", line " + std::to_string(in.line) + ", block " +
           std::to_string(id[0]) + ", thread " + std::to_string(t) + ": ";
  }
  void fail(uint32_t t, const std::string &what) {
    if (error.empty())
      error = where(t) + what;
  }
  uint64_t read(const Thread &t, uint32_t number, const Operand &o) {
    switch (o.kind) {
    case Operand::reg:
      return t.reg[o.index];
    case Operand::special:
      if (o.index < 3)
        return t.tid[o.index];
      if (o.index < 6)
        return launch.block[o.index - 3];
      if (o.index < 9)
        return id[o.index - 6];
      if (o.index < 12)
        return launch.grid[o.index - 9];
      return number % 32;
    default:
      return o.value;
    }
  }

  //===-- Memory ------------------------------------------------------------===//

  char *locate(uint32_t number, const Instruction &in, const Operand &address, unsigned bytes,
               bool write) {
    Thread &t = threads[number];
    uint64_t at =
        address.kind == Operand::reg ? t.reg[address.index] + address.value : address.value;
    if (at % bytes) {
      fail(number,
           "misaligned access of " + std::to_string(bytes) + " bytes at " + std::to_string(at));
      return nullptr;
    }
    if (in.space == Space::param) {
      if (at + bytes > launch.params.size() || write) {
        fail(number, "access outside of the parameters");
        return nullptr;
      }
      return const_cast<char *>(launch.params.data()) + at;
    }
    if (in.space == Space::shared)
      return locateShared(number, at, bytes, write);
    auto it = memory.upper_bound(at);
    if (it == memory.begin() || (--it, at + bytes > it->first + it->second)) {
      fail(number, std::string(write ? "write" : "read") + " of " + std::to_string(bytes) +
                       " bytes outside of all allocations");
      return nullptr;
    }
    return reinterpret_cast<char *>(at);
  }
  char *locateShared(uint32_t number, uint64_t at, unsigned bytes, bool write) {
    if (at + bytes > shared.size()) {
      fail(number, "access outside of shared memory");
      return nullptr;
    }
    int32_t me = number;
    for (uint64_t w = at / 4; w <= (at + bytes - 1) / 4; ++w) {
      SharedWord &s = words[w];
      if (s.writeEpoch == epoch && s.writer != me)
        fail(number, "race: shared memory that another thread writes without a barrier between");
      if (write) {
        if (s.readEpoch == epoch && s.reader != me)
          fail(
              number,
              "race: shared memory is written that another thread reads without a barrier between");
        s.writeEpoch = epoch;
        s.writer = me;
      } else {
        if (s.writeEpoch < 0)
          fail(number, "read of shared memory that nothing has written");
        s.reader = s.readEpoch == epoch && s.reader != me ? -2 : me;
        s.readEpoch = epoch;
      }
    }
    return error.empty() ? shared.data() + at : nullptr;
  }
  void load(uint32_t number, const Instruction &in) {
    unsigned n = bytesOf(in.type);
    char *p = locate(number, in, in.args[0], n * in.vector, false);
    for (unsigned i = 0; p && i < in.vector; ++i) {
      uint64_t v = 0;
      std::memcpy(&v, p + i * n, n);
      threads[number].reg[in.to[i].index] = isSigned(in.type) ? uint64_t(extend(v, in.type)) : v;
    }
  }
  void store(uint32_t number, const Instruction &in) {
    unsigned n = bytesOf(in.type);
    char *p = locate(number, in, in.to[0], n * in.vector, true);
    for (unsigned i = 0; p && i < in.vector; ++i) {
      uint64_t v = read(threads[number], number, in.args[i]);
      std::memcpy(p + i * n, &v, n);
    }
  }

  //===-- Exchanges ---------------------------------------------------------===//

  /// Completes a shfl.sync.bfly of warp w if all its threads have arrived.
  bool exchange(uint32_t w) {
    uint32_t first = w * 32, end = std::min(count, first + 32), arrived = 0;
    for (uint32_t t = first; t < end; ++t)
      arrived += threads[t].state == Thread::atExchange;
    if (!arrived)
      return false;
    const Instruction &in = k.code[threads[first].pc];
    for (uint32_t t = first; t < end; ++t)
      if (threads[t].state != Thread::atExchange || threads[t].pc != threads[first].pc) {
        // Threads at a barrier or the end never come.
        if (threads[t].state != Thread::running)
          fail(t, "a warp's exchange that not all its threads reach");
        return false;
      }
    uint64_t values[32] = {};
    for (uint32_t t = first; t < end; ++t)
      values[t - first] = read(threads[t], t, in.args[0]);
    for (uint32_t t = first; t < end; ++t) {
      uint32_t mask = uint32_t(read(threads[t], t, in.args[1])), from = (t - first) ^ mask;
      if (uint32_t(read(threads[t], t, in.args[3])) != ~0u)
        fail(t, "an exchange of a part of a warp");
      bool there = from < end - first;
      threads[t].reg[in.to[0].index] = values[there ? from : t - first];
      if (in.to.size() > 1)
        threads[t].reg[in.to[1].index] = there;
      threads[t].state = Thread::running;
      ++threads[t].pc;
    }
    return true;
  }

  //===-- Arithmetic --------------------------------------------------------===//

  template <typename T> static bool compareAs(Compare c, T a, T b) {
    bool nan = a != a || b != b;
    switch (c) {
    case Compare::eq:
      return a == b;
    case Compare::ne:
      return a != b && !nan;
    case Compare::lt:
      return a < b;
    case Compare::le:
      return a <= b;
    case Compare::gt:
      return a > b;
    case Compare::ge:
      return a >= b;
    case Compare::equ:
      return nan || a == b;
    case Compare::neu:
      return nan || a != b;
    case Compare::ltu:
      return nan || a < b;
    case Compare::leu:
      return nan || a <= b;
    case Compare::gtu:
      return nan || a > b;
    case Compare::geu:
      return nan || a >= b;
    case Compare::num:
      return !nan;
    case Compare::nan:
      return nan;
    }
    return false;
  }
  static bool compare(const Instruction &in, uint64_t a, uint64_t b) {
    if (isFloat(in.type))
      return compareAs(in.compare, toDouble(a, in.type), toDouble(b, in.type));
    if (isSigned(in.type))
      return compareAs(in.compare, extend(a, in.type), extend(b, in.type));
    return compareAs(in.compare, cut(a, in.type), cut(b, in.type));
  }

  template <typename F> static F floating(const Instruction &in, F a, F b, F c) {
    switch (in.op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return a * b;
    case Op::fma:
      return std::fma(a, b, c);
    case Op::div:
      return a / b;
    case Op::min:
    case Op::max:
      if (std::isnan(a) || std::isnan(b))
        return in.nan ? std::numeric_limits<F>::quiet_NaN() : std::isnan(a) ? b : a;
      if (a == 0 && b == 0)
        return (in.op == Op::min) == std::signbit(a) ? a : b;
      return in.op == Op::min ? std::min(a, b) : std::max(a, b);
    case Op::neg:
      return -a;
    case Op::abs:
      return std::fabs(a);
    case Op::sqrt:
      return std::sqrt(a);
    case Op::rsqrt:
      return F(1) / std::sqrt(a);
    case Op::rcp:
      return F(1) / a;
    case Op::ex2:
      return std::exp2(a);
    case Op::lg2:
      return std::log2(a);
    case Op::copysign:
      return std::copysign(b, a); // the sign is PTX's first operand
    default:
      return 0;
    }
  }
  /// The low half of a product, its high half, or all of it.
  uint64_t product(const Instruction &in, uint64_t a, uint64_t b) {
    Type t = in.type;
    if (!in.wide && !in.high)
      return a * b;
    unsigned drop = in.wide ? 0 : 8 * bytesOf(t);
    return isSigned(t) ? uint64_t((__int128(extend(a, t)) * extend(b, t)) >> drop)
                       : uint64_t((static_cast<unsigned __int128>(cut(a, t)) * cut(b, t)) >> drop);
  }
  uint64_t integer(uint32_t number, const Instruction &in, uint64_t a, uint64_t b, uint64_t c) {
    Type t = in.type;
    bool sign = isSigned(t);
    unsigned width = 8 * bytesOf(t);
    int64_t sa = extend(a, t), sb = extend(b, t);
    uint64_t ua = cut(a, t), ub = cut(b, t);
    switch (in.op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return product(in, a, b);
    case Op::mad:
      return product(in, a, b) + c;
    case Op::div:
    case Op::rem:
      if (!ub) {
        fail(number, "division by zero");
        return 0;
      }
      if (sign && sb == -1)
        return in.op == Op::div ? uint64_t(-uint64_t(sa)) : 0;
      if (in.op == Op::div)
        return sign ? uint64_t(sa / sb) : ua / ub;
      return sign ? uint64_t(sa % sb) : ua % ub;
    case Op::min:
      return sign ? uint64_t(std::min(sa, sb)) : std::min(ua, ub);
    case Op::max:
      return sign ? uint64_t(std::max(sa, sb)) : std::max(ua, ub);
    case Op::neg:
      return -a;
    case Op::abs:
      return uint64_t(sa < 0 ? -sa : sa);
    case Op::bitAnd:
      return a & b;
    case Op::bitOr:
      return a | b;
    case Op::bitXor:
      return a ^ b;
    case Op::bitNot:
      return t == Type::pred ? !a : ~a;
    case Op::shl:
      return uint32_t(b) >= width ? 0 : a << uint32_t(b);
    case Op::shr: {
      uint32_t n = std::min<uint32_t>(uint32_t(b), width - (sign ? 1 : 0));
      if (sign)
        return uint64_t(sa >> n);
      return n >= width ? 0 : ua >> n;
    }
    case Op::clz:
      return ua ? __builtin_clzll(ua) - (64 - width) : width;
    case Op::popc:
      return __builtin_popcountll(ua);
    case Op::bfe: {
      unsigned at = b & 0xff, n = c & 0xff;
      uint64_t field =
          at >= width || !n ? 0 : ua >> at & (n >= 64 ? ~uint64_t(0) : (uint64_t(1) << n) - 1);
      if (sign && n && n < 64 && (field >> (n - 1) & 1))
        field |= ~uint64_t(0) << n;
      return field;
    }
    case Op::prmt: { // bytes of b:a that the digits of c name; bit 3: their sign
      uint64_t from = cut(a, Type::b32) | cut(b, Type::b32) << 32, r = 0;
      for (unsigned i = 0; i < 4; ++i) {
        unsigned digit = c >> (4 * i) & 15;
        uint64_t byte = from >> (8 * (digit & 7)) & 0xff;
        if (digit & 8)
          byte = byte & 0x80 ? 0xff : 0;
        r |= byte << (8 * i);
      }
      return r;
    }
    default:
      return 0;
    }
  }
  uint64_t convert(const Instruction &in, uint64_t v) {
    Type to = in.type, from = in.from;
    if (isFloat(from)) {
      double x = toDouble(v, from);
      if (in.round != Round::none && (in.integerRound || !isFloat(to)))
        x = in.round == Round::nearest ? std::nearbyint(x)
            : in.round == Round::zero  ? std::trunc(x)
            : in.round == Round::down  ? std::floor(x)
                                       : std::ceil(x);
      if (isFloat(to))
        return fromDouble(x, to);
      if (std::isnan(x))
        return 0;
      double bound = std::ldexp(1.0, 8 * bytesOf(to) - (isSigned(to) ? 1 : 0));
      double low = isSigned(to) ? -bound : 0;
      if (x < low)
        x = low;
      if (x >= bound)
        return isSigned(to) ? (uint64_t(1) << (8 * bytesOf(to) - 1)) - 1 : cut(~uint64_t(0), to);
      return isSigned(to) ? uint64_t(int64_t(x)) : uint64_t(x);
    }
    if (isFloat(to)) {
      if (to == Type::f32) // rounded once
        return isSigned(from) ? bits(float(extend(v, from))) : bits(float(cut(v, from)));
      return fromDouble(isSigned(from) ? double(extend(v, from)) : double(cut(v, from)), to);
    }
    return isSigned(from) ? uint64_t(extend(v, from)) : cut(v, from);
  }

  void step(uint32_t number) {
    Thread &t = threads[number];
    while (error.empty()) {
      if (t.pc >= k.code.size()) {
        t.state = Thread::done;
        return;
      }
      const Instruction &in = k.code[t.pc];
      if (in.guarded && bool(t.reg[in.guard] & 1) == in.guardNegated) {
        ++t.pc;
        continue;
      }
      switch (in.op) {
      case Op::ret:
        t.state = Thread::done;
        return;
      case Op::bra:
        t.pc = in.target;
        continue;
      case Op::bar:
        ++t.pc;
        t.state = Thread::atBarrier;
        return;
      case Op::shfl:
        t.state = Thread::atExchange;
        return;
      case Op::ld:
        load(number, in);
        break;
      case Op::st:
        store(number, in);
        break;
      default:
        compute(number, t, in);
      }
      ++t.pc;
    }
  }
  void compute(uint32_t number, Thread &t, const Instruction &in) {
    auto arg = [&](size_t i) { return i < in.args.size() ? read(t, number, in.args[i]) : 0; };
    uint64_t a = arg(0), b = arg(1), c = arg(2), r;
    Type type = in.type;
    switch (in.op) {
    case Op::mov:
      if (in.to.size() > 1) { // parts of a value, the low one first
        unsigned bits = 8 * bytesOf(type) / in.to.size();
        for (size_t i = 0; i < in.to.size(); ++i)
          t.reg[in.to[i].index] = a >> (bits * i) & ((uint64_t(1) << bits) - 1);
        return;
      }
      r = a;
      if (in.args.size() > 1) {
        unsigned bits = 8 * bytesOf(type) / in.args.size();
        r = 0;
        for (size_t i = 0; i < in.args.size(); ++i)
          r |= (arg(i) & ((uint64_t(1) << bits) - 1)) << (bits * i);
      }
      break;
    case Op::bfi: {
      unsigned at = arg(2) & 0xff, n = arg(3) & 0xff;
      uint64_t mask = (n >= 64 ? ~uint64_t(0) : (uint64_t(1) << n) - 1) << at;
      r = (b & ~mask) | (a << at & mask);
      break;
    }
    case Op::cvta:
      r = a;
      break;
    case Op::setp:
      r = compare(in, a, b);
      break;
    case Op::selp:
      r = c & 1 ? a : b;
      break;
    case Op::cvt:
      r = convert(in, a);
      break;
    default:
      if (type == Type::f32)
        r = bits(floating<float>(in, as<float>(a), as<float>(b), as<float>(c)));
      else if (type == Type::f64)
        r = bits(floating<double>(in, as<double>(a), as<double>(b), as<double>(c)));
      else if (isFloat(type))
        r = fromDouble(floating<float>(in, float(toDouble(a, type)), float(toDouble(b, type)),
                                       float(toDouble(c, type))),
                       type);
      else
        r = integer(number, in, a, b, c);
    }
    if (in.op == Op::setp || type == Type::pred)
      r &= 1;
    else if (in.op == Op::cvt && isSigned(type))
      r = uint64_t(extend(r, type)); // fills the register, however wide it is
    else if (!in.wide && in.op != Op::clz && in.op != Op::popc)
      r = cut(r, type);
    else if (in.wide)
      r = bytesOf(type) == 2 ? r & 0xffffffff : r;
    t.reg[in.to[0].index] = r;
  }
};

} // namespace

std::string run(const Kernel &kernel, const Launch &launch, const Allocations &memory) {
  uint64_t threads = uint64_t(launch.block[0]) * launch.block[1] * launch.block[2];
  if (!threads || threads > kernel.maxThreads)
    return "kernel " + kernel.name + " is launched with " + std::to_string(threads) +
           " threads, its limit is " + std::to_string(kernel.maxThreads);
  if (launch.params.size() < kernel.paramBytes)
    return "kernel " + kernel.name + " gets too few parameters";
  Block block(kernel, launch, memory);
  for (uint32_t z = 0; z < launch.grid[2]; ++z)
    for (uint32_t y = 0; y < launch.grid[1]; ++y)
      for (uint32_t x = 0; x < launch.grid[0]; ++x)
        if (std::string error = block.run(x, y, z); !error.empty())
          return error;
  return "";
}

} // namespace ingot::emulator
