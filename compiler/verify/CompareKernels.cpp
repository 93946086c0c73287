// The reference runs the function; at each kernel it stops, and the compiled
// kernel runs on the same inputs, whole and cut in chunks, in guarded memory.
#include "compiler/codegen/cpu/CompileKernels.h"
#include "compiler/codegen/cpu/HostProgram.h"
#include "compiler/codegen/loader/Loader.h"
#include "compiler/verify/Compare.h"
#include "compiler/verify/Reference.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>

using namespace mlir;
using namespace llvm;
using namespace ingot::nn;
using ingot::evaluate::HostTensor;

namespace ingot::verify {

namespace {
constexpr StringLiteral prefix = "verify";
constexpr size_t guardBytes = 64;
/// Of a kernel in a loop so many calls are compared.
constexpr unsigned callsOfOne = 3;

/// Memory with bytes of a known pattern before use and behind its end.
class Guarded {
public:
  explicit Guarded(size_t bytes) : bytes(bytes) {
    memory = static_cast<char *>(std::aligned_alloc(64, alignTo(bytes + guardBytes, 64)));
    std::memset(memory, 0xff, alignTo(bytes + guardBytes, 64));
  }
  Guarded(Guarded &&o) : memory(o.memory), bytes(o.bytes) { o.memory = nullptr; }
  Guarded &operator=(Guarded &&) = delete;
  ~Guarded() { std::free(memory); }
  char *data() const { return memory; }
  bool intact() const {
    return all_of(ArrayRef<char>(memory + bytes, guardBytes),
                  [](char c) { return c == char(0xff); });
  }
  bool equals(const Guarded &o) const { return std::memcmp(memory, o.memory, bytes) == 0; }

private:
  char *memory;
  size_t bytes;
};

/// One run of a kernel: its results and the data symbols it has defined.
struct Outputs {
  std::vector<Guarded> buffers;
  std::vector<int64_t> defined;
};

class KernelComparer {
public:
  KernelComparer(const Forms &forms, VerifyReport &report) : forms(forms), report(report) {}

  Error load();
  Error run(uint32_t signature, ArrayRef<ingot_tensor> inputs);

private:
  using Sizes = StringMap<int64_t>;
  std::optional<int64_t> valueOf(const SizeExpr &e, const Sizes &sizes) const {
    return e.evaluate([&](StringRef name) -> std::optional<int64_t> {
      auto it = sizes.find(name);
      return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
    });
  }
  void compareOne(KernelOp kernel, ArrayRef<std::shared_ptr<const HostTensor>> inputs,
                  const Sizes &sizes);
  std::string call(DispatchOp dispatch, KernelFunction *code, ArrayRef<HostTensor> inputs,
                   const Sizes &sizes, bool inChunks, Outputs &outputs);

  const Forms &forms;
  VerifyReport &report;
  std::unique_ptr<Loader> loader;
  llvm::DenseMap<Operation *, DispatchOp> dispatches;
  llvm::DenseMap<Operation *, unsigned> calls;
  func::FuncOp function;
};

Error KernelComparer::load() {
  // Station 6 puts each dispatch where its kernel stood.
  SmallVector<KernelOp> kernels;
  ModuleOp(forms.kernels).walk([&](KernelOp op) { kernels.push_back(op); });
  SmallVector<DispatchOp> calls;
  ModuleOp(forms.loops).walk([&](DispatchOp op) { calls.push_back(op); });
  if (kernels.size() != calls.size())
    return createStringError("the kernels and the compiled code are not of one model");
  llvm::SetVector<func::FuncOp> functions;
  for (auto [kernel, dispatch] : zip(kernels, calls)) {
    dispatches[kernel] = dispatch;
    auto f = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(forms.loops, dispatch.getCallee());
    if (!f)
      return createStringError("a dispatch calls a kernel that does not exist");
    functions.insert(f);
  }
  auto objects = compileKernels(forms.loops, functions.getArrayRef(), forms.target, prefix,
                                EmitOptions(), forms.compilerThreads);
  if (failed(objects))
    return createStringError("the kernels could not be compiled");
  auto made = Loader::create();
  if (!made)
    return made.takeError();
  loader = std::move(*made);
  for (const EmittedObject &object : *objects)
    if (Error e = loader->addObject(object.object))
      return e;
  return Error::success();
}

/// Runs a compiled kernel. Returns what went wrong, or "".
std::string KernelComparer::call(DispatchOp dispatch, KernelFunction *code,
                                 ArrayRef<HostTensor> inputs, const Sizes &sizes, bool inChunks,
                                 Outputs &outputs) {
  // Buffers of results are sized by the bounds of what the kernel defines.
  Sizes bounded = sizes;
  SmallVector<StringRef> defines;
  if (auto names = dispatch.getDefines())
    append_range(defines, names->getAsValueRange<StringAttr>());
  auto bounds = function->getAttrOfType<DictionaryAttr>(kBoundsAttr);
  for (StringRef name : defines) {
    auto text = bounds ? bounds.getAs<StringAttr>(name) : StringAttr();
    auto bound = text ? SizeExpr::parse(text.getValue()) : std::nullopt;
    auto value = bound ? valueOf(*bound, bounded) : std::nullopt;
    if (!value)
      return "the size '" + name.str() + "' has no bound";
    bounded[name] = *value;
  }
  std::vector<int64_t> values;
  for (const SizeExpr &e : dispatch.getSizes().exprs()) {
    auto v = valueOf(e, bounded);
    if (!v)
      return "the size '" + e.str() + "' has no value";
    values.push_back(*v);
  }
  auto grid = valueOf(dispatch.getGrid().expr(0), bounded),
       scratch = valueOf(dispatch.getScratch().expr(0), bounded);
  if (!grid || !scratch)
    return "its grid has no size";
  std::vector<Guarded> copies;
  std::vector<void *> buffers;
  for (const HostTensor &t : inputs) {
    copies.emplace_back(t.bytes.size());
    std::memcpy(copies.back().data(), t.bytes.data(), t.bytes.size());
    buffers.push_back(copies.back().data());
  }
  for (Value result : dispatch.getResults()) {
    auto count = valueOf(elementCount(result.getType()), bounded);
    if (!count)
      return "a result has no size";
    outputs.buffers.emplace_back(
        *count * elementBytes(cast<RankedTensorType>(result.getType()).getElementType()));
    buffers.push_back(outputs.buffers.back().data());
  }
  outputs.defined.assign(defines.size(), -1);
  for (int64_t &value : outputs.defined)
    buffers.push_back(&value);
  int64_t step = inChunks ? std::max<int64_t>(dispatch.getChunk(), 1) : std::max<int64_t>(*grid, 1);
  // Chunks backwards: none may rely on an earlier one.
  for (int64_t lo = *grid <= 0 ? -1 : (*grid - 1) / step * step; lo >= 0; lo -= step) {
    Guarded work(*scratch);
    if (int32_t status = code(buffers.data(), values.data(), lo, std::min(lo + step, *grid),
                              *scratch > 0 ? work.data() : nullptr))
      return "it returned status " + std::to_string(status);
    if (!work.intact())
      return "it wrote behind its scratch memory";
  }
  for (auto [copy, t] : zip(copies, inputs))
    if (!copy.intact() || std::memcmp(copy.data(), t.bytes.data(), t.bytes.size()) != 0)
      return "it wrote to an operand";
  for (const Guarded &buffer : outputs.buffers)
    if (!buffer.intact())
      return "it wrote behind a result";
  return "";
}

void KernelComparer::compareOne(KernelOp kernel, ArrayRef<std::shared_ptr<const HostTensor>> inputs,
                                const Sizes &sizes) {
  unsigned number = calls[kernel]++;
  if (number >= callsOfOne)
    return;
  DispatchOp dispatch = dispatches.lookup(kernel);
  StringRef name = dispatch.getCallee().getLeafReference().getValue();
  KernelComparison row;
  row.kernel = name.str();
  row.kind = kernel.getKind().str();
  row.nodes = describeNodes(kernel.getLoc());
  row.call = number;
  auto finish = [&](std::string problem) {
    row.problem = std::move(problem);
    report.kernels.push_back(std::move(row));
  };
  auto code = loader->function<KernelFunction>(kernelSymbol(prefix, name));
  if (!code)
    return finish(toString(code.takeError()));
  std::vector<HostTensor> given;
  for (auto &t : inputs)
    given.push_back(*t);
  evaluate::Options exactly;
  exactly.exact = true;
  exactly.sizes = sizes;
  evaluate::Result exact = evaluate::evaluate(kernel.getBody(), given, exactly);
  if (!exact)
    return finish("the reference evaluator stopped: " + exact.message);
  std::vector<evaluate::Result> moved;
  for (uint64_t seed = 0; seed < 2; ++seed) {
    std::vector<HostTensor> nearby;
    for (const HostTensor &t : given)
      nearby.push_back(perturbed(t, seed * 1000 + nearby.size()));
    moved.push_back(evaluate::evaluate(kernel.getBody(), nearby, exactly));
  }
  Outputs whole, cut;
  std::string problem = call(dispatch, *code, given, sizes, /*inChunks=*/false, whole);
  if (problem.empty())
    problem = call(dispatch, *code, given, sizes, /*inChunks=*/true, cut);
  if (!problem.empty())
    return finish(problem);
  for (auto [a, b] : zip(whole.buffers, cut.buffers))
    if (!a.equals(b))
      problem = "its results depend on how its grid is cut into chunks";
  Tolerance tolerance = Tolerance::forSum(longestSum(kernel, exact.sizes));
  for (auto [i, result] : enumerate(kernel.getResults())) {
    HostTensor found(cast<RankedTensorType>(result.getType()).getElementType(),
                     exact.outputs[i].dims);
    std::memcpy(found.bytes.data(), whole.buffers[i].data(), found.bytes.size());
    std::vector<HostTensor> nearby;
    for (const evaluate::Result &m : moved)
      if (m && m.outputs[i].dims == exact.outputs[i].dims)
        nearby.push_back(m.outputs[i]);
    Comparison c = compare(found, exact.outputs[i], nearby, tolerance);
    c.name = kernel.getNumResults() == 1 ? "" : "result " + std::to_string(i);
    row.results.push_back(std::move(c));
  }
  if (auto names = dispatch.getDefines())
    for (auto [name, value] : zip(names->getAsValueRange<StringAttr>(), whole.defined))
      if (int64_t expected = exact.sizes.lookup(name); value != expected)
        problem = "it found " + std::to_string(value) + " for '" + name.str() + "', expected " +
                  std::to_string(expected);
  finish(problem);
}

Error KernelComparer::run(uint32_t signature, ArrayRef<ingot_tensor> inputs) {
  auto found = findFunction(forms.kernels, forms.module->signatures[signature].name);
  if (!found)
    return found.takeError();
  function = *found;
  auto arguments = makeArguments(forms.kernels, function, inputs);
  if (!arguments)
    return arguments.takeError();
  evaluate::Options options;
  options.atKernel = [&](KernelOp kernel, ArrayRef<std::shared_ptr<const HostTensor>> operands,
                         const Sizes &sizes) { compareOne(kernel, operands, sizes); };
  evaluate::Result result = evaluate::evaluate(function, *arguments, options);
  return result ? Error::success() : toError(result);
}
} // namespace

Error compareKernels(const Forms &forms, uint32_t signature, ArrayRef<ingot_tensor> inputs,
                     VerifyReport &report) {
  KernelComparer comparer(forms, report);
  if (Error e = comparer.load())
    return e;
  return comparer.run(signature, inputs);
}

} // namespace ingot::verify
