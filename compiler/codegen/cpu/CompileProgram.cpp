#include "compiler/codegen/cpu/CompileProgram.h"

#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/cpu/LowerToLlvm.h"
#include "llvm/Support/raw_ostream.h"
#include <set>

using namespace mlir;
using namespace ingot;

namespace {

ArtifactValue describe(DictionaryAttr entry, const std::set<std::string> &dataSymbols) {
  ArtifactValue value;
  value.name = entry.getAs<StringAttr>("name").str();
  auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
  value.dtype = dtypeOf(type.getElementType());
  for (const nn::SizeExpr &dim : nn::dimsOf(type)) {
    ArtifactDim d;
    if (auto constant = dim.constant())
      d.size = *constant;
    else
      d.name = dim.str();
    std::set<std::string> used;
    dim.symbols(used);
    for (const std::string &symbol : used)
      value.dataDependent |= dataSymbols.count(symbol) != 0;
    value.shape.push_back(std::move(d));
  }
  return value;
}

class Compilation {
public:
  Compilation(ModuleOp module, const TargetInfo &target, const ProgramOptions &options)
      : module(module), target(target), options(options), prefix(makeIdentifier(options.model)),
        result(std::make_unique<CompiledProgram>()) {}

  FailureOr<std::unique_ptr<CompiledProgram>> run() {
    result->spec.model = options.model;
    result->spec.target = target;
    for (rt::ProgramOp program : module.getOps<rt::ProgramOp>())
      if (failed(addSignature(program)))
        return failure();
    if (failed(addConstants()) || failed(addKernels()) || failed(addHost()))
      return failure();
    return std::move(result);
  }

private:
  LogicalResult addSignature(rt::ProgramOp program);
  LogicalResult addConstants();
  LogicalResult addKernels();
  LogicalResult addHost();
  void keep(EmittedObject &object) {
    result->spec.objects.push_back(std::move(object.object));
    result->llvm += object.llvm;
    result->assembly += object.assembly;
  }

  ModuleOp module;
  const TargetInfo &target;
  const ProgramOptions &options;
  std::string prefix;
  std::unique_ptr<CompiledProgram> result;
};

LogicalResult Compilation::addSignature(rt::ProgramOp program) {
  ArtifactSignature signature;
  signature.name = program.getSignature().str();
  std::set<std::string> data;
  for (StringRef name : program.getDataSymbols().getAsValueRange<StringAttr>())
    data.insert(name.str());
  for (auto [list, into] : {std::pair{program.getInputs(), &signature.inputs},
                            std::pair{program.getOutputs(), &signature.outputs}})
    for (auto entry : list.getAsRange<DictionaryAttr>()) {
      into->push_back(describe(entry, data));
      if (into->back().dtype == INGOT_INVALID_DTYPE)
        return program.emitError()
               << "'" << into->back().name << "' has type "
               << entry.getAs<TypeAttr>("type").getValue() << ", which has no C type";
    }
  ArrayRef<int64_t> bindings = program.getBindings();
  for (auto [i, name] : llvm::enumerate(program.getSymbols().getAsValueRange<StringAttr>()))
    signature.entrySymbols.push_back(
        {name.str(), int32_t(bindings[2 * i]), int32_t(bindings[2 * i + 1])});
  signature.numDataSymbols = program.getDataSymbols().size();
  signature.writesState = program.getWritesState();
  HostSymbols symbols = hostSymbols(prefix, program);
  signature.programSymbol = symbols.program;
  signature.arenaSymbol = symbols.arena;
  signature.shapesSymbol = symbols.shapes;
  signature.boundsSymbol = symbols.bounds;
  result->spec.signatures.push_back(signature);
  // Signatures that are equal but for the name share the program.
  if (auto aliases = program->getAttrOfType<ArrayAttr>(nn::kAliasesAttr))
    for (StringRef name : aliases.getAsValueRange<StringAttr>()) {
      signature.name = name.str();
      result->spec.signatures.push_back(signature);
    }
  return success();
}

LogicalResult Compilation::addConstants() {
  auto describe = [&](Operation *op, ElementsAttr value, auto &into,
                      ArrayRef<char> &bytes) -> LogicalResult {
    auto type = cast<ShapedType>(value.getType());
    into.dtype = dtypeOf(type.getElementType());
    into.shape = type.getShape().vec();
    FailureOr<ArrayRef<char>> data = constantBytes(value, result->store);
    if (into.dtype == INGOT_INVALID_DTYPE || failed(data))
      return op->emitError() << "of type " << type << " has no bytes that can be written";
    bytes = *data;
    return success();
  };
  for (rt::DataOp data : module.getOps<rt::DataOp>()) {
    ArtifactConstant constant;
    constant.name = data.getSymName().str();
    if (failed(describe(data, data.getValue(), constant, constant.data)))
      return failure();
    result->spec.constants.push_back(std::move(constant));
  }
  for (nn::VariableOp op : module.getOps<nn::VariableOp>()) {
    ArtifactVariable variable;
    variable.name = op.getSymName().str();
    variable.trainable = op.getTrainable();
    if (failed(describe(op, op.getValue(), variable, variable.initial)))
      return failure();
    if (llvm::all_of(variable.initial, [](char byte) { return byte == 0; }))
      variable.initial = {};
    result->spec.variables.push_back(std::move(variable));
  }
  return success();
}

LogicalResult Compilation::addKernels() {
  // Only kernels that a program calls, in their module's order.
  llvm::MapVector<StringAttr, SmallVector<rt::DispatchOp>> calls;
  module.walk([&](rt::DispatchOp op) {
    if (!options.device || op.getCallee().getRootReference() != deviceModuleName())
      calls[op.getCallee().getLeafReference()].push_back(op);
  });
  if (options.device) {
    if (!calls.empty())
      return calls.begin()->second.front().emitError(
          "depends on weights that are not known at compile time; such kernels "
          "have no GPU code yet: compile without --keep-weights or with "
          "--target cpu");
    result->spec.objects.push_back(options.device->object);
    result->spec.deviceSymbol = options.device->symbol;
    result->kernels = options.device->kernels;
  }
  SmallVector<func::FuncOp> kernels;
  if (ModuleOp nested = findKernels(module))
    for (func::FuncOp kernel : nested.getOps<func::FuncOp>())
      if (calls.count(kernel.getSymNameAttr()) && !kernel.isExternal())
        kernels.push_back(kernel);
  for (auto &[name, ops] : calls)
    if (llvm::none_of(kernels, [&, wanted = name](func::FuncOp kernel) {
          return kernel.getSymNameAttr() == wanted;
        }))
      return ops.front().emitError()
             << "calls kernel @" << name.getValue() << ", which does not exist";
  auto objects = compileKernels(module, kernels, target, prefix, options.emit, options.threads);
  if (failed(objects))
    return failure();
  for (auto [kernel, object] : llvm::zip(kernels, *objects)) {
    KernelReport report;
    report.name = kernel.getName().str();
    if (auto kind = kernel->getAttrOfType<StringAttr>("kind"))
      report.kind = kind.str();
    if (Attribute schedule = kernel->getAttr("schedule"))
      llvm::raw_string_ostream(report.schedule) << schedule;
    for (CodeReport &code : object.functions)
      if (code.name == kernelSymbol(prefix, report.name))
        report.code = code;
    auto &ops = calls[kernel.getSymNameAttr()];
    report.dispatches = ops.size();
    report.nodes = describeNodes(ops.front().getLoc());
    for (auto [attribute, text] :
         {std::pair<StringRef, std::string *>{"flops", &report.flops}, {"bytes", &report.bytes}})
      if (auto sizes = ops.front()->getAttrOfType<nn::SizesAttr>(attribute))
        *text = sizes.expr(0).str();
    result->kernels.push_back(std::move(report));
    keep(object);
  }
  return success();
}

LogicalResult Compilation::addHost() {
  FailureOr<HostModule> host = emitHostPrograms(module, prefix, options.emit.sanitizeAddress);
  if (failed(host) || failed(lowerToLlvmDialect(*host->module, target)))
    return failure();
  auto emitter = ObjectEmitter::create(target);
  if (!emitter)
    return module.emitError() << llvm::toString(emitter.takeError());
  FailureOr<EmittedObject> object = (*emitter)->emit(*host->module, options.emit);
  if (failed(object))
    return failure();
  result->spec.siteSymbols = host->sites;
  keep(*object);
  return success();
}

} // namespace

ingot_dtype ingot::dtypeOf(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element)) {
    if (complex.getElementType().isF32())
      return INGOT_C64;
    return complex.getElementType().isF64() ? INGOT_C128 : INGOT_INVALID_DTYPE;
  }
  if (element.isF16())
    return INGOT_F16;
  if (element.isBF16())
    return INGOT_BF16;
  if (element.isF32())
    return INGOT_F32;
  if (element.isF64())
    return INGOT_F64;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return INGOT_INVALID_DTYPE;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return INGOT_BOOL;
  case 8:
    return isUnsigned ? INGOT_U8 : INGOT_I8;
  case 16:
    return isUnsigned ? INGOT_U16 : INGOT_I16;
  case 32:
    return isUnsigned ? INGOT_U32 : INGOT_I32;
  case 64:
    return isUnsigned ? INGOT_U64 : INGOT_I64;
  default:
    return INGOT_INVALID_DTYPE;
  }
}

FailureOr<std::unique_ptr<CompiledProgram>>
ingot::compileProgram(ModuleOp module, const TargetInfo &target, const ProgramOptions &options) {
  return Compilation(module, target, options).run();
}
