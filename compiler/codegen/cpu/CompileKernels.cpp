#include "compiler/codegen/cpu/CompileKernels.h"

#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/SymbolTable.h"
#include <atomic>
#include <thread>

using namespace mlir;

namespace ingot {
namespace {

/// A module of its own for one kernel, with the symbols it refers to.
OwningOpRef<ModuleOp> isolate(func::FuncOp kernel, StringRef symbol) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto copy = cast<func::FuncOp>(b.clone(*kernel));
  copy.setName(symbol);
  copy.setPublic();
  // What it calls, and what that calls.
  SmallVector<Operation *> pending{copy};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    auto uses = SymbolTable::getSymbolUses(op);
    if (!uses)
      continue;
    for (const SymbolTable::SymbolUse &use : *uses) {
      StringAttr name = use.getSymbolRef().getRootReference();
      Operation *found = SymbolTable::lookupSymbolIn(kernel->getParentOp(), name);
      if (!found || module->lookupSymbol(name))
        continue;
      Operation *added = b.clone(*found);
      SymbolTable::setSymbolVisibility(added, SymbolTable::Visibility::Private);
      pending.push_back(added);
    }
  }
  return module;
}

} // namespace

ModuleOp findKernels(ModuleOp module) { return module.lookupSymbol<ModuleOp>("kernels"); }

FailureOr<std::vector<EmittedObject>> compileKernels(ModuleOp module,
                                                     ArrayRef<func::FuncOp> kernels,
                                                     const TargetInfo &target, StringRef prefix,
                                                     const EmitOptions &options, unsigned threads) {
  MLIRContext *context = module.getContext();
  if (threads == 0)
    threads = std::thread::hardware_concurrency();
  if (!context->isMultithreadingEnabled())
    threads = 1;
  threads = std::max(1u, std::min<unsigned>(threads, kernels.size()));
  std::vector<EmittedObject> objects(kernels.size());
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  // One combined order of diagnostics, however the kernels were spread.
  ParallelDiagnosticHandler diagnostics(context);
  auto work = [&] {
    auto emitter = ObjectEmitter::create(target);
    if (!emitter) {
      std::string message = llvm::toString(emitter.takeError());
      if (!failed.exchange(true))
        module.emitError() << message;
      return;
    }
    for (size_t i; (i = next++) < kernels.size();) {
      diagnostics.setOrderIDForThread(i);
      func::FuncOp kernel = kernels[i];
      OwningOpRef<ModuleOp> alone = isolate(kernel, kernelSymbol(prefix, kernel.getName()));
      FailureOr<EmittedObject> object = failure();
      if (succeeded(lowerToLlvmDialect(*alone, target)))
        object = (*emitter)->emit(*alone, options);
      if (succeeded(object))
        objects[i] = std::move(*object);
      else
        failed = true;
      diagnostics.eraseOrderIDForThread();
    }
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < threads; ++t)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
  if (failed)
    return failure();
  return objects;
}

} // namespace ingot
