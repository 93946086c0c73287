/* The private ABI between generated code and the runtime of the same artifact.
 *
 * Both are made by one compiler and linked together, so nothing here is
 * versioned. Generated code is: kernels, one host program for each signature,
 * and the tables below (`ingot_rt_module`). docs/abi.md, "Host program", says
 * the same in prose.
 */
#ifndef INGOT_RUNTIME_CORE_ABI_INTERNAL_H
#define INGOT_RUNTIME_CORE_ABI_INTERNAL_H

#include "ingot/ingot.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A kernel: computes units [lo, hi) of its grid. Returns 0 or a status. */
typedef int32_t ingot_rt_kernel(void *const *buffers, const int64_t *sizes, int64_t lo, int64_t hi,
                                void *scratch);

/** One dispatch in a host program (a constant; one for each dispatch op). */
typedef struct ingot_rt_site {
  ingot_rt_kernel *kernel;
  const char *name;  /**< the kernel's name */
  const char *nodes; /**< graph nodes it computes, for people; never null */
  /** Writes {floating-point operations, bytes moved} of one dispatch with
   * these sizes to `cost`. Null if unknown. */
  void (*cost)(const int64_t *sizes, int64_t *cost);
  int32_t index; /**< 0, 1, 2... over all sites of the module */
  int32_t reserved;
} ingot_rt_site;

/** A kernel on a GPU. In the sites of a module with a `device`, `kernel` is the
 * address of one of these; `grid` of the dispatch counts blocks and `chunk` is
 * the threads of one. Its parameters are the addresses of the buffers (global
 * memory, aligned to 64 bytes), then the sizes as 64-bit integers. */
typedef struct ingot_rt_device_kernel {
  const char *name;
  uint32_t num_buffers, num_sizes;
  uint32_t index; /**< 0, 1, 2... over all kernels of the module */
  uint32_t reserved;
} ingot_rt_device_kernel;

/** GPU code: PTX text, ended by a zero byte, or a cubin. */
typedef struct ingot_rt_device_image {
  const void *data;
  uint64_t bytes;
  uint32_t arch;  /**< compute capability times 10 */
  uint32_t exact; /**< 0: for this and all later ones; else for this alone */
} ingot_rt_device_image;

/** What a module for a GPU has besides. Memory of its states and contexts is
 * the device's; host programs only pass addresses on. */
typedef struct ingot_rt_device {
  const struct ingot_rt_device_functions *functions; /**< runtime/core/device.h */
  const ingot_rt_device_image *images;
  const ingot_rt_device_kernel *const *kernels; /**< by index */
  uint32_t num_images, num_kernels;
} ingot_rt_device;

/** A host program. Called after the runtime has checked everything: shapes,
 * dtypes, pointers, capacities, symbols bound, arena large enough.
 *   inputs     data of each input, in signature order; never written
 *   outputs    data of each output, large enough for the bound of its shape
 *   variables  data of each variable of the module, in module order; a program
 *              of a signature that writes state updates them in place
 *   constants  data of each constant of the module, in module order
 *   symbols    entry symbols, then data symbols; the program writes the latter
 *   arena      `arena_bytes(symbols)` bytes, 64-byte aligned, undefined content
 * Returns 0 or a status (of ingot_rt_dispatch or ingot_rt_fail) at once. */
typedef int32_t ingot_rt_program(ingot_context *context, void *const *inputs, void *const *outputs,
                                 void *const *variables, const void *const *constants,
                                 int64_t *symbols, char *arena);

/** Where an entry symbol is bound: a dimension of an input. */
typedef struct ingot_rt_binding {
  int32_t input, dim;
} ingot_rt_binding;

/** The private half of a signature. */
typedef struct ingot_rt_signature {
  ingot_rt_program *program;
  /** Bytes of the arena; `symbols` as at entry (data symbols at their bound).
   */
  int64_t (*arena_bytes)(const int64_t *symbols);
  /** Writes the sizes of all inputs, then all outputs (`rank` of each). */
  void (*shapes)(const int64_t *symbols, int64_t *dims);
  /** Writes the upper bound of each data symbol into `symbols`, from the entry
   * symbols in it. Null if there are none. */
  void (*bounds)(int64_t *symbols);
  const ingot_rt_binding *bindings; /**< one for each entry symbol */
  uint32_t num_entry_symbols;       /**< = ingot_signature.num_sizes */
  uint32_t num_data_symbols;
  uint32_t num_dims; /**< how many `shapes` writes */
  uint32_t reserved;
} ingot_rt_signature;

/** A constant: `bytes` at `offset` of the weights, 64-byte aligned. `data`,
 * where not null, is its address instead (compile-time loader). */
typedef struct ingot_rt_constant {
  const void *data;
  uint64_t offset, bytes;
} ingot_rt_constant;

/** Offset of a variable's initial value that is all zeros. */
#define INGOT_RT_ZERO_INIT UINT64_MAX

/** Bytes that a module gives the runtime for what changes. */
#define INGOT_RT_INSTANCE_BYTES 1024

/** `ingot_module.internal`. */
typedef struct ingot_rt_module {
  const ingot_module *module;
  const ingot_rt_signature *signatures;
  const ingot_rt_constant *constants;
  const ingot_rt_constant *initial; /**< of each variable */
  const char *weights;              /**< null when they are in a side file */
  uint64_t weights_file_offset;     /**< of byte 0 of the weights in it */
  uint64_t weights_file_check;      /**< hash of the side file's header */
  uint32_t num_constants;
  uint32_t num_sites;
  const ingot_rt_site *const *sites; /**< by index; for the profile */
  uint64_t cpu_features;             /**< INGOT_RT_CPU_* bits it needs */
  void *instance;                    /**< INGOT_RT_INSTANCE_BYTES of zeros, 64-byte aligned, that
                                          the runtime owns */
  const ingot_rt_device *device;     /**< null: everything runs on the CPU */
} ingot_rt_module;

/** Processor features an artifact may need (x86-64). */
enum {
  INGOT_RT_CPU_SSE42 = 1u << 0,
  INGOT_RT_CPU_AVX = 1u << 1,
  INGOT_RT_CPU_AVX2 = 1u << 2,
  INGOT_RT_CPU_FMA = 1u << 3,
  INGOT_RT_CPU_F16C = 1u << 4,
  INGOT_RT_CPU_BMI2 = 1u << 5,
  INGOT_RT_CPU_AVX512 = 1u << 6, /**< F, BW, CD, DQ, VL */
  INGOT_RT_CPU_AVX512_BF16 = 1u << 7,
  INGOT_RT_CPU_AVX512_VNNI = 1u << 8,
  INGOT_RT_CPU_AMX = 1u << 9
};

/* What a host program may call (hidden symbols of the runtime). Besides these,
 * generated code may call memcpy, memset and memmove. */

/** Runs `site->kernel` over units [0, grid) in ranges that begin at multiples
 * of `chunk` (>= 1), on the context's threads. `grid` <= 0 does nothing.
 * `buffers` and `sizes` as the kernel ABI says. `scratch` bytes are given to
 * each call (0: null). Returns 0 or the status of the lowest failing range;
 * the message names the kernel and its nodes. */
int32_t ingot_rt_dispatch(ingot_context *context, const ingot_rt_site *site, void *const *buffers,
                          const int64_t *sizes, int64_t grid, int64_t chunk, int64_t scratch);

/** Copies `bytes` between buffers of a device. Host programs for the CPU call
 * memcpy instead. */
int32_t ingot_rt_copy(ingot_context *context, void *to, const void *from, int64_t bytes);

/** Records `message` (copied) for the caller and returns `status`:
 * `return ingot_rt_fail(ctx, INGOT_FAILED, "...")`. */
int32_t ingot_rt_fail(ingot_context *context, int32_t status, const char *message);

/** Body of a typed function `<model>_<signature>`: runs `signature` with plain
 * pointers. A null context takes one of the module's own. `sizes` are the
 * entry symbols. `capacities` (elements) and `shapes` (where to write `rank`
 * sizes) are read only for outputs whose shape depends on data. */
int32_t ingot_rt_call(const ingot_module *module, ingot_context *context, uint32_t signature,
                      const void *const *inputs, void *const *outputs, const int64_t *sizes,
                      const int64_t *capacities, int64_t *const *shapes);

/** Ends what the module keeps by itself: threads, idle contexts, the default
 * state. For the in-memory loader, before it frees the module's tables. */
void ingot_rt_release(const ingot_module *module);

/** The table every module's `functions` points to. */
extern const ingot_functions ingot_rt_functions;

#ifdef __cplusplus
}
#endif
#endif /* INGOT_RUNTIME_CORE_ABI_INTERNAL_H */
