#include "compiler/codegen/loader/Loader.h"

#include "compiler/codegen/cpu/TargetInfo.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace ingot {

struct Loader::Impl {
  std::unique_ptr<orc::LLJIT> jit;
};

Loader::Loader(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Loader::~Loader() = default;

Expected<std::unique_ptr<Loader>> Loader::create() {
  initializeLlvmTargets();
  auto impl = std::make_unique<Impl>();
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  impl->jit = std::move(*jit);
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      impl->jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  impl->jit->getMainJITDylib().addGenerator(std::move(*process));
  return std::unique_ptr<Loader>(new Loader(std::move(impl)));
}

Error Loader::addObject(StringRef bytes, StringRef name) {
  return impl->jit->addObjectFile(MemoryBuffer::getMemBufferCopy(bytes, name));
}

Error Loader::define(StringRef name, void *address) {
  orc::SymbolMap symbols;
  symbols[impl->jit->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(address),
                                               JITSymbolFlags::Exported};
  return impl->jit->getMainJITDylib().define(orc::absoluteSymbols(std::move(symbols)));
}

Expected<void *> Loader::lookup(StringRef name) {
  // Symbols of generated code are hidden, so not only exported ones match.
  orc::JITDylib &library = impl->jit->getMainJITDylib();
  auto symbol = impl->jit->getExecutionSession().lookup(
      {{&library, orc::JITDylibLookupFlags::MatchAllSymbols}}, impl->jit->mangleAndIntern(name));
  if (!symbol)
    return symbol.takeError();
  return symbol->getAddress().toPtr<void *>();
}

} // namespace ingot
