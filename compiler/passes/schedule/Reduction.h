// Reductions, windows and contractions in one normal form: accumulators, the
// dimensions they run over, the window clipping, one step.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_REDUCTION_H
#define INGOT_COMPILER_PASSES_SCHEDULE_REDUCTION_H

#include "compiler/passes/schedule/Emitter.h"
#include <functional>
#include <set>

namespace ingot::schedule {

/// Reads at position out * outScale + red * redScale - low of a dimension of
/// the given extent, of which only every `every`-th holds an element.
struct Window {
  int64_t outDim = -1; ///< -1: none; positions need no check
  int64_t outScale = 1, redScale = 1, every = 1;
  Extent low = 0, extent = 0; ///< extent counts the holes too
};

/// out[o...] = last accumulator after step(o, r, acc) for all r in order.
struct Reduction {
  mlir::Operation *op = nullptr;
  /// Dimensions that are reduced, outermost loop first, and their windows.
  llvm::SmallVector<Extent> extents;
  llvm::SmallVector<Window> windows;
  /// Start of the accumulators (scalars of compute types).
  llvm::SmallVector<mlir::Value> init;
  using Accumulators = llvm::SmallVector<mlir::Value, 2>;
  std::function<Accumulators(Emitter &, llvm::ArrayRef<Coord> out, llvm::ArrayRef<Coord> red,
                             llvm::ArrayRef<mlir::Value> acc)>
      step;
  /// Joins partial accumulators, in order.
  std::function<Accumulators(Emitter &, llvm::ArrayRef<mlir::Value>, llvm::ArrayRef<mlir::Value>)>
      join;
  /// Result from accumulators.
  unsigned resultOf = 0;
};

bool isReduction(mlir::Operation *op);
Reduction normalize(Emitter &e, mlir::Operation *op);

/// A set of result points that are reduced together in registers.
struct Tile {
  llvm::SmallVector<Coords> points;
  /// Result dimensions along which every tap of every point is inside.
  std::set<int64_t> interior;
};
/// Accumulators of all points, point by point.
llvm::SmallVector<mlir::Value> reduceTile(Emitter &e, const Reduction &r, const Tile &tile);

/// The scalar step of reduce kinds: acc (kind) value in the compute type.
mlir::Value combine(Emitter &e, nn::ReduceKind kind, mlir::Type element, mlir::Value acc,
                    mlir::Value value);
mlir::Value identity(Emitter &e, nn::ReduceKind kind, mlir::Type element);
/// acc + x * y, fused for floats.
mlir::Value multiplyAdd(Emitter &e, mlir::Value x, mlir::Value y, mlir::Value acc);

/// The pull rule of all of them: loops at the point where the value is needed.
mlir::Value pullReduction(Emitter &e, mlir::Operation *op, llvm::ArrayRef<Coord> at);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_REDUCTION_H
