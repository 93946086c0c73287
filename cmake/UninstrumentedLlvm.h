// Read before everything else in builds with a sanitizer. LLVM's libraries come
// from Debian and are not instrumented, but its headers take the flags of whoever
// includes them for LLVM's own: half of an allocator would poison memory that the
// other half, inside of libLLVM.so, hands out.
#ifndef INGOT_CMAKE_UNINSTRUMENTEDLLVM_H
#define INGOT_CMAKE_UNINSTRUMENTEDLLVM_H

#include "llvm/Support/Compiler.h"
#undef LLVM_ADDRESS_SANITIZER_BUILD
#define LLVM_ADDRESS_SANITIZER_BUILD 0
#define __asan_poison_memory_region(address, size)
#define __asan_unpoison_memory_region(address, size)

#endif // INGOT_CMAKE_UNINSTRUMENTEDLLVM_H
