// The driver of station 3: functions, dataflow order, the one report.
#include "compiler/passes/import/Legalize.h"
#include "compiler/evaluate/Evaluate.h"
#include "compiler/passes/import/LegalizeRules.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {
struct Family {
  const char *name;
  Table (*rules)();
};
/// Families in the order of docs/ops.md.
const Family kFamilies[] = {{"Elementwise", elementwiseRules},
                            {"Complex numbers", complexRules},
                            {"Shapes", shapeRules},
                            {"Indexing and layout", indexRules},
                            {"Math", mathRules},
                            {"Convolution and pooling", convRules},
                            {"Gradients", gradientRules},
                            {"Lists and arrays", listRules},
                            {"Control flow", controlRules}};

/// Collects the operations a rule makes.
struct Recorder : OpBuilder::Listener {
  explicit Recorder(std::vector<Operation *> &made) : made(made) {}
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    made.push_back(op);
  }
  std::vector<Operation *> &made;
};

/// A name that size expressions can hold.
std::string symbolName(StringRef text) {
  std::string s;
  for (char c : text)
    s += ::llvm::isAlnum(c) || c == '_' || c == '.' || c == '$' ? c : '_';
  if (s.empty() || ::llvm::isDigit(s[0]))
    s = "s" + s;
  return s;
}

/// Constants that folding takes into account.
bool isSmallConstant(const Datum &d) {
  return d.type && !d.list && d.type.hasStaticShape() && d.type.getNumElements() <= kMaxKnown &&
         (d.constant || (d.known && d.known->constants()));
}

/// Scope and Keras layer that a location carries beside the node's name.
std::string placeOf(graph::NodeOp op) {
  std::string layer;
  op.getLoc()->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner); name && name.getName().getValue() != op.getName()) {
      if (!layer.empty())
        layer += ", ";
      layer += name.getName().getValue();
    }
    return WalkResult::advance();
  });
  return layer;
}
} // namespace

//===-- Driver ------------------------------------------------------------===//

Legalizer::Legalizer(ModuleOp module) : module(module) {
  for (const Family &family : kFamilies)
    for (const Rule &rule : family.rules())
      rules[rule.op] = &rule;
}

func::FuncOp Legalizer::lookup(FlatSymbolRefAttr name) {
  return name ? module.lookupSymbol<func::FuncOp>(name.getValue()) : func::FuncOp();
}

void Legalizer::requireBroadcast(ArrayRef<SizeExpr> x, ArrayRef<SizeExpr> y, bool oneWay) {
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const SizeExpr &a = x[x.size() - 1 - i], &b = y[y.size() - 1 - i];
    if (a == b || a.isConstant(1) || (!oneWay && b.isConstant(1)))
      continue;
    // a is b, or one of them is 1.
    SizeExpr zero = (a - 1) * (a - b);
    if (!oneWay)
      zero = zero * (b - 1);
    requirements.push_back({zero.str(), "0"});
  }
}

std::string Legalizer::dataSymbol(const SizeExpr &bound) {
  std::string name = "nz" + std::to_string(bounds.size());
  bounds.push_back({name, bound.str()});
  return name;
}

bool Legalizer::argumentTypes(func::FuncOp f, SmallVectorImpl<Type> &types) {
  for (unsigned i = 0; i < f.getNumArguments(); ++i) {
    auto name = f.getArgAttrOfType<StringAttr>(i, nn::kInputAttr);
    std::string who = name ? name.getValue().str() : "arg" + std::to_string(i);
    auto type = dyn_cast<RankedTensorType>(f.getArgumentTypes()[i]);
    if (!type) {
      f.emitError() << "input '" << who << "' has no known rank; give its shape with --shape "
                    << who << "=...";
      return false;
    }
    if (!type.getElementType().isIntOrFloat() && !isa<ComplexType>(type.getElementType())) {
      InFlightDiagnostic error = f.emitError() << "input '" << who << "' holds ";
      if (isa<graph::StringType>(type.getElementType()))
        error << "strings";
      else
        error << "elements of type " << type.getElementType();
      error << ", which nothing can compute with yet; --feed can name a tensor behind it";
      return false;
    }
    if (!type.getEncoding()) {
      Dims dims;
      bool first = true;
      for (auto [d, size] : llvm::enumerate(type.getShape())) {
        if (!ShapedType::isDynamic(size))
          dims.push_back(size);
        else
          dims.push_back(
              SizeExpr::symbol(first ? "batch" : symbolName(who + "_d" + std::to_string(d))));
        first &= !ShapedType::isDynamic(size);
      }
      type = nn::tensorType(dims, type.getElementType());
    }
    types.push_back(type);
  }
  return true;
}

void Legalizer::signature(func::FuncOp f, func::FuncOp &made) {
  SmallVector<Type> types;
  if (!argumentTypes(f, types))
    return;
  requirements.clear();
  bounds.clear();
  OpBuilder builder(f);
  auto fresh = cast<func::FuncOp>(builder.cloneWithoutRegions(*f.getOperation()));
  made = fresh;
  Block *entry = &fresh.getBody().emplaceBlock();
  SmallVector<Datum> arguments;
  for (auto [type, old] : llvm::zip(types, f.getArguments()))
    arguments.push_back(Datum::of(entry->addArgument(type, old.getLoc())));
  Recorder recorder(created);
  builder.setListener(&recorder);
  builder.setInsertionPointToStart(entry);
  SmallVector<Datum> results = inlineBlock(f.getBody().front(), arguments, builder);
  SmallVector<Value> values;
  SmallVector<Type> resultTypes;
  Operation *end = f.getBody().front().getTerminator();
  for (auto [i, d] : llvm::enumerate(results)) {
    if (d.poisoned() || !d.type) {
      if (report.empty())
        f.emitError() << "result " << i << " is no tensor";
      return;
    }
    auto variable = f.getResultAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr);
    for (unsigned a = 0; variable && a < f.getNumArguments(); ++a)
      if (f.getArgAttr(a, nn::kVariableAttr) == variable && types[a] != d.type)
        f.emitError() << "variable '" << variable.getValue() << "' of type " << describe(types[a])
                      << " is assigned a value of type " << describe(d.type);
    values.push_back(materialize(d, builder, end->getLoc()));
    resultTypes.push_back(values.back().getType());
  }
  func::ReturnOp::create(builder, end->getLoc(), values);
  fresh.setType(builder.getFunctionType(types, resultTypes));
  finish(fresh);
}

/// Bounds and requirements as attributes, constants to the top, no dead or
/// repeated operations.
void Legalizer::finish(func::FuncOp f) {
  MLIRContext *ctx = f.getContext();
  NamedAttrList list;
  for (auto &[name, bound] : bounds)
    list.set(name, StringAttr::get(ctx, bound));
  if (!list.empty())
    f->setAttr(nn::kBoundsAttr, list.getDictionary(ctx));
  std::set<std::pair<std::string, std::string>> once(requirements.begin(), requirements.end());
  SmallVector<Attribute> pairs;
  for (auto &[a, b] : once)
    pairs.push_back(OpBuilder(ctx).getStrArrayAttr({a, b}));
  if (!pairs.empty())
    f->setAttr(nn::kRequiresAttr, ArrayAttr::get(ctx, pairs));
  IRRewriter rewriter(ctx);
  (void)runRegionDCE(rewriter, f->getRegions());
  SmallVector<Operation *> constants;
  f.walk([&](nn::ConstantOp c) { constants.push_back(c); });
  Block &entry = f.getBody().front();
  Operation *first = nullptr;
  for (Operation &op : entry)
    if (!first && !isa<nn::ConstantOp>(op))
      first = &op;
  for (Operation *c : constants)
    c->moveBefore(first);
  auto mergeEqual = [&] {
    DominanceInfo dominance(f);
    eliminateCommonSubExpressions(rewriter, dominance, f);
  };
  mergeEqual();
  // Equal inits are one value now; equal variables leave equal operations.
  mergeLoopVariables(f);
  mergeEqual();
  (void)runRegionDCE(rewriter, f->getRegions());
}

LogicalResult Legalizer::run() {
  SmallVector<func::FuncOp> signatures, made;
  for (auto f : module.getOps<func::FuncOp>())
    if (!f.isExternal() && (f.isPublic() || f->hasAttr(nn::kSignatureAttr)))
      signatures.push_back(f);
  bool good = true;
  ScopedDiagnosticHandler watch(module.getContext(), [&](Diagnostic &d) {
    good &= d.getSeverity() != DiagnosticSeverity::Error;
    return failure(); // others print it
  });
  for (func::FuncOp f : signatures) {
    func::FuncOp fresh;
    signature(f, fresh);
    if (fresh)
      made.push_back(fresh);
  }
  good &= !emitReport();
  if (!good) {
    for (func::FuncOp f : made)
      f.erase();
    return failure();
  }
  for (func::FuncOp f : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (!llvm::is_contained(made, f) && !f.isExternal())
      f.erase();
  return success();
}

SmallVector<Datum> Legalizer::inlineBlock(Block &block, ArrayRef<Datum> arguments,
                                          OpBuilder &builder, std::optional<ArrayRef<bool>> wanted,
                                          DenseMap<Value, Datum> *outScope) {
  Operation *end = block.getTerminator();
  SmallVector<Datum> results(end->getNumOperands());
  if (depth > 64) {
    end->emitError("functions are nested more than 64 deep");
    return results;
  }
  ++depth;
  DenseSet<Value> live;
  for (auto [i, v] : llvm::enumerate(end->getOperands()))
    if (!wanted || (*wanted)[i])
      live.insert(v);
  SmallVector<graph::NodeOp> nodes;
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    auto node = dyn_cast<graph::NodeOp>(op);
    if (!node) {
      op.emitError("is no graph.node: station 2 should have left none");
      continue;
    }
    if (llvm::none_of(op.getResults(), [&](Value v) { return live.contains(v); }))
      continue;
    nodes.push_back(node);
    for (Value v : node.getInputs())
      live.insert(v);
  }
  DenseMap<Value, Datum> own;
  DenseMap<Value, Datum> &scope = outScope ? *outScope : own;
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    if (i < arguments.size())
      scope[argument] = arguments[i];
  for (graph::NodeOp node : llvm::reverse(nodes))
    this->node(node, scope, live, builder);
  for (auto [i, v] : llvm::enumerate(end->getOperands()))
    if (!wanted || (*wanted)[i])
      results[i] = scope.lookup(v);
  --depth;
  return results;
}

/// What the verifier says against the operations made since the last node.
std::string Legalizer::invalidOp() {
  std::string text;
  ScopedDiagnosticHandler collect(module.getContext(), [&](Diagnostic &d) {
    if (text.empty())
      text = d.str();
    return success();
  });
  for (Operation *op : created)
    if (failed(verify(op, /*verifyRecursively=*/false))) {
      if (text.empty())
        text = op->getName().getStringRef().str() + " is invalid";
      break;
    }
  return text;
}

void Legalizer::node(graph::NodeOp op, DenseMap<Value, Datum> &scope, const DenseSet<Value> &live,
                     OpBuilder &builder) {
  SmallVector<Datum> operands;
  bool poisoned = false, lists = false;
  for (Value v : op.getInputs()) {
    operands.push_back(scope.lookup(v));
    poisoned |= operands.back().poisoned();
    lists |= operands.back().list != nullptr;
  }
  const Rule *rule = rules.lookup(op.getOp());
  if (!rule)
    return refuse(op, operands, "no rule for this op");
  if (poisoned)
    return; // the node that it waits for is in the report
  if (operands.size() < rule->minOperands)
    return refuse(op, operands,
                  "has " + Twine(operands.size()) + " inputs, the op needs " +
                      Twine(rule->minOperands));
  if (lists && !rule->takesLists)
    return refuse(op, operands, "takes a tensor, not a TensorList");
  Node n(*this, op, operands, builder);
  n.live = &live;
  created.clear();
  size_t before = report.size();
  if (failed(rule->fn(n))) {
    if (report.size() == before)
      refuse(op, operands, "the rule does not cover this form");
    return;
  }
  if (std::string text = invalidOp(); !text.empty())
    return refuse(op, operands, text);
  if (!operands.empty() && llvm::all_of(operands, isSmallConstant))
    foldResults(n);
  for (unsigned i = 0; i < n.numOutputs(); ++i) {
    if (!live.contains(op.getOutput(i)))
      continue;
    if (n.results[i].poisoned()) {
      if (report.size() == before)
        refuse(op, operands, "output " + Twine(i) + " of this op is not supported");
      continue;
    }
    Type declared = n.outElem(i);
    if (n.results[i].type && !n.results[i].list && declared.isIntOrFloat() &&
        n.results[i].type.getElementType() != declared) {
      refuse(op, operands,
             "output " + Twine(i) + " is declared " +
                 describe(RankedTensorType::get({}, declared)) + ", but the inputs give " +
                 describe(n.results[i].type));
      continue;
    }
    scope[op.getOutput(i)] = n.results[i];
  }
}

/// Evaluates what a rule made of constants, so that shape arithmetic by way of
/// floats is known too and tables (filter banks) are constants early.
void Legalizer::foldResults(Node &n) {
  DenseMap<Value, evaluate::HostTensor> known;
  auto fits = [](Type type) {
    auto t = dyn_cast<RankedTensorType>(type);
    return t && t.hasStaticShape() && t.getNumElements() <= kMaxKnown;
  };
  for (Operation *op : created) {
    if (op->getNumRegions() || op->getNumResults() != 1 || !fits(op->getResult(0).getType()) ||
        !evaluate::hasRule(op))
      return;
    std::vector<evaluate::HostTensor> operands;
    for (Value v : op->getOperands()) {
      auto it = known.find(v);
      if (it == known.end())
        return;
      operands.push_back(it->second);
    }
    auto result = evaluate::evaluate(op, operands);
    if (!result)
      return; // an error at run time, which stays one
    known[op->getResult(0)] = std::move(result.outputs[0]);
  }
  for (Datum &d : n.results) {
    if (!d.value || d.list || d.known || !known.count(d.value))
      continue;
    Datum folded = Datum::of(known[d.value].toAttribute());
    // Broadcasts and iotas cost nothing as they are.
    if (isa_and_nonnull<nn::BroadcastOp, nn::IotaOp>(d.value.getDefiningOp()))
      folded.value = d.value;
    d = folded;
  }
}

Value Legalizer::materialize(const Datum &d, OpBuilder &builder, Location loc) {
  if (d.value)
    return d.value;
  Build b{builder, loc};
  if (d.constant)
    return b.constant(d.constant);
  Type element = d.type.getElementType();
  if (auto numbers = d.known->constants()) {
    SmallVector<APInt> values;
    for (int64_t v : *numbers)
      values.push_back(APInt(element.getIntOrFloatBitWidth(), v, true, true));
    return b.constant(DenseElementsAttr::get(d.type, values));
  }
  if (d.known->shape.empty())
    return b.size(d.known->values[0], element);
  return b.reshape(b.sizes(d.known->values, element), nn::dimsOf(d.type));
}

//===-- The report --------------------------------------------------------===//

void Legalizer::refuse(graph::NodeOp op, ArrayRef<Datum> operands, const Twine &why) {
  if (!refused.insert(op).second)
    return;
  std::string text;
  for (const Datum &d : operands) {
    text += text.empty() ? "" : ", ";
    text += d.list ? "list" : d.type ? describe(d.type) : "?";
  }
  report.push_back({op, text, why.str()});
}
void Legalizer::forgetRefusals(size_t count) {
  for (size_t i = count; i < report.size(); ++i)
    refused.erase(report[i].op);
  report.resize(count);
}

bool Legalizer::emitReport() {
  if (report.empty())
    return false;
  auto error = mlir::emitError(module.getLoc())
               << report.size() << (report.size() == 1 ? " node is" : " nodes are")
               << " not supported; --feed with the name of a node's output "
                  "cuts the graph behind it";
  for (const Refusal &r : report) {
    graph::NodeOp op = r.op;
    auto &note = error.attachNote(op.getLoc());
    note << op.getOp() << " '" << op.getName() << "'";
    if (std::string place = placeOf(op); !place.empty())
      note << " (in " << place << ")";
    note << ": " << r.why << "; inputs: " << (r.operands.empty() ? "none" : r.operands);
  }
  return true;
}

std::string legalize::describe(ArrayRef<SizeExpr> dims) {
  std::string s = "[";
  for (auto [i, d] : llvm::enumerate(dims))
    s += (i ? ", " : "") + d.str();
  return s + "]";
}
std::string legalize::describe(Type type) {
  std::string s, element;
  llvm::raw_string_ostream os(element);
  auto t = cast<RankedTensorType>(type);
  t.getElementType().print(os);
  for (const SizeExpr &d : nn::dimsOf(t)) {
    std::string text = d.str();
    s += (text.find(' ') == std::string::npos ? text : "(" + text + ")") + "x";
  }
  return s + element;
}

//===-- Data and nodes ----------------------------------------------------===//

std::optional<SmallVector<int64_t>> Known::constants() const {
  SmallVector<int64_t> r;
  for (const SizeExpr &v : values) {
    auto c = v.constant();
    if (!c)
      return std::nullopt;
    r.push_back(*c);
  }
  return r;
}

Datum Datum::of(Value v) {
  Datum d;
  if (!v)
    return d;
  d.type = dyn_cast<RankedTensorType>(v.getType());
  d.value = v;
  return d;
}
Datum Datum::of(Known known, Type element) {
  Datum d;
  d.type = RankedTensorType::get(known.shape, element);
  // Arithmetic of numbers wraps as the element type does.
  if (auto integer = dyn_cast<IntegerType>(element); integer && integer.getWidth() < 64)
    for (SizeExpr &v : known.values)
      if (auto c = v.constant()) {
        APInt wrapped(integer.getWidth(), *c, true, true);
        v = integer.isUnsigned() || integer.getWidth() == 1 ? int64_t(wrapped.getZExtValue())
                                                            : wrapped.getSExtValue();
      }
  d.known = std::make_shared<Known>(std::move(known));
  return d;
}
Datum Datum::of(ElementsAttr constant) {
  Datum d;
  d.type = dyn_cast<RankedTensorType>(constant.getType());
  d.constant = constant;
  auto dense = dyn_cast<DenseIntElementsAttr>(constant);
  if (!dense || !d.type || dense.getNumElements() > kMaxKnown)
    return d;
  bool isUnsigned =
      dense.getElementType().isUnsignedInteger() || dense.getElementType().isInteger(1);
  Known known{SmallVector<int64_t>(d.type.getShape()), {}};
  for (APInt v : dense.getValues<APInt>())
    known.values.push_back(isUnsigned ? int64_t(v.getZExtValue()) : v.getSExtValue());
  d.known = std::make_shared<Known>(std::move(known));
  return d;
}

Node::Node(Legalizer &legalizer, graph::NodeOp op, ArrayRef<Datum> operands, OpBuilder &builder)
    : op(op), legalizer(legalizer), b{builder, op.getLoc()}, results(op.getOutputs().size()),
      operands(operands) {}

Value Node::in(unsigned i) {
  Datum &d = operands[i];
  if (!d.value)
    d.value = legalizer.materialize(d, b.b, b.loc);
  return d.value;
}
std::optional<Dims> Node::sizes(unsigned i) const {
  if (i >= size() || !known(i))
    return std::nullopt;
  return known(i)->values;
}
std::optional<SmallVector<int64_t>> Node::ints(unsigned i) const {
  if (i >= size() || !known(i))
    return std::nullopt;
  return known(i)->constants();
}
std::optional<int64_t> Node::integer(unsigned i) const {
  auto v = ints(i);
  return v && v->size() == 1 ? std::optional<int64_t>((*v)[0]) : std::nullopt;
}
std::optional<double> Node::number(unsigned i) const {
  if (auto v = integer(i))
    return static_cast<double>(*v);
  if (i >= size() || !operands[i].constant)
    return std::nullopt;
  auto dense = dyn_cast<DenseFPElementsAttr>(operands[i].constant);
  if (!dense || dense.getNumElements() != 1)
    return std::nullopt;
  APFloat v = *dense.value_begin<APFloat>();
  bool lost;
  v.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return v.convertToDouble();
}

int64_t Node::intAttr(StringRef name, int64_t otherwise) {
  return op.intAttr(name).value_or(otherwise);
}
bool Node::boolAttr(StringRef name, bool otherwise) {
  return op.boolAttr(name).value_or(otherwise);
}
double Node::floatAttr(StringRef name, double otherwise) {
  return op.floatAttr(name).value_or(otherwise);
}
StringRef Node::stringAttr(StringRef name, StringRef otherwise) {
  return op.stringAttr(name).value_or(otherwise);
}
SmallVector<int64_t> Node::intsAttr(StringRef name, ArrayRef<int64_t> otherwise) {
  if (auto v = op.intsAttr(name))
    return *v;
  return SmallVector<int64_t>(otherwise);
}
Type Node::typeAttr(StringRef name, Type otherwise) {
  Type t = op.typeAttr(name);
  return t ? t : otherwise;
}

LogicalResult Node::give(unsigned i, Datum d) {
  if (i < results.size())
    results[i] = std::move(d);
  return success();
}
LogicalResult Node::refuse(const Twine &why) {
  legalizer.refuse(op, operands, why);
  return failure();
}
LogicalResult Node::same(const SizeExpr &found, const SizeExpr &expected, const Twine &what) {
  if (found == expected)
    return success();
  if ((found - expected).constant())
    return refuse(what + " is " + found.str() + ", expected " + expected.str());
  legalizer.require(found, expected);
  return success();
}
LogicalResult Node::axis(int64_t &axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return refuse("axis " + Twine(axis) + " is outside rank " + Twine(rank));
  if (axis < 0)
    axis += rank;
  return success();
}
LogicalResult Node::needRank(unsigned i, int64_t want, StringRef what) {
  if (rank(i) == want)
    return success();
  return refuse(what + " has rank " + Twine(rank(i)) + ", expected " + Twine(want));
}
LogicalResult Node::needSizes(unsigned i, StringRef what, Dims &out) {
  auto v = sizes(i);
  if (!v)
    return refuse(what + " is a run-time value that is no formula of named sizes");
  out = *v;
  return success();
}
LogicalResult Node::needInts(unsigned i, StringRef what, SmallVectorImpl<int64_t> &out) {
  auto v = ints(i);
  if (!v)
    return refuse(what + " must be constant");
  out = *v;
  return success();
}
LogicalResult Node::needBroadcast(unsigned i, unsigned j) {
  if (nn::broadcastShapes(dims(i), dims(j))) {
    legalizer.requireBroadcast(dims(i), dims(j));
    return success();
  }
  return refuse("shapes " + describe(dims(i)) + " and " + describe(dims(j)) + " do not broadcast");
}

//===-- Entry points ------------------------------------------------------===//

namespace {
struct LegalizeGraphToNnPass : PassWrapper<LegalizeGraphToNnPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LegalizeGraphToNnPass)
  StringRef getArgument() const override { return "legalize-graph-to-nn"; }
  StringRef getDescription() const override {
    return "Rewrite TensorFlow nodes to tensor algebra with named sizes";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<graph::GraphDialect, nn::NnDialect, func::FuncDialect>();
  }
  void runOnOperation() override {
    if (failed(legalizeGraphToNn(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult ingot::legalizeGraphToNn(ModuleOp module) { return Legalizer(module).run(); }
std::unique_ptr<Pass> ingot::createLegalizeGraphToNnPass() {
  return std::make_unique<LegalizeGraphToNnPass>();
}

std::vector<SupportedOp> ingot::listSupportedOps() {
  std::vector<SupportedOp> all;
  for (const Family &family : kFamilies)
    for (const Rule &rule : family.rules())
      all.push_back({rule.op, family.name, rule.notes});
  llvm::sort(all, [](const SupportedOp &a, const SupportedOp &b) { return a.name < b.name; });
  return all;
}
std::vector<StringRef> ingot::listOpFamilies() {
  std::vector<StringRef> names;
  for (const Family &family : kFamilies)
    names.push_back(family.name);
  return names;
}
bool ingot::isSupportedOp(StringRef name) {
  for (const Family &family : kFamilies)
    for (const Rule &rule : family.rules())
      if (rule.op == name)
        return true;
  return false;
}
