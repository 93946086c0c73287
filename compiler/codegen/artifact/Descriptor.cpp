#include "compiler/codegen/artifact/Descriptor.h"
#include "compiler/codegen/artifact/Names.h"
#include "runtime/core/abi_internal.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace ingot {

std::string weightsSymbol(const ArtifactSpec &spec) { return makeNames(spec).prefix + "__weights"; }

std::vector<std::string> publicSymbols(const ArtifactSpec &spec, bool genericEntry) {
  CNames names = makeNames(spec);
  std::vector<std::string> symbols = {names.prefix + "_module"};
  for (const TypedFunction &f : names.functions) {
    symbols.push_back(f.name);
    symbols.push_back(f.contextName);
  }
  if (genericEntry)
    symbols.push_back("ingot_module_get");
  return symbols;
}

/// What the runtime must find in the processor for these LLVM features.
static uint64_t neededCpuFeatures(const TargetInfo &target) {
  if (!target.isX86())
    return 0;
  static constexpr struct {
    StringRef feature;
    uint64_t bit;
  } table[] = {{"+sse4.2", INGOT_RT_CPU_SSE42},
               {"+avx", INGOT_RT_CPU_AVX},
               {"+avx2", INGOT_RT_CPU_AVX2},
               {"+fma", INGOT_RT_CPU_FMA},
               {"+f16c", INGOT_RT_CPU_F16C},
               {"+bmi2", INGOT_RT_CPU_BMI2},
               {"+avx512f", INGOT_RT_CPU_AVX512},
               {"+avx512bf16", INGOT_RT_CPU_AVX512_BF16},
               {"+avx512vnni", INGOT_RT_CPU_AVX512_VNNI},
               {"+amx-tile", INGOT_RT_CPU_AMX}};
  uint64_t needed = 0;
  SmallVector<StringRef> features;
  StringRef(target.features).split(features, ',');
  for (const auto &row : table)
    if (is_contained(features, row.feature))
      needed |= row.bit;
  return needed;
}

namespace {

/// Builds the tables field by field, in the order of the C structs.
class DescriptorBuilder {
public:
  DescriptorBuilder(Module &module, const ArtifactSpec &spec, const WeightsLayout &layout,
                    const DescriptorOptions &options)
      : module(module), context(module.getContext()), spec(spec), layout(layout), options(options),
        names(makeNames(spec)), ptr(PointerType::get(context, 0)), i32(Type::getInt32Ty(context)),
        i64(Type::getInt64Ty(context)), null(ConstantPointerNull::get(ptr)) {}

  Error build();

private:
  using Fields = ArrayRef<Constant *>;

  Constant *n32(uint64_t v) { return ConstantInt::get(i32, v); }
  Constant *n64(uint64_t v) { return ConstantInt::get(i64, v); }
  Constant *structOf(Fields fields) { return ConstantStruct::getAnon(context, fields); }
  GlobalVariable *global(Constant *value) {
    auto *g =
        new GlobalVariable(module, value->getType(), true, GlobalValue::PrivateLinkage, value);
    return g;
  }
  Constant *text(StringRef s) {
    auto *g = global(ConstantDataArray::getString(context, s));
    g->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    g->setAlignment(Align(1));
    return g;
  }
  /// Address of an array with these elements; null if there are none.
  Constant *array(Fields elements) {
    if (elements.empty())
      return null;
    auto *type = ArrayType::get(elements[0]->getType(), elements.size());
    return global(ConstantArray::get(type, elements));
  }
  Constant *address(const void *p) {
    return ConstantExpr::getIntToPtr(n64(reinterpret_cast<uintptr_t>(p)), ptr);
  }
  /// A function or table of the other objects.
  Constant *external(StringRef symbol) {
    return symbol.empty() ? null : module.getOrInsertGlobal(symbol, i64);
  }

  Constant *dimsOf(ArrayRef<int64_t> shape) {
    SmallVector<Constant *> dims;
    for (int64_t d : shape)
      dims.push_back(n64(uint64_t(d)));
    return array(dims);
  }
  Constant *value(const ArtifactValue &v);
  Constant *values(ArrayRef<ArtifactValue> list);
  Constant *signature(const ArtifactSignature &s);
  Constant *privateSignature(const ArtifactSignature &s);
  Constant *constant(ArrayRef<char> data, uint64_t offset);
  GlobalVariable *moduleTable();
  void defineTyped(unsigned index, StringRef name, bool withContext, Constant *table);
  void defineGetter(StringRef name, Constant *table);
  void defineRelease(Constant *table);

  Module &module;
  LLVMContext &context;
  const ArtifactSpec &spec;
  const WeightsLayout &layout;
  const DescriptorOptions &options;
  CNames names;
  PointerType *ptr;
  IntegerType *i32, *i64;
  Constant *null;
};

} // namespace

Constant *DescriptorBuilder::value(const ArtifactValue &v) {
  SmallVector<int64_t> shape;
  SmallVector<Constant *> dimNames;
  bool anyName = false;
  for (const ArtifactDim &dim : v.shape) {
    shape.push_back(dim.size);
    dimNames.push_back(dim.size >= 0 ? null : text(dim.name));
    anyName |= dim.size < 0;
  }
  return structOf({text(v.name), n32(uint32_t(v.dtype)), n32(shape.size()), dimsOf(shape),
                   anyName ? array(dimNames) : null,
                   n32(v.dataDependent ? INGOT_VALUE_DATA_DEPENDENT : 0), n32(0)});
}

Constant *DescriptorBuilder::values(ArrayRef<ArtifactValue> list) {
  SmallVector<Constant *> elements;
  for (const ArtifactValue &v : list)
    elements.push_back(value(v));
  return array(elements);
}

Constant *DescriptorBuilder::signature(const ArtifactSignature &s) {
  SmallVector<Constant *> sizes;
  for (const ArtifactSymbol &symbol : s.entrySymbols)
    sizes.push_back(text(symbol.name));
  return structOf({text(s.name), n32(s.inputs.size()), n32(s.outputs.size()), values(s.inputs),
                   values(s.outputs), n32(sizes.size()),
                   n32(s.writesState ? INGOT_SIGNATURE_WRITES_STATE : 0), array(sizes)});
}

Constant *DescriptorBuilder::privateSignature(const ArtifactSignature &s) {
  SmallVector<Constant *> bindings;
  for (const ArtifactSymbol &symbol : s.entrySymbols)
    bindings.push_back(structOf({n32(uint32_t(symbol.input)), n32(uint32_t(symbol.dim))}));
  size_t dims = 0;
  for (const ArtifactValue &v : s.inputs)
    dims += v.shape.size();
  for (const ArtifactValue &v : s.outputs)
    dims += v.shape.size();
  return structOf({external(s.programSymbol), external(s.arenaSymbol), external(s.shapesSymbol),
                   external(s.boundsSymbol), array(bindings), n32(s.entrySymbols.size()),
                   n32(s.numDataSymbols), n32(dims), n32(0)});
}

Constant *DescriptorBuilder::constant(ArrayRef<char> data, uint64_t offset) {
  bool here = options.loadable && !data.empty();
  return structOf({here ? address(data.data()) : null, n64(offset), n64(data.size())});
}

GlobalVariable *DescriptorBuilder::moduleTable() {
  SmallVector<Constant *> signatures, privateSignatures, variables, constants, initial, sites;
  for (const ArtifactSignature &s : spec.signatures) {
    signatures.push_back(signature(s));
    privateSignatures.push_back(privateSignature(s));
  }
  for (auto [v, offset] : zip(spec.variables, layout.initial)) {
    variables.push_back(
        structOf({text(v.name), n32(uint32_t(v.dtype)), n32(v.shape.size()), dimsOf(v.shape),
                  n32(v.trainable ? INGOT_VARIABLE_TRAINABLE : 0), n32(0)}));
    initial.push_back(constant(v.initial, offset));
  }
  for (auto [c, offset] : zip(spec.constants, layout.constants))
    constants.push_back(constant(c.data, offset));
  for (const std::string &symbol : spec.siteSymbols)
    sites.push_back(external(symbol));

  auto *instanceType = ArrayType::get(Type::getInt8Ty(context), INGOT_RT_INSTANCE_BYTES);
  auto *instance =
      new GlobalVariable(module, instanceType, false, GlobalValue::InternalLinkage,
                         ConstantAggregateZero::get(instanceType), names.prefix + "__instance");
  instance->setAlignment(Align(64));

  bool embedded = !options.loadable && options.weightsFile.empty() && layout.bytes != 0;
  Constant *weights = null;
  if (embedded) {
    weights = module.getOrInsertGlobal(weightsSymbol(spec), Type::getInt8Ty(context));
    cast<GlobalVariable>(weights)->setVisibility(GlobalValue::HiddenVisibility);
  }
  // The two tables refer to each other.
  SmallVector<Type *> publicTypes = {i32, i32, ptr, ptr, ptr, i32, i32,
                                     ptr, ptr, i64, ptr, ptr, ptr};
  auto *table =
      new GlobalVariable(module, StructType::get(context, publicTypes), true,
                         GlobalValue::InternalLinkage, nullptr, names.prefix + "__descriptor");
  Constant *internal = global(
      structOf({table, array(privateSignatures), array(constants), array(initial), weights,
                n64(options.weightsFileOffset), n64(options.weightsFileCheck),
                n32(constants.size()), n32(sites.size()), array(sites),
                n64(neededCpuFeatures(spec.target)), instance, external(spec.deviceSymbol)}));
  table->setInitializer(
      structOf({n32(INGOT_ABI_VERSION), n32(sizeof(ingot_module)), text(names.prefix),
                text("ingot " INGOT_VERSION_TEXT), text(spec.target.triple + ":" + spec.target.cpu),
                n32(signatures.size()), n32(variables.size()), array(signatures), array(variables),
                n64(layout.bytes), options.weightsFile.empty() ? null : text(options.weightsFile),
                external("ingot_rt_functions"), internal}));
  return table;
}

void DescriptorBuilder::defineGetter(StringRef name, Constant *table) {
  auto *f =
      Function::Create(FunctionType::get(ptr, false), GlobalValue::ExternalLinkage, name, module);
  f->setDoesNotThrow();
  IRBuilder<> b(BasicBlock::Create(context, "", f));
  b.CreateRet(table);
}

/// void PREFIX__release(void), which the in-memory loader calls at the end.
void DescriptorBuilder::defineRelease(Constant *table) {
  Type *voidType = Type::getVoidTy(context);
  auto *f = Function::Create(FunctionType::get(voidType, false), GlobalValue::ExternalLinkage,
                             names.prefix + "__release", module);
  IRBuilder<> b(BasicBlock::Create(context, "", f));
  b.CreateCall(
      module.getOrInsertFunction("ingot_rt_release", FunctionType::get(voidType, {ptr}, false)),
      {table});
  b.CreateRetVoid();
}

/// int32_t NAME([context,] parameters...): gathers pointers and sizes and calls
/// ingot_rt_call.
void DescriptorBuilder::defineTyped(unsigned index, StringRef name, bool withContext,
                                    Constant *table) {
  const ArtifactSignature &s = spec.signatures[index];
  const TypedFunction &typed = names.functions[index];
  SmallVector<Type *> types;
  if (withContext)
    types.push_back(ptr);
  for (const TypedParameter &p : typed.parameters)
    types.push_back(p.kind == TypedParameter::Size || p.kind == TypedParameter::Capacity
                        ? cast<Type>(i64)
                        : ptr);
  auto *f = Function::Create(FunctionType::get(i32, types, false), GlobalValue::ExternalLinkage,
                             name, module);
  f->setDoesNotThrow();
  IRBuilder<> b(BasicBlock::Create(context, "", f));
  auto tableOf = [&](Type *type, size_t count) {
    return count ? b.CreateAlloca(ArrayType::get(type, count)) : nullptr;
  };
  Value *inputs = tableOf(ptr, s.inputs.size());
  Value *outputs = tableOf(ptr, s.outputs.size());
  Value *sizes = tableOf(i64, s.entrySymbols.size());
  bool dataDependent = any_of(s.outputs, [](const ArtifactValue &v) { return v.dataDependent; });
  Value *capacities = tableOf(i64, dataDependent ? s.outputs.size() : 0);
  Value *shapes = tableOf(ptr, dataDependent ? s.outputs.size() : 0);
  for (auto [i, p] : enumerate(typed.parameters)) {
    Value *argument = f->getArg(i + withContext);
    Value *base = p.kind == TypedParameter::Size       ? sizes
                  : p.kind == TypedParameter::Input    ? inputs
                  : p.kind == TypedParameter::Output   ? outputs
                  : p.kind == TypedParameter::Capacity ? capacities
                                                       : shapes;
    b.CreateStore(argument, b.CreateConstInBoundsGEP1_64(argument->getType(), base, p.index));
  }
  auto *type = FunctionType::get(i32, {ptr, ptr, i32, ptr, ptr, ptr, ptr, ptr}, false);
  auto orNull = [&](Value *v) { return v ? v : null; };
  FunctionCallee call = module.getOrInsertFunction("ingot_rt_call", type);
  b.CreateRet(b.CreateCall(call, {table, withContext ? cast<Value>(f->getArg(0)) : null, n32(index),
                                  orNull(inputs), orNull(outputs), orNull(sizes),
                                  orNull(capacities), orNull(shapes)}));
}

Error DescriptorBuilder::build() {
  GlobalVariable *table = moduleTable();
  const DataLayout &dl = module.getDataLayout();
  if (dl.getTypeAllocSize(table->getValueType()) != sizeof(ingot_module))
    return createStringError("target " + spec.target.triple +
                             " lays out structs differently: unsupported");
  defineGetter(names.prefix + "_module", table);
  if (options.genericEntry)
    defineGetter("ingot_module_get", table);
  if (options.loadable)
    defineRelease(table);
  for (auto [i, f] : enumerate(names.functions)) {
    defineTyped(i, f.name, false, table);
    defineTyped(i, f.contextName, true, table);
  }
  for (Function &f : module)
    if (!f.isDeclaration())
      f.setUWTableKind(UWTableKind::Async); // backtraces in gdb and perf
  return Error::success();
}

Expected<std::string> makeDescriptor(const ArtifactSpec &spec, const WeightsLayout &layout,
                                     const DescriptorOptions &options) {
  initializeLlvmTargets();
  std::shared_lock<std::shared_mutex> lock(llvmOptionsMutex());
  LLVMContext context;
  Module module("descriptor", context);
  Triple triple(spec.target.triple);
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  // The plainest processor: these functions say what another one lacks.
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, "", "", TargetOptions(), Reloc::PIC_));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  if (Error e = DescriptorBuilder(module, spec, layout, options).build())
    return std::move(e);
  std::string report;
  raw_string_ostream reportStream(report);
  if (verifyModule(module, &reportStream))
    return createStringError("descriptor: " + report);
  SmallString<0> object;
  raw_svector_ostream os(object);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, CodeGenFileType::ObjectFile))
    return createStringError("target " + spec.target.triple + " cannot emit objects");
  passes.run(module);
  return object.str().str();
}

} // namespace ingot
