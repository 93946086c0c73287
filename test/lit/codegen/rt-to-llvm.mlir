// RUN: ingot-opt --rt-to-llvm --split-input-file %s | FileCheck %s
// RUN: ingot-opt --rt-to-llvm --lower-to-llvm=cpu=haswell --split-input-file %s | FileCheck %s --check-prefix=LLVM

// LLVM-NOT: arith.

// The arena's size and all shapes are functions of the symbols; a dispatch stores
// its buffers and sizes and returns a bad status at once.

// CHECK: llvm.func hidden @model__f_arena_bytes(%{{.*}}: !llvm.ptr) -> i64
// CHECK: llvm.func hidden @model__f_shapes(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK-LABEL: llvm.func hidden @model__f_program
// CHECK-SAME: (%[[CTX:[^:]*]]: !llvm.ptr, %[[IN:[^:]*]]: !llvm.ptr, %[[OUT:[^:]*]]: !llvm.ptr, %[[VAR:[^:]*]]: !llvm.ptr, %[[CONST:[^:]*]]: !llvm.ptr, %[[SYM:[^:]*]]: !llvm.ptr, %[[ARENA:[^:]*]]: !llvm.ptr) -> i32
// CHECK: %[[BUFS:.*]] = llvm.alloca %{{.*}} x !llvm.ptr
// CHECK: %[[SIZES:.*]] = llvm.alloca %{{.*}} x i64
// CHECK: llvm.load %[[IN]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[SITE:.*]] = llvm.mlir.addressof @model__site0
// CHECK: %[[S:.*]] = llvm.call @ingot_rt_dispatch(%[[CTX]], %[[SITE]], %[[BUFS]], %[[SIZES]], %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: %[[BAD:.*]] = arith.cmpi ne, %[[S]]
// CHECK: llvm.cond_br %[[BAD]], ^[[EXIT:.*]](%[[S]] : i32), ^{{.*}}
// CHECK: llvm.intr.memcpy
// CHECK: ^[[EXIT]](%[[STATUS:.*]]: i32):
// CHECK-NEXT: llvm.return %[[STATUS]]
// CHECK: llvm.func hidden @model__k_mm(!llvm.ptr, !llvm.ptr, i64, i64, !llvm.ptr) -> i32
// CHECK-DAG: llvm.mlir.global internal constant @model__text0("mm\00")
// CHECK-DAG: llvm.mlir.global internal constant @model__text1("dense/MatMul, dense/BiasAdd\00")
// CHECK: llvm.func hidden @model__cost1
// CHECK: llvm.mlir.global external hidden constant @model__site0
#nodes = loc(fused["dense/MatMul", "dense/BiasAdd"])
module {
  rt.program @f attributes {arena = #nn.sizes<"2048*batch">, bindings = array<i64: 0, 0>, bounds = #nn.sizes<>, data_symbols = [], inputs = [{name = "x", type = tensor<?x512xf32, #nn.sizes<"batch">>}], outputs = [{name = "y", type = tensor<?x512xf32, #nn.sizes<"batch">>}], signature = "f", symbols = ["batch"]} {
    %a = rt.slice <0> <"2048*batch">
    %x = rt.input 0
    %y = rt.output 0
    %w = rt.constant @w
    rt.dispatch @kernels::@mm(%x, %w, %a) {chunk = 14 : i64, defines = [], grid = #nn.sizes<"batch">, scratch = #nn.sizes<0>, sizes = #nn.sizes<"batch">, flops = #nn.sizes<"524288*batch">, bytes = #nn.sizes<"4096*batch">} loc(#nodes)
    rt.copy %a to %y <"2048*batch">
  }
  rt.data @w dense<1.0> : tensor<512x512xf32>
}

// -----

// Loops write their counter, a while reads its flag, a data symbol is loaded after
// the kernel that defines it.

// CHECK: llvm.func hidden @model__loops_bounds
// CHECK-LABEL: llvm.func hidden @model__loops_program
// CHECK: llvm.call @ingot_rt_dispatch
// CHECK: ^[[HEAD:.*]](%[[I:.*]]: i64):
// CHECK-NEXT: arith.cmpi slt, %[[I]]
// CHECK-NEXT: llvm.cond_br
// CHECK: %[[C:.*]] = arith.trunci %[[I]] : i64 to i32
// CHECK-NEXT: llvm.store %[[C]]
// CHECK: llvm.br ^[[HEAD]]
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: "llvm.intr.memset"
module {
  nn.variable @v {value = dense<0.0> : tensor<4xf32>}
  rt.program @loops attributes {arena = #nn.sizes<128>, bindings = array<i64: 0, 0>, bounds = #nn.sizes<"n">, data_symbols = ["nz"], inputs = [{name = "x", type = tensor<?xi1, #nn.sizes<"n">>}], outputs = [{name = "y", type = tensor<?xi64, #nn.sizes<"nz">>}], signature = "loops", symbols = ["n"], writes_state} {
    %a = rt.slice <0> <4>
    %f = rt.slice <64> <1>
    %x = rt.input 0
    %y = rt.output 0
    %v = rt.variable @v
    rt.dispatch @kernels::@nz(%x, %y) {chunk = 1 : i64, defines = ["nz"], grid = #nn.sizes<1>, scratch = #nn.sizes<"64*n">, sizes = #nn.sizes<"n">}
    rt.for <"nz"> counter %a {
      rt.dispatch @kernels::@add(%v, %a, %v) {chunk = 1 : i64, defines = [], grid = #nn.sizes<1>, scratch = #nn.sizes<0>, sizes = #nn.sizes<>}
    }
    rt.while {
      rt.dispatch @kernels::@less(%v, %f) {chunk = 1 : i64, defines = [], grid = #nn.sizes<1>, scratch = #nn.sizes<0>, sizes = #nn.sizes<>}
      rt.condition %f
    } do {
      rt.if %f {
        rt.free %a <4>
      } else {
      }
    }
  }
}
