// Which operations of a block become one kernel: the partition, as data.
#ifndef INGOT_COMPILER_PASSES_GROUP_PARTITION_H
#define INGOT_COMPILER_PASSES_GROUP_PARTITION_H

#include "compiler/passes/group/Constness.h"
#include "compiler/passes/group/NeedGraph.h"

namespace ingot {

enum class KernelKind { Elementwise, Contraction, Window, Reduction, Row, Other };
llvm::StringRef kernelKindName(KernelKind kind);

/// One kernel to be.
struct Group {
  KernelKind kind = KernelKind::Elementwise;
  /// Computed operations in order; injective ones that feed them are cloned in
  /// when the kernel is made and are not listed.
  llvm::SmallVector<mlir::Operation *> ops;
  /// Shape of the root's result, and for reductions over trailing dimensions the
  /// shape that is reduced: what later operations may have to join.
  llvm::SmallVector<nn::SizeExpr> shape, rowShape;
  bool prepare = false;
  int node = -1; ///< in the graph of who needs whom
};

/// Partitions the operations of one block. Operations with regions, constants,
/// reshapes and the terminator stay outside.
class Partition {
public:
  Partition(mlir::Block &block, bool fuse);

  llvm::ArrayRef<Group> groups() const { return all; }
  /// The group that computes `op`, or -1.
  int groupOf(mlir::Operation *op) const {
    auto it = index.find(op);
    return it == index.end() ? -1 : it->second;
  }
  /// Injective (or small constant) operation that kernels clone instead of
  /// reading its result.
  bool isCloned(mlir::Operation *op) const { return cloned.contains(op); }

private:
  void place(mlir::Operation *op);
  void placeElementwise(mlir::Operation *op);
  void placePart(mlir::Operation *op);
  void placeReduction(nn::ReduceOp reduce);
  void placeInjective(mlir::Operation *op);
  /// A new group of `op` alone.
  int open(mlir::Operation *op, KernelKind kind);
  void join(int group, mlir::Operation *op);
  /// Elementwise groups of one shape that one operation reads become one, so that
  /// the gates of a cell are one kernel.
  void merge(int into, int from);
  bool mayMerge(int x, int y) const;
  bool feedsOnly(int x, int y) const;
  /// Operations whose results `op` reads, seen through cloned ones.
  void sources(mlir::Operation *op, llvm::SetVector<mlir::Operation *> &out) const;
  /// Notes what `op`, a part of `node`, needs.
  void note(mlir::Operation *op, int node);
  /// The group's kernel would have to run before `op`'s other operands are there.
  bool wouldCycle(int group, mlir::Operation *op) const;
  /// All results of `group` that `op` reads are read point by point, at the
  /// group's shape or (for row kernels) at the shapes of a row.
  bool readsPointwise(int group, mlir::Operation *op, bool asRow) const;
  bool mayClone(mlir::Operation *op) const;

  mlir::Block &block;
  bool fuse;
  Constness constness;
  llvm::SmallVector<Group> all;
  llvm::DenseMap<mlir::Operation *, int> index;
  /// A node for each group, and for each operation outside that reads something.
  NeedGraph order;
  llvm::DenseMap<mlir::Operation *, int> nodes;
  llvm::DenseSet<mlir::Operation *> cloned;
};

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_GROUP_PARTITION_H
