// Bytes of the prebuilt runtime and of the public header, by the assembler. The
// build gives the paths.
#include "compiler/codegen/artifact/Embedded.h"
#include "compiler/codegen/artifact/Artifact.h"

#define INGOT_EMBED(SYMBOL, PATH)                                                                  \
  __asm__(".section .rodata." #SYMBOL ",\"a\",@progbits\n"                                         \
          ".balign 16\n"                                                                           \
          ".globl " #SYMBOL "\n.hidden " #SYMBOL "\n" #SYMBOL ":\n"                                \
          ".incbin \"" PATH "\"\n"                                                                 \
          ".globl " #SYMBOL "_end\n.hidden " #SYMBOL "_end\n" #SYMBOL                              \
          "_end:\n.byte 0\n.previous\n");                                                          \
  extern "C" __attribute__((visibility("hidden"))) const char SYMBOL[], SYMBOL##_end[];

INGOT_EMBED(ingot_embedded_runtime_x86_64, INGOT_RUNTIME_X86_64)
INGOT_EMBED(ingot_embedded_runtime_cuda_x86_64, INGOT_RUNTIME_CUDA_X86_64)
INGOT_EMBED(ingot_embedded_header, INGOT_PUBLIC_HEADER)

static llvm::StringRef between(const char *begin, const char *end) {
  return llvm::StringRef(begin, end - begin);
}

namespace ingot {

llvm::StringRef embeddedPublicHeader() {
  return between(ingot_embedded_header, ingot_embedded_header_end);
}

llvm::StringRef runtimeObject(llvm::StringRef arch) {
  if (arch == "x86_64")
    return between(ingot_embedded_runtime_x86_64, ingot_embedded_runtime_x86_64_end);
  return {};
}

llvm::StringRef cudaRuntimeObject(llvm::StringRef arch) {
  if (arch == "x86_64")
    return between(ingot_embedded_runtime_cuda_x86_64, ingot_embedded_runtime_cuda_x86_64_end);
  return {};
}

} // namespace ingot
