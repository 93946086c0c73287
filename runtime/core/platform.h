// What the runtime needs of the machine: atomics without the C++ library,
// futex, pause, denormal control. All of it inline, so that an artifact gains
// no symbol by it. Linux, x86-64 and AArch64.
#ifndef INGOT_RUNTIME_CORE_PLATFORM_H
#define INGOT_RUNTIME_CORE_PLATFORM_H

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace ingot_rt {

/// An atomic value whose zero-filled memory is the initial value.
template <typename T> struct Atomic {
  T value;

  T load() const { return __atomic_load_n(&value, __ATOMIC_SEQ_CST); }
  T loadAcquire() const { return __atomic_load_n(&value, __ATOMIC_ACQUIRE); }
  void store(T v) { __atomic_store_n(&value, v, __ATOMIC_SEQ_CST); }
  T exchange(T v) { return __atomic_exchange_n(&value, v, __ATOMIC_ACQ_REL); }
  T add(T v) { return __atomic_fetch_add(&value, v, __ATOMIC_SEQ_CST); }
  T sub(T v) { return __atomic_fetch_sub(&value, v, __ATOMIC_SEQ_CST); }
  /// Replaces `expected` by `desired`; otherwise loads into `expected`.
  bool swapIf(T &expected, T desired) {
    return __atomic_compare_exchange_n(&value, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }
};

inline void futexWait(Atomic<uint32_t> &word, uint32_t seen) {
  syscall(SYS_futex, &word.value, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

inline void futexWake(Atomic<uint32_t> &word, int count) {
  syscall(SYS_futex, &word.value, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

/// Tells the core that this thread spins.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("isb" ::: "memory");
#endif
}

/// Monotonic nanoseconds (no system call: the vDSO answers).
inline uint64_t nanoseconds() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// Sets flush-to-zero and denormals-are-zero, as TensorFlow's threads do, and
/// returns what was set before.
inline uint64_t flushDenormals() {
#if defined(__x86_64__)
  uint32_t old = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(old | 0x8040);
  return old;
#elif defined(__aarch64__)
  uint64_t old;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(old));
  __asm__ __volatile__("msr fpcr, %0" ::"r"(old | (1u << 24)));
  return old;
#endif
}

inline void restoreDenormals(uint64_t old) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr((uint32_t)old);
#elif defined(__aarch64__)
  __asm__ __volatile__("msr fpcr, %0" ::"r"(old));
#endif
}

template <typename T> inline T minimum(T a, T b) { return a < b ? a : b; }
template <typename T> inline T maximum(T a, T b) { return a > b ? a : b; }

/// The smallest multiple of 64 that is not below `bytes`.
inline uint64_t align64(uint64_t bytes) { return (bytes + 63) & ~63ull; }

} // namespace ingot_rt

#endif // INGOT_RUNTIME_CORE_PLATFORM_H
