"""Mistakes to plant: what, where, the text to find (once; white space as it
comes), what to put there, and the suite that must notice.
"""

PULL = "compiler/passes/schedule/Pull.cpp"
LOOPS = "compiler/passes/schedule/Loops.cpp"
REDUCTION = "compiler/passes/schedule/Reduction.cpp"
BUFFERS = "compiler/passes/program/Buffers.cpp"
GRADIENTS = "compiler/passes/train/ElementwiseGradients.cpp"
OPTIMIZERS = "compiler/passes/train/Optimizers.cpp"
CONTRACTION = "compiler/passes/train/ContractionGradients.cpp"

MUTANTS = [
    ("transpose_axes", "a transpose reads its axes the wrong way round", PULL,
     "x[p] = at[i];", "x[i] = at[p];", "conformance --only Transpose"),
    ("slice_stride", "a slice forgets its stride", PULL,
     "e.ir.scale(c, s.getStrides()[i])", "e.ir.scale(c, 1)", "conformance --only StridedSlice"),
    ("reverse_end", "a reversed dimension starts one too late", PULL,
     "e.ir.add(asCoord(shape[d]), Coord(-1))", "asCoord(shape[d])", "conformance --only ReverseV2"),
    ("concat_boundary", "the second operand of a concatenation starts one too late", PULL,
     "SizeExpr end = start + dimOf(x.getType(), dim);", "SizeExpr end = start + dimOf(x.getType(), dim) + 1;",
     "conformance --only ConcatV2"),
    ("gather_bounds", "an index out of range is no error", PULL,
     "e.raise(outside, Status::OutOfRange);", "(void)outside;", "conformance --only GatherV2"),
    ("lane_tail", "the lanes left over at the end of a row are dropped", LOOPS,
     "if (pos < n) acc =", "if (pos + 1 < n) acc =", "conformance --only Tanh MatMul"),
    ("row_strips", "a last single row of an unknown number of rows is dropped", LOOPS,
     "for (; power >= 1 && s.rows > 1; power /= 2)", "for (; power >= 2 && s.rows > 1; power /= 2)",
     "models --only mlp lenet --no-training"),
    ("unit_tail", "the last block of a dimension is taken as a whole one", LOOPS,
     "size = Extent(ir.min(ir.sub(ir.index(n), base), ir.index(a.block)));", "size = Extent(ir.index(a.block));",
     "conformance --only Relu Exp AddV2"),
    ("window_padding", "a window's low padding is forgotten", REDUCTION,
     "c = e.ir.add(c, Coord(-w.low.value));", "c = e.ir.add(c, Coord(0));", "conformance --only Conv2D/float32 AvgPool"),
    ("arg_ties", "the last of equal maxima wins", REDUCTION,
     "isMax ? arith::CmpFPredicate::OGT", "isMax ? arith::CmpFPredicate::OGE", "conformance --only ArgMax"),
    ("conv_dilation", "a convolution forgets its dilation", REDUCTION,
     "op.getRhsDilation()[i], op.getLhsDilation()[i], e.extent(low)", "1, op.getLhsDilation()[i], e.extent(low)",
     "conformance --only Conv2D/float32"),
    ("in_place", "any result may lie where an operand is", BUFFERS,
     "if (!allowed) edge(def, use);", "(void)allowed;", "models --only lenet mlp lstm"),
    ("loop_liveness", "a value needed after a while loop may be overwritten in it", BUFFERS,
     "body |= after; body.set(action.flag);", "body.set(action.flag);", "unit"),
    ("branch_liveness", "what only the second branch reads is taken for dead", BUFFERS,
     "live |= other; break;", "break;", "unit"),
    ("arena_overlap", "buffers in use at the same time may overlap", "compiler/passes/program/ArenaLayout.cpp",
     "compare(end[other], candidate) || compare(last, begin[other])",
     "compare(end[other], candidate) || compare(candidate, begin[other])", "models --only lenet digits lstm"),
    ("last_chunk", "the last, shorter chunk of a grid is not run", "runtime/core/dispatch.cpp",
     "int64_t chunks = (grid - 1) / chunk + 1;", "int64_t chunks = grid > chunk ? grid / chunk : 1;",
     "models --only mlp lenet lstm"),
    ("relu_gradient", "relu's gradient passes everything", GRADIENTS,
     "UNARY(ReluOp, dy * mask(test(gt, y, 0), dy));", "UNARY(ReluOp, dy);", "models --only mlp"),
    ("sub_gradient", "the sign of a subtrahend's gradient", GRADIENTS,
     "BINARY(SubOp, dz, -dz);", "BINARY(SubOp, dz, dz);", "unit"),
    ("adam_bias", "Adam's first moment is not corrected for its start", OPTIMIZERS,
     "Value alpha = b.div(rate, b.sub(one, power1));", "Value alpha = rate;", "models --only mlp"),
    ("momentum", "SGD's velocity is not kept", OPTIMIZERS,
     "u.slots[0] = velocity;", "", "models --only mlp"),
    ("complex_product", "a product's real part adds what it should subtract", "compiler/passes/group/ComplexFunctions.cpp",
     "re * y.re - im * y.im", "re * y.re + im * y.im", "unit"),
    ("complex_parts", "a kernel takes the imaginary part for the real one", "compiler/passes/schedule/Emitter.cpp",
     "lanes.push_back(2 * i + part);", "lanes.push_back(2 * i + 1 - part);", "unit"),
    ("conjugate", "gradients of holomorphic functions are not conjugated", "compiler/passes/train/Differentiate.cpp",
     "if (!isHolomorphic(op))", "if (true)", "unit"),
    ("conv_gradient_padding", "the gradient of a convolution is shifted by one", CONTRACTION,
     "low.push_back(before);", "low.push_back(before + 1);", "models --only lenet"),
    ("checksum", "a wrong checksum of a tensor is accepted", "compiler/frontend/TensorBundle.cpp",
     "if (maskCrc32c(crc) == entry.crc32c())", "if (maskCrc32c(crc) == entry.crc32c() || true)", "errors"),
    ("input_rank", "an input's rank is not checked", "runtime/core/context.cpp",
     "if (t.rank != s.value->rank) {", "if (t.rank < 0) {", "errors"),
    ("input_size", "an input's sizes are not checked", "runtime/core/context.cpp",
     "(want >= 0 && t.shape[d] != want)", "(want >= 0 && t.shape[d] < 0)", "errors"),
]
