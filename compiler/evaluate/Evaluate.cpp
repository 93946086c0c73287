// Walks blocks of nn operations: named sizes, values, control flow.
#include "compiler/evaluate/Evaluate.h"
#include "compiler/evaluate/Rules.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {

static const Rules &allRules() {
  static const Rules rules = [] {
    Rules r;
    addElementwiseRules(r);
    addShapeRules(r);
    addIndexRules(r);
    addReduceRules(r);
    addContractRules(r);
    return r;
  }();
  return rules;
}
static Rule ruleOf(Operation *op) {
  auto info = op->getName().getRegisteredInfo();
  return info ? allRules().lookup(info->getTypeID()) : nullptr;
}
bool hasRule(Operation *op) {
  return ruleOf(op) || isa<ForOp, WhileOp, IfOp, KernelOp, YieldOp>(op);
}

//===-- Sizes and types ---------------------------------------------------===//

LogicalResult Evaluator::fail(Operation *op, Status why, const Twine &text) {
  if (status != Status::Ok)
    return failure();
  status = why;
  llvm::raw_string_ostream os(message);
  if (op)
    os << op->getName() << " at " << op->getLoc() << ": ";
  os << text;
  return failure();
}
Type Evaluator::storage(Type element) const {
  if (!options.exact)
    return element;
  if (isa<FloatType>(element))
    return Float64Type::get(element.getContext());
  if (isa<ComplexType>(element))
    return ComplexType::get(Float64Type::get(element.getContext()));
  return element;
}
HostTensor Evaluator::stored(const HostTensor &t) const {
  Type to = storage(t.dtype);
  if (to == t.dtype)
    return t;
  if (isa<ComplexType>(to))
    return HostTensor::fromValues(to, t.dims, t.read<std::complex<double>>());
  return HostTensor::fromValues(to, t.dims, t.read<double>());
}
std::optional<int64_t> Evaluator::valueOf(const SizeExpr &e) const {
  return e.evaluate([&](StringRef name) -> std::optional<int64_t> {
    auto it = sizes.find(name);
    return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
  });
}
LogicalResult Evaluator::shapeOf(Operation *op, Type type, Shape &shape) {
  shape.clear();
  for (const SizeExpr &e : dimsOf(type)) {
    auto v = valueOf(e);
    if (!v)
      return fail(op, Status::Invalid, "the size '" + e.str() + "' has no value");
    if (*v < 0)
      return fail(op, Status::ShapeMismatch, "the size '" + e.str() + "' is " + Twine(*v));
    shape.push_back(*v);
  }
  return success();
}
LogicalResult Evaluator::sizesOf(Operation *op, SizesAttr attribute, Shape &out) {
  out.clear();
  for (const SizeExpr &e : attribute.exprs()) {
    auto v = valueOf(e);
    if (!v)
      return fail(op, Status::Invalid, "the size '" + e.str() + "' has no value");
    out.push_back(*v);
  }
  return success();
}

/// Solves `e = n` for its only unbound symbol where e is linear in it.
static void solve(Evaluator &ev, const SizeExpr &e, int64_t n) {
  std::set<std::string> names;
  e.symbols(names);
  std::string unknown;
  for (const std::string &name : names)
    if (!ev.sizes.count(name)) {
      if (!unknown.empty())
        return;
      unknown = name;
    }
  if (unknown.empty())
    return;
  auto at = [&](int64_t v) {
    return e.evaluate([&](StringRef name) -> std::optional<int64_t> {
      return name == unknown ? v : ev.sizes.lookup(name);
    });
  };
  auto zero = at(0), one = at(1);
  if (!zero || !one || *one == *zero || (n - *zero) % (*one - *zero))
    return;
  int64_t v = (n - *zero) / (*one - *zero);
  if (v >= 0 && at(v) == n)
    ev.sizes[unknown] = v;
}

LogicalResult Evaluator::bind(Operation *op, Type type, ArrayRef<int64_t> dims, const Twine &what) {
  auto expected = dimsOf(type);
  if (expected.size() != dims.size())
    return fail(op, Status::ShapeMismatch,
                what + " has rank " + Twine(dims.size()) + ", expected " + Twine(expected.size()));
  for (auto [e, n] : llvm::zip(expected, dims)) {
    solve(*this, e, n);
    auto v = valueOf(e);
    if (v && *v != n)
      return fail(op, Status::ShapeMismatch,
                  what + " has size " + Twine(n) + " where '" + e.str() + "' is " + Twine(*v));
  }
  return success();
}

//===-- Blocks ------------------------------------------------------------===//

LogicalResult Evaluator::runBlock(Block &block, ArrayRef<TensorRef> arguments,
                                  std::vector<TensorRef> &results) {
  for (auto [argument, tensor] : llvm::zip(block.getArguments(), arguments))
    values[argument] = tensor;
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      results.clear();
      for (Value v : op.getOperands()) {
        auto it = values.find(v);
        if (it == values.end())
          return fail(&op, Status::Invalid, "uses a value from outside of what is evaluated");
        results.push_back(it->second);
      }
      continue;
    }
    if (failed(runOp(&op)))
      return failure();
  }
  return success();
}

static LogicalResult runFor(Evaluator &ev, ForOp op, std::vector<TensorRef> &carried) {
  Shape trip;
  if (failed(ev.sizesOf(op, op.getTrip(), trip)))
    return failure();
  for (int64_t i = 0; i < trip[0]; ++i) {
    Type i32 = IntegerType::get(op.getContext(), 32);
    std::vector<TensorRef> arguments{std::make_shared<HostTensor>(
        HostTensor::fromValues(i32, {}, std::vector<int32_t>{static_cast<int32_t>(i)}))};
    llvm::append_range(arguments, carried);
    if (failed(ev.runBlock(op.getBody().front(), arguments, carried)))
      return failure();
  }
  return success();
}
static LogicalResult runWhile(Evaluator &ev, WhileOp op, std::vector<TensorRef> &carried) {
  for (int64_t i = 0;; ++i) {
    std::vector<TensorRef> flag;
    if (failed(ev.runBlock(op.getCond().front(), carried, flag)))
      return failure();
    if (!flag[0]->bytes[0])
      return success();
    if (i == ev.options.whileLimit)
      return ev.fail(op, Status::Invalid, "has not ended after " + Twine(i) + " iterations");
    std::vector<TensorRef> arguments = carried;
    if (failed(ev.runBlock(op.getBody().front(), arguments, carried)))
      return failure();
  }
}

LogicalResult Evaluator::runOp(Operation *op) {
  std::vector<TensorRef> inputs;
  for (Value v : op->getOperands()) {
    auto it = values.find(v);
    if (it == values.end())
      return fail(op, Status::Invalid, "uses a value from outside of what is evaluated");
    inputs.push_back(it->second);
  }
  std::vector<TensorRef> results;
  if (auto loop = dyn_cast<ForOp>(op)) {
    results = inputs;
    if (failed(runFor(*this, loop, results)))
      return failure();
  } else if (auto loop = dyn_cast<WhileOp>(op)) {
    results = inputs;
    if (failed(runWhile(*this, loop, results)))
      return failure();
  } else if (auto branch = dyn_cast<IfOp>(op)) {
    Region &taken = inputs[0]->bytes[0] ? branch.getThenRegion() : branch.getElseRegion();
    if (failed(runBlock(taken.front(), {}, results)))
      return failure();
  } else if (auto kernel = dyn_cast<KernelOp>(op)) {
    if (options.atKernel)
      options.atKernel(kernel, inputs, sizes);
    if (failed(runBlock(kernel.getBody().front(), inputs, results)))
      return failure();
  } else {
    Rule rule = ruleOf(op);
    if (!rule)
      return fail(op, Status::Invalid, "the reference evaluator has no rule for it");
    Outputs outputs;
    if (failed(rule(*this, op, inputs, outputs)))
      return failure();
    for (HostTensor &t : outputs)
      results.push_back(std::make_shared<HostTensor>(std::move(t)));
  }
  for (auto [v, t] : llvm::zip(op->getResults(), results)) {
    if (failed(bind(op, v.getType(), t->dims, "its result")))
      return failure();
    values[v] = t;
  }
  if (options.observe) {
    std::vector<HostTensor> copies;
    for (const TensorRef &t : results)
      copies.push_back(*t);
    options.observe(op, copies);
  }
  return success();
}

//===-- Entry points ------------------------------------------------------===//

static LogicalResult bindInputs(Evaluator &ev, Operation *op, TypeRange types,
                                ArrayRef<HostTensor> inputs, std::vector<TensorRef> &arguments) {
  if (types.size() != inputs.size())
    return ev.fail(op, Status::Invalid,
                   "takes " + Twine(types.size()) + " tensors, not " + Twine(inputs.size()));
  for (auto [i, type, tensor] : llvm::enumerate(types, inputs)) {
    Type element = cast<RankedTensorType>(type).getElementType();
    HostTensor held = ev.stored(tensor);
    if (held.dtype != ev.storage(element)) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "input " << i << " is of " << tensor.dtype << ", expected " << element;
      return ev.fail(op, Status::Invalid, text);
    }
    if (failed(ev.bind(op, type, tensor.dims, "input " + Twine(i))))
      return failure();
    arguments.push_back(std::make_shared<HostTensor>(std::move(held)));
  }
  return success();
}
static Result finish(Evaluator &ev, LogicalResult ok, ArrayRef<TensorRef> results) {
  Result r;
  r.status = ev.status;
  r.message = ev.message;
  r.sizes = ev.sizes;
  if (succeeded(ok))
    for (const TensorRef &t : results)
      r.outputs.push_back(*t);
  return r;
}

Result evaluate(Region &region, ArrayRef<HostTensor> inputs, const Options &options) {
  Evaluator ev(options);
  std::vector<TensorRef> arguments, results;
  LogicalResult ok =
      bindInputs(ev, region.getParentOp(), region.getArgumentTypes(), inputs, arguments);
  if (succeeded(ok))
    ok = ev.runBlock(region.front(), arguments, results);
  return finish(ev, ok, results);
}
Result evaluate(func::FuncOp func, ArrayRef<HostTensor> inputs, const Options &options) {
  return evaluate(func.getBody(), inputs, options);
}
Result evaluate(Operation *op, ArrayRef<HostTensor> operands, const Options &options) {
  Evaluator ev(options);
  std::vector<TensorRef> arguments, results;
  LogicalResult ok = bindInputs(ev, op, op->getOperandTypes(), operands, arguments);
  if (succeeded(ok)) {
    for (auto [v, t] : llvm::zip(op->getOperands(), arguments))
      ev.values[v] = t;
    ok = ev.runOp(op);
    if (succeeded(ok))
      for (Value v : op->getResults())
        results.push_back(ev.values[v]);
  }
  return finish(ev, ok, results);
}

} // namespace ingot::evaluate
