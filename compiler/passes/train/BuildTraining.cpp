// Copies the signature's body, puts loss, gradients and updates behind it, and
// ties variables to arguments and results by the attributes of docs/design.md.
#include "compiler/passes/train/BuildTraining.h"
#include "compiler/passes/train/Differentiate.h"
#include "compiler/passes/train/Losses.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

StringAttr symbolOf(Attribute a) {
  auto ref = dyn_cast_or_null<FlatSymbolRefAttr>(a);
  return ref ? ref.getAttr() : StringAttr();
}

/// A function under construction: arguments and results with their attributes.
class Function {
public:
  Function(ModuleOp module, StringRef name, Location loc) : b(module.getContext()), build{b, loc} {
    b.setInsertionPointToEnd(module.getBody());
    f = func::FuncOp::create(b, loc, name, b.getFunctionType({}, {}));
    SymbolTable(module).insert(f); // renames where the model has that name
    f->setAttr(kSignatureAttr, b.getStringAttr(name));
    b.setInsertionPointToStart(f.addEntryBlock());
  }
  OpBuilder b;
  Build build;
  llvm::MapVector<StringAttr, Value> variables; ///< current values

  Value input(StringRef name, Type type) {
    arguments.push_back(b.getDictionaryAttr(b.getNamedAttr(kInputAttr, b.getStringAttr(name))));
    return f.front().addArgument(type, build.loc);
  }
  Value variable(StringAttr symbol, Type type) {
    Value &v = variables[symbol];
    if (!v) {
      arguments.push_back(tie(symbol));
      v = f.front().addArgument(type, build.loc);
    }
    return v;
  }
  void output(StringRef name, Value v) {
    results.push_back(v);
    attributes.push_back(b.getDictionaryAttr(b.getNamedAttr(kOutputAttr, b.getStringAttr(name))));
  }
  /// The variable's value on exit.
  void assign(StringAttr symbol, Value v) {
    variables[symbol] = v;
    changed.insert({symbol, v});
    changed[symbol] = v;
  }
  void finish() {
    for (auto [symbol, v] : changed) {
      results.push_back(v);
      attributes.push_back(tie(symbol));
    }
    func::ReturnOp::create(b, build.loc, results);
    f.setType(b.getFunctionType(f.front().getArgumentTypes(), ValueRange(results).getTypes()));
    f.setAllArgAttrs(arguments);
    f.setAllResultAttrs(attributes);
    removeDead(f.getBody());
  }
  func::FuncOp f;

private:
  Attribute tie(StringAttr symbol) {
    return b.getDictionaryAttr(b.getNamedAttr(kVariableAttr, FlatSymbolRefAttr::get(symbol)));
  }
  SmallVector<Attribute> arguments, attributes;
  SmallVector<Value> results;
  llvm::MapVector<StringAttr, Value> changed;
};

class Builder {
public:
  Builder(ModuleOp module, const TrainOptions &options)
      : module(module), symbols(module), options(options) {}

  LogicalResult run() {
    if (failed(choose()) || failed(findTrainable()))
      return failure();
    addState();
    if (failed(buildTrain()) || failed(buildGrads()))
      return failure();
    buildApply();
    buildEvaluate();
    buildInit();
    infer->setAttr(kSignatureAttr, StringAttr::get(module.getContext(), "infer"));
    return success();
  }

private:
  template <typename T> std::string names(T table) {
    std::string text;
    for (auto &entry : table)
      text += (text.empty() ? "" : ", ") + entry.name.str();
    return text;
  }
  LogicalResult choose() {
    loss = findLoss(options.loss);
    if (!loss)
      return module.emitError() << "no loss '" << options.loss << "'; there are "
                                << names(losses());
    optimizer = findOptimizer(options.optimizer);
    if (!optimizer)
      return module.emitError() << "no optimizer '" << options.optimizer << "'; there are "
                                << names(optimizers());
    hyper = options.hyper;
    if (hyper.learningRate < 0)
      hyper.learningRate = optimizer->learningRate;
    StringRef wanted =
        options.signature.empty() ? StringRef("serving_default") : StringRef(options.signature);
    for (auto f : module.getOps<func::FuncOp>()) {
      auto name = f->getAttrOfType<StringAttr>(kSignatureAttr);
      if (name && (name.getValue() == wanted || (!infer && options.signature.empty())))
        infer = f;
    }
    if (!infer)
      return module.emitError() << "no signature '" << wanted << "' to train";
    SmallVector<unsigned> outputs;
    for (unsigned i = 0; i < infer.getNumResults(); ++i)
      if (infer.getResultAttr(i, kOutputAttr))
        outputs.push_back(i);
    if (outputs.size() != 1)
      return infer.emitError() << "training needs a signature with one output, this one has "
                               << outputs.size();
    outputIndex = outputs[0];
    auto type = cast<RankedTensorType>(infer.getResultTypes()[outputIndex]);
    if (!isa<FloatType>(type.getElementType()) || type.getRank() < (loss->classNumbers ? 1 : 0))
      return infer.emitError() << "the output is " << type
                               << ", no float tensor that a loss could be taken of";
    return success();
  }
  VariableOp variableOf(unsigned argument) {
    StringAttr symbol = symbolOf(infer.getArgAttr(argument, kVariableAttr));
    return symbol ? symbols.lookup<VariableOp>(symbol) : VariableOp();
  }
  /// The variables to train, in the order of the arguments.
  LogicalResult findTrainable() {
    bool marked =
        llvm::any_of(module.getOps<VariableOp>(), [](VariableOp v) { return v.getTrainable(); });
    unsigned constant = 0;
    for (unsigned i = 0; i < infer.getNumArguments(); ++i) {
      VariableOp v = variableOf(i);
      if (!v || !isa<FloatType>(cast<ShapedType>(v.getValue().getType()).getElementType()))
        continue;
      if (marked && !v.getTrainable()) {
        ++constant;
        continue;
      }
      trainable.push_back({v.getSymNameAttr(), infer.getArgumentTypes()[i], {}});
      v.setTrainable(true);
    }
    if (trainable.empty())
      return infer.emitError()
             << "no variables to train: a frozen GraphDef holds constants only; use the SavedModel";
    if (constant)
      infer.emitRemark()
          << constant
          << " variables that are not trainable, such as the moving statistics of batch "
          << "normalization, stay as they are: the signature is one for inference";
    return success();
  }

  StringAttr addVariable(const std::string &name, Type type) {
    OpBuilder b(module.getContext());
    // Behind the model's own, which keep their numbers in the ABI.
    b.setInsertionPointToStart(module.getBody());
    for (auto v : module.getOps<VariableOp>())
      b.setInsertionPointAfter(v);
    auto t = plainType(type);
    auto zero = DenseElementsAttr::get(t, b.getZeroAttr(t.getElementType()));
    auto v = VariableOp::create(b, module.getLoc(), b.getStringAttr(name), zero, UnitAttr());
    return symbols.insert(v);
  }
  void addState() {
    std::string prefix = optimizer->name.str() + "/";
    for (Trained &t : trainable)
      for (StringRef slot : optimizer->slots(hyper))
        t.slots.push_back(addVariable(prefix + t.symbol.str() + "/" + slot.str(), t.type));
    stepType = RankedTensorType::get({}, IntegerType::get(module.getContext(), 64));
    steps = addVariable(prefix + "iterations", stepType);
  }

  std::string labelName() {
    for (unsigned i = 0; i < infer.getNumArguments(); ++i)
      if (auto name = infer.getArgAttrOfType<StringAttr>(i, kInputAttr);
          name && name.getValue() == "y")
        return "labels";
    return "y";
  }
  /// The model's computation in a new function, and the labels.
  struct Forward {
    Value output, labels;
  };
  Forward forward(Function &f, bool keepChanges) {
    IRMapping map;
    for (StringRef name : {StringRef(kBoundsAttr), StringRef("nn.requires")})
      if (Attribute sizes = infer->getAttr(name))
        f.b.getInsertionBlock()->getParentOp()->setAttr(name, sizes);
    for (unsigned i = 0; i < infer.getNumArguments(); ++i)
      if (auto name = infer.getArgAttrOfType<StringAttr>(i, kInputAttr))
        map.map(infer.getArgument(i), f.input(name.getValue(), infer.getArgumentTypes()[i]));
    Forward r;
    Operation *end = infer.front().getTerminator();
    r.labels = f.input(labelName(), labelType(*loss, end->getOperand(outputIndex)));
    for (unsigned i = 0; i < infer.getNumArguments(); ++i)
      if (StringAttr symbol = symbolOf(infer.getArgAttr(i, kVariableAttr)))
        map.map(infer.getArgument(i), f.variable(symbol, infer.getArgumentTypes()[i]));
    for (Operation &op : infer.front().without_terminator())
      f.b.clone(op, map);
    r.output = map.lookupOrDefault(end->getOperand(outputIndex));
    for (unsigned i = 0; keepChanges && i < infer.getNumResults(); ++i)
      if (StringAttr symbol = symbolOf(infer.getResultAttr(i, kVariableAttr)))
        f.assign(symbol, map.lookupOrDefault(end->getOperand(i)));
    return r;
  }
  Value lossOf(Function &f, Forward &r) {
    return meanOf(f.build, loss->each(f.build, r.labels, r.output, options.fromLogits));
  }
  FailureOr<SmallVector<Value>> gradients(Function &f, Value lossValue) {
    SmallVector<Value> wrt;
    for (Trained &t : trainable)
      wrt.push_back(f.variable(t.symbol, t.type));
    Value one = f.build.fullLike(lossValue, 1);
    return differentiate(f.b, f.build.loc, lossValue, one, wrt);
  }
  /// New values of variables and slots. A null gradient leaves a variable alone.
  void update(Function &f, ArrayRef<Value> grads) {
    Type i64 = stepType.getElementType();
    Value next = f.build.add(f.variable(steps, stepType), f.build.scalar(1, i64));
    for (auto [t, gradient] : llvm::zip(trainable, grads)) {
      if (!gradient)
        continue;
      Update u{
          f.build,  hyper, f.build.cast(next, Build::elem(gradient)), f.variable(t.symbol, t.type),
          gradient, {}};
      for (StringAttr slot : t.slots)
        u.slots.push_back(f.variable(slot, t.type));
      Value changed = optimizer->update(u);
      f.assign(t.symbol, changed);
      for (auto [slot, v] : llvm::zip(t.slots, u.slots))
        f.assign(slot, v);
    }
    f.assign(steps, next);
  }

  LogicalResult buildTrain() {
    Function f(module, "train", infer.getLoc());
    Forward r = forward(f, /*keepChanges=*/true);
    Value value = lossOf(f, r);
    auto grads = gradients(f, value);
    if (failed(grads)) {
      f.f.erase();
      return failure();
    }
    update(f, *grads);
    f.output("loss", value);
    f.finish();
    return success();
  }
  LogicalResult buildGrads() {
    Function f(module, "grads", infer.getLoc());
    Forward r = forward(f, /*keepChanges=*/true);
    Value value = lossOf(f, r);
    auto grads = gradients(f, value);
    if (failed(grads))
      return failure();
    f.output("loss", value);
    for (auto [t, gradient] : llvm::zip(trainable, *grads)) {
      t.reached = static_cast<bool>(gradient);
      if (gradient)
        f.output(t.symbol.getValue(), gradient);
    }
    f.finish();
    return success();
  }
  void buildApply() {
    Function f(module, "apply", infer.getLoc());
    SmallVector<Value> grads;
    for (Trained &t : trainable)
      grads.push_back(t.reached ? f.input(t.symbol.getValue(), t.type) : Value());
    update(f, grads);
    f.finish();
  }
  void buildEvaluate() {
    Function f(module, "evaluate", infer.getLoc());
    Forward r = forward(f, /*keepChanges=*/false);
    f.output("loss", lossOf(f, r));
    if (loss->right) {
      Value right = loss->right(f.build, r.labels, r.output, options.fromLogits);
      f.output("accuracy", meanOf(f.build, f.build.cast(right, Build::elem(r.output))));
    }
    f.finish();
  }
  void buildInit() {
    Function f(module, "init", infer.getLoc());
    auto reset = [&](StringAttr symbol) {
      f.assign(symbol, f.build.constant(symbols.lookup<VariableOp>(symbol).getValue()));
    };
    for (Trained &t : trainable) {
      reset(t.symbol);
      llvm::for_each(t.slots, reset);
    }
    reset(steps);
    f.finish();
  }

  struct Trained {
    StringAttr symbol;
    Type type;
    SmallVector<StringAttr> slots;
    bool reached = true; ///< the loss depends on it
  };
  ModuleOp module;
  SymbolTable symbols;
  const TrainOptions &options;
  OptimizerOptions hyper;
  const Loss *loss = nullptr;
  const Optimizer *optimizer = nullptr;
  func::FuncOp infer;
  unsigned outputIndex = 0;
  SmallVector<Trained> trainable;
  RankedTensorType stepType;
  StringAttr steps;
};

struct BuildTrainingPass : PassWrapper<BuildTrainingPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BuildTrainingPass)
  BuildTrainingPass() = default;
  BuildTrainingPass(const BuildTrainingPass &other)
      : PassWrapper(other), options(other.options), fixed(other.fixed) {}
  explicit BuildTrainingPass(TrainOptions options) : options(std::move(options)), fixed(true) {}
  StringRef getArgument() const override { return "nn-build-training"; }
  StringRef getDescription() const override {
    return "Add train, grads, apply, evaluate and init to a signature for inference";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<NnDialect, func::FuncDialect>();
  }
  void runOnOperation() override {
    if (!fixed) {
      options.loss = loss;
      options.fromLogits = fromLogits;
      options.optimizer = optimizer;
      options.signature = signature;
      options.hyper.learningRate = learningRate;
      options.hyper.momentum = momentum;
      options.hyper.nesterov = nesterov;
    }
    if (failed(buildTraining(getOperation(), options)))
      signalPassFailure();
  }
  TrainOptions options;
  bool fixed = false;
  Option<std::string> loss{*this, "loss", llvm::cl::desc("What to minimize"),
                           llvm::cl::init("mse")};
  Option<bool> fromLogits{*this, "from-logits", llvm::cl::desc("The output is logits"),
                          llvm::cl::init(false)};
  Option<std::string> optimizer{*this, "optimizer", llvm::cl::desc("sgd or adam"),
                                llvm::cl::init("adam")};
  Option<std::string> signature{*this, "signature", llvm::cl::desc("Which signature to train"),
                                llvm::cl::init("")};
  Option<double> learningRate{*this, "learning-rate", llvm::cl::desc("Negative: the default"),
                              llvm::cl::init(-1)};
  Option<double> momentum{*this, "momentum", llvm::cl::desc("Of sgd"), llvm::cl::init(0)};
  Option<bool> nesterov{*this, "nesterov", llvm::cl::desc("Of sgd"), llvm::cl::init(false)};
};

} // namespace

LogicalResult buildTraining(ModuleOp module, const TrainOptions &options) {
  return Builder(module, options).run();
}
std::unique_ptr<Pass> createBuildTrainingPass() { return std::make_unique<BuildTrainingPass>(); }
std::unique_ptr<Pass> createBuildTrainingPass(TrainOptions options) {
  return std::make_unique<BuildTrainingPass>(std::move(options));
}

} // namespace ingot::train
