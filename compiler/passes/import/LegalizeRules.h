// What legalization rules are written with: the value of a graph edge (Datum),
// the node being legalized (Node), and the tables of rules by op family.
#ifndef INGOT_PASSES_IMPORT_LEGALIZERULES_H
#define INGOT_PASSES_IMPORT_LEGALIZERULES_H

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Build.h"
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include <memory>

namespace ingot::legalize {

using nn::Build;
using nn::Dims;
using nn::SizeExpr;

/// The elements of a small integer or bool tensor, as far as size expressions
/// reach: what shape arithmetic is evaluated on.
struct Known {
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<SizeExpr> values; ///< row-major

  static Known scalar(SizeExpr v) { return {{}, {std::move(v)}}; }
  static Known vector(llvm::ArrayRef<SizeExpr> v) {
    return {{static_cast<int64_t>(v.size())}, llvm::SmallVector<SizeExpr>(v)};
  }
  /// All elements, if every one is a number.
  std::optional<llvm::SmallVector<int64_t>> constants() const;
};
/// Tensors with more elements are data, not shapes.
constexpr int64_t kMaxKnown = 4096;

/// A TensorList or TensorArray: a tensor with the elements along dimension 0.
struct ListInfo {
  mlir::Type element;
  SizeExpr length;
  /// Dimensions of an element; none for those that the first write decides.
  std::optional<llvm::SmallVector<std::optional<SizeExpr>>> dims;
};

/// What is known of a graph value. Constants and known values become operations
/// only when a rule asks for the value.
struct Datum {
  mlir::RankedTensorType type; ///< null for a list without elements so far
  mlir::Value value;
  mlir::ElementsAttr constant;
  std::shared_ptr<const Known> known;
  std::shared_ptr<const ListInfo> list;

  /// Nothing: the node that should have made it was refused.
  bool poisoned() const { return !type && !list; }
  static Datum of(mlir::Value v);
  static Datum of(Known known, mlir::Type element);
  static Datum of(mlir::ElementsAttr constant);
};

class Legalizer;

/// One node under legalization: operands, attributes, results.
class Node {
public:
  Node(Legalizer &legalizer, graph::NodeOp op, llvm::ArrayRef<Datum> operands,
       mlir::OpBuilder &builder);

  graph::NodeOp op;
  Legalizer &legalizer;
  Build b;

  // Operands. Rules have at least the number of operands their record demands.
  unsigned size() const { return operands.size(); }
  const Datum &operand(unsigned i) const { return operands[i]; }
  mlir::Value in(unsigned i);
  void replaceOperand(unsigned i, Datum d) { operands[i] = std::move(d); }
  mlir::RankedTensorType type(unsigned i) const { return operands[i].type; }
  mlir::Type elem(unsigned i) const { return operands[i].type.getElementType(); }
  int64_t rank(unsigned i) const { return operands[i].type.getRank(); }
  Dims dims(unsigned i) const { return nn::dimsOf(operands[i].type); }
  const Known *known(unsigned i) const { return operands[i].known.get(); }
  /// The elements as size expressions, none if they are run-time values.
  std::optional<Dims> sizes(unsigned i) const;
  /// The elements as numbers.
  std::optional<llvm::SmallVector<int64_t>> ints(unsigned i) const;
  /// The only element as a number.
  std::optional<int64_t> integer(unsigned i) const;
  /// The only element of a constant float (or integer) tensor.
  std::optional<double> number(unsigned i) const;

  // Attributes with TensorFlow's defaults.
  int64_t intAttr(llvm::StringRef name, int64_t otherwise);
  bool boolAttr(llvm::StringRef name, bool otherwise);
  double floatAttr(llvm::StringRef name, double otherwise);
  llvm::StringRef stringAttr(llvm::StringRef name, llvm::StringRef otherwise);
  llvm::SmallVector<int64_t> intsAttr(llvm::StringRef name, llvm::ArrayRef<int64_t> otherwise = {});
  mlir::Type typeAttr(llvm::StringRef name, mlir::Type otherwise);

  // Results.
  unsigned numOutputs() { return op.getOutputs().size(); }
  /// The element type the graph declares for an output.
  mlir::Type outElem(unsigned i = 0) { return graph::elementTypeOf(op.getOutput(i)); }
  mlir::LogicalResult give(mlir::Value v) { return give(0, Datum::of(v)); }
  mlir::LogicalResult give(Datum d) { return give(0, std::move(d)); }
  mlir::LogicalResult give(Known k) { return give(0, Datum::of(std::move(k), outElem())); }
  mlir::LogicalResult give(unsigned i, Datum d);

  // Refusals: the reason goes into the one report.
  mlir::LogicalResult refuse(const llvm::Twine &why);
  /// Two sizes that must be equal: refuses if they cannot be, notes a condition
  /// that is checked at entry if that depends on run-time sizes.
  mlir::LogicalResult same(const SizeExpr &found, const SizeExpr &expected,
                           const llvm::Twine &what);
  /// `axis` counted from the end if negative; refuses one outside.
  mlir::LogicalResult axis(int64_t &axis, int64_t rank);
  mlir::LogicalResult needRank(unsigned i, int64_t rank, llvm::StringRef what);
  mlir::LogicalResult needSizes(unsigned i, llvm::StringRef what, Dims &sizes);
  mlir::LogicalResult needInts(unsigned i, llvm::StringRef what,
                               llvm::SmallVectorImpl<int64_t> &ints);
  mlir::LogicalResult needBroadcast(unsigned i, unsigned j);

  llvm::SmallVector<Datum> results;
  /// Graph values of the enclosing block that something needs.
  const llvm::DenseSet<mlir::Value> *live = nullptr;
  bool isLive(unsigned i) { return !live || live->contains(op.getOutput(i)); }

private:
  llvm::SmallVector<Datum> operands;
};

using RuleFn = mlir::LogicalResult (*)(Node &);

/// One record for each TensorFlow op.
struct Rule {
  llvm::StringRef op;
  unsigned minOperands;
  RuleFn fn;
  llvm::StringRef notes = "";
  bool takesLists = false;
};

/// The rules of a family, in files of that name.
using Table = llvm::ArrayRef<Rule>;
Table elementwiseRules();
Table complexRules();
Table shapeRules();
Table indexRules();
Table mathRules();
Table convRules();
Table gradientRules();
Table listRules();
Table controlRules();

/// Text of a type for people: batchx784xf32.
std::string describe(mlir::Type type);
std::string describe(llvm::ArrayRef<SizeExpr> dims);

/// Takes superfluous variables out of the function's loops.
void mergeLoopVariables(mlir::func::FuncOp f);

/// Walks graph functions and applies the rules.
class Legalizer {
public:
  explicit Legalizer(mlir::ModuleOp module);
  mlir::LogicalResult run();

  /// Legalizes the nodes of `block` that its results need, at the builder's
  /// insertion point, and returns the data of the terminator's operands.
  /// Without `wanted` all results are made; others come back poisoned.
  llvm::SmallVector<Datum> inlineBlock(mlir::Block &block, llvm::ArrayRef<Datum> arguments,
                                       mlir::OpBuilder &builder,
                                       std::optional<llvm::ArrayRef<bool>> wanted = std::nullopt,
                                       llvm::DenseMap<mlir::Value, Datum> *scope = nullptr);
  /// The value of a datum, made at the insertion point if there is none yet.
  mlir::Value materialize(const Datum &d, mlir::OpBuilder &builder, mlir::Location loc);
  mlir::func::FuncOp lookup(mlir::FlatSymbolRefAttr name);

  void refuse(graph::NodeOp op, llvm::ArrayRef<Datum> operands, const llvm::Twine &why);
  /// How many nodes were refused so far, and a way back for another attempt.
  size_t refusals() const { return report.size(); }
  void forgetRefusals(size_t count);
  /// Notes that two sizes must be equal, which is checked at entry.
  void require(const SizeExpr &a, const SizeExpr &b) { requirements.push_back({a.str(), b.str()}); }
  /// Notes that the sizes of two shapes must broadcast, aligned at the end;
  /// with `oneWay` only x may be 1.
  void requireBroadcast(llvm::ArrayRef<SizeExpr> x, llvm::ArrayRef<SizeExpr> y,
                        bool oneWay = false);
  /// A new data symbol of the current function, at most `bound`.
  std::string dataSymbol(const SizeExpr &bound);
  /// Operations made since the current node began: verified after its rule. A
  /// rule that erases what it made clears this.
  std::vector<mlir::Operation *> created;
  int loopDepth = 0;

private:
  void signature(mlir::func::FuncOp f, mlir::func::FuncOp &made);
  bool argumentTypes(mlir::func::FuncOp f, llvm::SmallVectorImpl<mlir::Type> &types);
  void node(graph::NodeOp op, llvm::DenseMap<mlir::Value, Datum> &scope,
            const llvm::DenseSet<mlir::Value> &live, mlir::OpBuilder &builder);
  std::string invalidOp();
  void foldResults(Node &n);
  void finish(mlir::func::FuncOp f);
  bool emitReport();

  struct Refusal {
    graph::NodeOp op;
    std::string operands, why;
  };
  mlir::ModuleOp module;
  llvm::StringMap<const Rule *> rules;
  std::vector<Refusal> report;
  llvm::DenseSet<mlir::Operation *> refused;
  std::vector<std::pair<std::string, std::string>> requirements;
  std::vector<std::pair<std::string, std::string>> bounds;
  int depth = 0;
};

} // namespace ingot::legalize

#endif // INGOT_PASSES_IMPORT_LEGALIZERULES_H
