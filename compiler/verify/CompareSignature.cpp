// One call of a signature as an application makes it, beside the same function
// in the reference evaluator.
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/verify/Compare.h"
#include "compiler/verify/Reference.h"

using namespace mlir;
using namespace llvm;
using ingot::evaluate::HostTensor;

namespace ingot::verify {

namespace {
/// A context with a state of its own.
class Call {
public:
  explicit Call(const ingot_module *module) : module(module) {}
  ~Call() {
    ingot_context_destroy(module, context);
    ingot_state_destroy(module, state);
  }
  Error open(int threads) {
    ingot_context_options options{};
    options.struct_size = sizeof options;
    options.threads = threads;
    if (ingot_state_create(module, nullptr, &state))
      return failed("the compiled model has no state");
    options.state = state;
    return ingot_context_create(module, &options, &context)
               ? failed("the compiled model has no context")
               : Error::success();
  }
  /// Outputs as host tensors of the types of `function`'s results, in order.
  Expected<std::vector<HostTensor>> run(uint32_t signature, ArrayRef<ingot_tensor> inputs,
                                        func::FuncOp function) {
    std::vector<ingot_tensor> outputs(module->signatures[signature].num_outputs);
    if (ingot_output_shapes(module, context, signature, inputs.data(), outputs.data()))
      return failed("the compiled model cannot run");
    std::vector<std::vector<char>> memory;
    for (ingot_tensor &t : outputs) {
      memory.emplace_back(t.capacity + 64,
                          char(0x5a)); // what is never written is seen
      t.data = memory.back().data();
    }
    if (ingot_run(module, context, signature, inputs.data(), outputs.data()))
      return failed("the compiled model failed");
    std::vector<HostTensor> results;
    unsigned next = 0;
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      Type element = cast<RankedTensorType>(function.getResultTypes()[i]).getElementType();
      if (auto variable = function.getResultAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr)) {
        int32_t index = ingot_find_variable(module, variable.getValue().str().c_str());
        if (index < 0)
          return createStringError("the compiled model has no variable '" +
                                   variable.getValue().str() + "'");
        const ingot_variable &v = module->variables[index];
        HostTensor t(element, ArrayRef<int64_t>(v.dims, v.rank));
        if (ingot_state_get(module, state, index, t.bytes.data(), t.bytes.size()))
          return failed("variable '" + variable.getValue().str() + "' cannot be read");
        results.push_back(std::move(t));
        continue;
      }
      const ingot_tensor &out = outputs[next++];
      HostTensor t(element, ArrayRef<int64_t>(out.shape, out.rank));
      std::memcpy(t.bytes.data(), out.data, t.bytes.size());
      results.push_back(std::move(t));
    }
    return results;
  }

private:
  Error failed(const std::string &what) {
    return createStringError(what + ": " + ingot_message(module));
  }
  const ingot_module *module;
  ingot_context *context = nullptr;
  ingot_state *state = nullptr;
};
} // namespace

Error compareSignature(const Forms &forms, uint32_t signature, ArrayRef<ingot_tensor> inputs,
                       int threads, VerifyReport &report) {
  auto function = findFunction(forms.kernels, forms.module->signatures[signature].name);
  if (!function)
    return function.takeError();
  auto arguments = makeArguments(forms.kernels, *function, inputs);
  if (!arguments)
    return arguments.takeError();
  Call call(forms.module);
  if (Error e = call.open(threads))
    return e;
  auto found = call.run(signature, inputs, *function);
  if (!found)
    return found.takeError();
  evaluate::Options exactly;
  exactly.exact = true;
  evaluate::Result exact = evaluate::evaluate(*function, *arguments, exactly);
  if (!exact)
    return toError(exact);
  // The reference in the model's own types rounds after each operation: how far
  // that leads from the exact result is what rounding does to this model.
  evaluate::Result rounded = evaluate::evaluate(*function, *arguments);
  if (!rounded)
    return toError(rounded);
  std::vector<HostTensor> moved;
  for (const HostTensor &t : *arguments)
    moved.push_back(perturbed(t, moved.size()));
  evaluate::Result shaken = evaluate::evaluate(*function, moved, exactly);
  if (!shaken)
    return toError(shaken);
  Tolerance tolerance = Tolerance::forSum(longestSum(*function, exact.sizes));
  tolerance.sensitivity *= 4; // each kernel's share, and those after it
  for (unsigned i = 0; i < function->getNumResults(); ++i) {
    HostTensor other[] = {rounded.outputs[i], shaken.outputs[i]};
    Comparison c = compare((*found)[i], exact.outputs[i], other, tolerance);
    if (auto name = function->getResultAttrOfType<StringAttr>(i, nn::kOutputAttr))
      c.name = name.str();
    else if (auto variable = function->getResultAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr))
      c.name = "variable " + variable.getValue().str();
    report.outputs.push_back(std::move(c));
  }
  return Error::success();
}

} // namespace ingot::verify
