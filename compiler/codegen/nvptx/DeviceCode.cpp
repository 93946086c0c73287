#include "compiler/codegen/nvptx/DeviceCode.h"

#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/nvptx/LowerToNvvm.h"
#include "compiler/codegen/nvptx/PtxEmitter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include <shared_mutex>

using namespace llvm;

namespace ingot {
namespace {

struct DeviceKernel {
  std::string name;
  unsigned buffers = 0, sizes = 0;
};

/// The tables of runtime/core/abi_internal.h, "Devices", as constants.
class DeviceObject {
public:
  DeviceObject(Module &module, StringRef prefix)
      : module(module), context(module.getContext()), prefix(prefix.str()),
        ptr(PointerType::get(context, 0)), i32(Type::getInt32Ty(context)),
        i64(Type::getInt64Ty(context)) {}

  void build(ArrayRef<DeviceKernel> kernels, ArrayRef<std::pair<GpuArch, std::string>> images,
             StringRef symbol) {
    SmallVector<Constant *> kernelTable, imageTable;
    for (auto [i, k] : enumerate(kernels)) {
      Constant *fields[] = {text(k.name), n32(k.buffers), n32(k.sizes), n32(i), n32(0)};
      kernelTable.push_back(
          named(ConstantStruct::getAnon(context, fields), kernelSymbol(prefix, k.name)));
    }
    for (const auto &[arch, ptx] : images) {
      Constant *fields[] = {text(ptx), ConstantInt::get(i64, ptx.size() + 1), n32(arch.number),
                            n32(arch.suffix != 0)};
      imageTable.push_back(ConstantStruct::getAnon(context, fields));
    }
    Constant *fields[] = {module.getOrInsertGlobal("ingot_rt_cuda_functions", i64),
                          array(imageTable), array(kernelTable), n32(imageTable.size()),
                          n32(kernelTable.size())};
    named(ConstantStruct::getAnon(context, fields), symbol.str());
  }

private:
  Module &module;
  LLVMContext &context;
  std::string prefix;
  PointerType *ptr;
  IntegerType *i32, *i64;

  Constant *n32(uint64_t v) { return ConstantInt::get(i32, v); }
  GlobalVariable *named(Constant *value, const std::string &name) {
    auto *g = new GlobalVariable(module, value->getType(), true, GlobalValue::ExternalLinkage,
                                 value, name);
    g->setVisibility(GlobalValue::HiddenVisibility);
    g->setAlignment(Align(8));
    return g;
  }
  Constant *text(StringRef s) {
    Constant *bytes = ConstantDataArray::getString(context, s);
    return new GlobalVariable(module, bytes->getType(), true, GlobalValue::PrivateLinkage, bytes);
  }
  Constant *array(ArrayRef<Constant *> elements) {
    auto *type = ArrayType::get(elements[0]->getType(), elements.size());
    return new GlobalVariable(module, type, true, GlobalValue::PrivateLinkage,
                              ConstantArray::get(type, elements));
  }
};

Expected<std::string> makeObject(const TargetInfo &host, StringRef prefix,
                                 ArrayRef<DeviceKernel> kernels,
                                 ArrayRef<std::pair<GpuArch, std::string>> images,
                                 StringRef symbol) {
  initializeLlvmTargets();
  std::shared_lock<std::shared_mutex> lock(llvmOptionsMutex());
  LLVMContext context;
  Module module("device", context);
  Triple triple(host.triple);
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, "", "", TargetOptions(), Reloc::PIC_));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  DeviceObject(module, prefix).build(kernels, images, symbol);
  SmallString<0> object;
  raw_svector_ostream os(object);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, CodeGenFileType::ObjectFile))
    return createStringError("target " + host.triple + " cannot emit objects");
  passes.run(module);
  return object.str().str();
}

/// What the report says of the kernels, in the order of their functions.
std::vector<KernelReport> describeKernels(mlir::ModuleOp module, mlir::gpu::GPUModuleOp source) {
  std::map<std::string, std::vector<rt::DispatchOp>> calls;
  module.walk([&](rt::DispatchOp op) {
    if (op.getCallee().getRootReference() == deviceModuleName())
      calls[op.getCallee().getLeafReference().str()].push_back(op);
  });
  std::vector<KernelReport> reports;
  for (auto function : source.getOps<mlir::gpu::GPUFuncOp>()) {
    KernelReport r;
    r.name = r.code.name = function.getName().str();
    if (auto kind = function->getAttrOfType<mlir::StringAttr>("kind"))
      r.kind = kind.str();
    if (mlir::Attribute schedule = function->getAttr("schedule"))
      raw_string_ostream(r.schedule) << schedule;
    auto &ops = calls[r.name];
    r.dispatches = ops.size();
    if (!ops.empty()) {
      r.nodes = describeNodes(ops.front().getLoc());
      for (auto [attribute, text] :
           {std::pair<StringRef, std::string *>{"flops", &r.flops}, {"bytes", &r.bytes}})
        if (auto sizes = ops.front()->getAttrOfType<nn::SizesAttr>(attribute))
          *text = sizes.expr(0).str();
    }
    reports.push_back(std::move(r));
  }
  return reports;
}

} // namespace

mlir::FailureOr<std::unique_ptr<DeviceCode>> compileDevice(mlir::ModuleOp module,
                                                           const GpuTarget &gpu,
                                                           const TargetInfo &host, StringRef model,
                                                           std::string *ptx) {
  auto source = module.lookupSymbol<mlir::gpu::GPUModuleOp>(deviceModuleName());
  if (!source)
    return std::unique_ptr<DeviceCode>();
  std::string prefix = makeIdentifier(model);
  auto code = std::make_unique<DeviceCode>();
  code->kernels = describeKernels(module, source);
  std::vector<DeviceKernel> kernels;
  for (auto function : source.getOps<mlir::gpu::GPUFuncOp>()) {
    DeviceKernel k{function.getName().str()};
    for (mlir::Type t : function.getArgumentTypes())
      ++(isa<mlir::LLVM::LLVMPointerType>(t) ? k.buffers : k.sizes);
    kernels.push_back(k);
  }
  mlir::OwningOpRef<mlir::gpu::GPUModuleOp> lowered(source.clone());
  if (failed(lowerToNvvm(*lowered)))
    return mlir::failure();
  std::vector<std::pair<GpuArch, std::string>> images;
  for (const GpuArch &arch : gpu.archs) {
    auto text = emitPtx(*lowered, arch);
    if (failed(text))
      return mlir::failure();
    if (ptx)
      *ptx += *text;
    images.push_back({arch, std::move(*text)});
  }
  code->symbol = prefix + "__device";
  auto object = makeObject(host, prefix, kernels, images, code->symbol);
  if (!object)
    return module.emitError() << toString(object.takeError());
  code->object = std::move(*object);
  return std::move(code);
}

} // namespace ingot
