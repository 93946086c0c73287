#include "compiler/verify/Reference.h"
#include "compiler/codegen/cpu/CompileProgram.h"

using namespace mlir;
using namespace llvm;
using namespace ingot::nn;
using ingot::evaluate::HostTensor;

namespace ingot::verify {

Expected<func::FuncOp> findFunction(ModuleOp module, StringRef signature) {
  for (auto f : module.getOps<func::FuncOp>()) {
    auto name = f->getAttrOfType<StringAttr>(kSignatureAttr);
    auto aliases = f->getAttrOfType<ArrayAttr>(kAliasesAttr);
    if ((name ? name == signature : f.getName() == signature) ||
        (aliases && is_contained(aliases.getAsValueRange<StringAttr>(), signature)))
      return f;
  }
  return createStringError("the reference has no signature '" + signature.str() + "'");
}

static std::string nameOf(func::FuncOp function, unsigned argument) {
  auto name = function.getArgAttrOfType<StringAttr>(argument, kInputAttr);
  return name ? "'" + name.str() + "'" : std::to_string(argument);
}

static std::string spell(Type type) {
  std::string text;
  raw_string_ostream os(text);
  type.print(os);
  return text;
}

Expected<std::vector<HostTensor>> makeArguments(ModuleOp module, func::FuncOp function,
                                                ArrayRef<ingot_tensor> inputs) {
  std::vector<HostTensor> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (auto variable = function.getArgAttrOfType<FlatSymbolRefAttr>(i, kVariableAttr)) {
      auto op = module.lookupSymbol<VariableOp>(variable.getAttr());
      auto value = op ? HostTensor::fromAttribute(op.getValue()) : std::nullopt;
      if (!value)
        return createStringError("variable '" + variable.getValue().str() +
                                 "' has no initial value to verify with");
      arguments.push_back(std::move(*value));
      continue;
    }
    if (inputs.empty())
      return createStringError("too few inputs");
    Type element = cast<RankedTensorType>(function.getArgumentTypes()[i]).getElementType();
    const ingot_tensor &t = inputs.front();
    inputs = inputs.drop_front();
    if (ingot::dtypeOf(element) != t.dtype)
      return createStringError("input " + nameOf(function, i) +
                               " has another dtype than the signature's " + spell(element));
    HostTensor argument(element, ArrayRef<int64_t>(t.shape, t.rank));
    std::memcpy(argument.bytes.data(), t.data, argument.bytes.size());
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

double longestSum(Operation *root, const StringMap<int64_t> &sizes) {
  auto value = [&](const SizeExpr &e) {
    auto v = e.evaluate([&](StringRef name) -> std::optional<int64_t> {
      auto it = sizes.find(name);
      return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
    });
    return static_cast<double>(v.value_or(1));
  };
  auto product = [&](Type type, ArrayRef<int64_t> dims) {
    double n = 1;
    for (int64_t d : dims)
      n *= value(dimOf(type, d));
    return n;
  };
  double longest = 1;
  root->walk([&](Operation *op) {
    double n = 1;
    if (auto dot = dyn_cast<DotGeneralOp>(op))
      n = product(dot.getLhs().getType(), dot.getLhsContract());
    else if (auto conv = dyn_cast<ConvOp>(op))
      n = value(elementCount(conv.getFilter().getType())) /
          std::max(1.0, value(dimsOf(conv.getFilter()).back()));
    else if (auto grad = dyn_cast<ConvFilterGradOp>(op))
      n = value(elementCount(grad.getGrad().getType())) /
          std::max(1.0, value(dimsOf(grad.getGrad()).back()));
    else if (auto reduce = dyn_cast<ReduceOp>(op))
      n = product(reduce.getX().getType(), reduce.getDims());
    else if (auto window = dyn_cast<ReduceWindowOp>(op))
      for (int64_t w : window.getWindow())
        n *= static_cast<double>(w);
    else if (auto scan = dyn_cast<ScanOp>(op))
      n = value(dimOf(scan.getX().getType(), scan.getDim()));
    else if (auto scatter = dyn_cast<ScatterOp>(op))
      n = value(elementCount(scatter.getIndices().getType()));
    else if (isa<SoftmaxOp, LogSoftmaxOp>(op))
      n = value(dimsOf(op->getOperand(0)).back());
    else if (auto loop = dyn_cast<ForOp>(op))
      n = value(loop.getTrip().expr(0));
    longest = std::max(longest, n);
  });
  return longest;
}

Error toError(const evaluate::Result &result) {
  return createStringError("the reference evaluator stopped: " + result.message);
}

} // namespace ingot::verify
