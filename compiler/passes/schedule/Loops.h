// The loops of a kernel: units of the grid, register tiles, rows.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_LOOPS_H
#define INGOT_COMPILER_PASSES_SCHEDULE_LOOPS_H

#include "compiler/passes/schedule/Emitter.h"
#include "compiler/passes/schedule/Reduction.h"

namespace ingot::schedule {

/// Positions base + [0, size) of a dimension.
struct Range {
  mlir::Value base; ///< null: 0
  Extent size;
};

/// Runs `body` for every unit in [lo, hi) with the ranges of the dimensions
/// that the unit covers; `units` cuts a space of the given shape.
void forEachUnit(Emitter &e, llvm::ArrayRef<UnitAxis> units, llvm::ArrayRef<Extent> shape,
                 mlir::Value lo, mlir::Value hi,
                 llvm::function_ref<void(llvm::ArrayRef<Range>)> body);

/// Vectors along a range: tiles of `vecs` vectors, single vectors, one masked.
/// `body` gets the position of the tile (without the lane) and its vectors; the
/// emitter's mask is set in the masked one.
void forEachLaneTile(Emitter &e, const Range &range, int64_t vecs,
                     llvm::function_ref<void(Coord, int64_t)> body);
/// The same with values carried from tile to tile.
llvm::SmallVector<mlir::Value>
carryLaneTiles(Emitter &e, const Range &range, int64_t vecs, llvm::SmallVector<mlir::Value> init,
               llvm::function_ref<llvm::SmallVector<mlir::Value>(Coord, int64_t,
                                                                 llvm::SmallVector<mlir::Value>)>
                   body);

/// Tiles of rows x vecs x lanes over one space; root (or null) is reduced in
/// registers for each tile. Writes `results`, all of that space's shape.
void emitTiles(Emitter &e, const Schedule &s, mlir::Operation *root,
               llvm::ArrayRef<unsigned> results, mlir::Value lo, mlir::Value hi);
/// Row by row: the reductions in order, then the results.
void emitRows(Emitter &e, mlir::Value lo, mlir::Value hi);
/// All elements as one sequence.
void emitFlat(Emitter &e, mlir::Value lo, mlir::Value hi);
/// Each result by itself, in one unit.
void emitSerial(Emitter &e, mlir::Value lo, mlir::Value hi);

/// Kernels of one operation in an order of its own; see findSpecial.
void emitSpecial(Emitter &e, mlir::Value lo, mlir::Value hi);
mlir::Value pullMaxPoolGrad(Emitter &e, mlir::Operation *op, llvm::ArrayRef<Coord> at);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_LOOPS_H
