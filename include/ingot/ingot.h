/* Ingot: the C ABI of a compiled model.
 *
 * An artifact (.so, .a or .o) carries one `ingot_module`: a read-only
 * descriptor with the names, dtypes, shapes and signatures of the model and a
 * table of functions. A program gets it from `<model>_module()`, which the
 * generated header declares, or, after dlopen, from the symbol
 * `ingot_module_get`. Nothing has to be installed to use an artifact: this
 * text is also part of each generated header, and everything it declares is a
 * type or an inline function.
 *
 * Three things are kept apart:
 *   module   code and constants; immutable; one in a process
 *   state    the model's variables; shared by any number of contexts
 *   context  working memory and threads of one caller; one a concurrent caller
 *
 * Every function that can fail returns an `ingot_status`; the text of the last
 * failure in the calling thread is `ingot_message(module)`. No function
 * prints, exits or throws. Buffers of inputs and outputs are the caller's and
 * are used in place; alignment of an element is enough (64 bytes is fastest).
 *
 * Versions: `abi_version` is the first member of the descriptor for ever. A
 * program refuses a module whose version it does not know (`ingot_check`).
 * Within a version, structs only grow at their end, and `struct_size` says how
 * much of one is there.
 */
#ifndef INGOT_INGOT_H
#define INGOT_INGOT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INGOT_ABI_VERSION 1u
/** The largest rank of an input, output or variable. */
#define INGOT_MAX_RANK 8

/** Result of every call that can fail. 0 is success. */
typedef int32_t ingot_status;
enum {
  INGOT_OK = 0,
  INGOT_INVALID_ARGUMENT = 1, /**< null pointer, unknown index, negative size */
  INGOT_SHAPE_MISMATCH = 2,   /**< rank or size differs, named sizes disagree */
  INGOT_DTYPE_MISMATCH = 3,   /**< a tensor has another dtype than declared */
  INGOT_OUT_OF_RANGE = 4,     /**< an index in the data is out of range */
  INGOT_DIVIDE_BY_ZERO = 5,   /**< integer division or remainder by zero */
  INGOT_OUT_OF_MEMORY = 6,    /**< the allocator returned null */
  INGOT_CAPACITY = 7,         /**< an output buffer is too small */
  INGOT_BUSY = 8,             /**< state in use by a call that excludes this one */
  INGOT_UNSUPPORTED = 9,      /**< this processor or driver lacks something */
  INGOT_IO = 10,              /**< a file could not be read or written */
  INGOT_VERSION = 11,         /**< the module has another ABI version */
  INGOT_FAILED = 12           /**< the model itself reports an error */
};

/** Element types. Values never change. */
typedef int32_t ingot_dtype;
enum {
  INGOT_INVALID_DTYPE = 0,
  INGOT_BOOL = 1, /**< one byte, 0 or 1 */
  INGOT_I8 = 2,
  INGOT_I16 = 3,
  INGOT_I32 = 4,
  INGOT_I64 = 5,
  INGOT_U8 = 6,
  INGOT_U16 = 7,
  INGOT_U32 = 8,
  INGOT_U64 = 9,
  INGOT_F16 = 10,
  INGOT_BF16 = 11,
  INGOT_F32 = 12,
  INGOT_F64 = 13,
  INGOT_C64 = 14,   /**< two f32: real, imaginary */
  INGOT_C128 = 15,  /**< two f64 */
  INGOT_STRING = 16 /**< reserved: elements are ingot_string */
};

/** An element of a string tensor (reserved; no compiled model takes one yet).
 */
typedef struct ingot_string {
  const char *data;
  size_t size;
} ingot_string;

/** Bytes of one element of `dtype`; 0 for an unknown one. */
static inline size_t ingot_dtype_size(ingot_dtype dtype) {
  static const uint8_t size[17] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 16};
  return dtype > 0 && dtype < 17 ? size[dtype] : 0;
}

/** An input or output of a call: memory of the caller, dense and row-major. */
typedef struct ingot_tensor {
  void *data;      /**< may be null only if the tensor has no elements */
  size_t capacity; /**< bytes at `data`; checked for inputs and outputs */
  ingot_dtype dtype;
  int32_t rank;
  int64_t shape[INGOT_MAX_RANK]; /**< of an output: written by the call */
} ingot_tensor;

/** Bits of `ingot_value.flags`. */
enum {
  /** The shape depends on data: known only after the call. Before it,
   * `ingot_output_shapes` gives an upper bound. */
  INGOT_VALUE_DATA_DEPENDENT = 1u
};

/** Description of an input or output. */
typedef struct ingot_value {
  const char *name;
  ingot_dtype dtype;
  int32_t rank;
  const int64_t *dims;          /**< `rank` sizes; -1 where known at run time */
  const char *const *dim_names; /**< for each dim its size expression, such as
                                     "batch" or "2*len + 1"; null if static */
  uint32_t flags;
  uint32_t reserved;
} ingot_value;

/** Bits of `ingot_signature.flags`. */
enum {
  /** Calls change variables: no other call may use the state meanwhile. */
  INGOT_SIGNATURE_WRITES_STATE = 1u
};

/** Description of one entry point of the model. */
typedef struct ingot_signature {
  const char *name;
  uint32_t num_inputs, num_outputs;
  const ingot_value *inputs, *outputs;
  uint32_t num_sizes; /**< named sizes that the inputs bind */
  uint32_t flags;
  const char *const *sizes; /**< their names, such as "batch" */
} ingot_signature;

/** Bits of `ingot_variable.flags`. */
enum { INGOT_VARIABLE_TRAINABLE = 1u };

/** Description of one variable of the model's state. */
typedef struct ingot_variable {
  const char *name;
  ingot_dtype dtype;
  int32_t rank;
  const int64_t *dims;
  uint32_t flags;
  uint32_t reserved;
} ingot_variable;

typedef struct ingot_module ingot_module;
typedef struct ingot_state ingot_state;
typedef struct ingot_context ingot_context;
typedef struct ingot_functions ingot_functions;

/** The descriptor an artifact exports; see the head of this file. */
struct ingot_module {
  uint32_t abi_version;
  uint32_t struct_size;
  const char *name;     /**< the prefix of its C functions */
  const char *producer; /**< "ingot 0.1.0" */
  const char *target;   /**< triple and processor it was compiled for */
  uint32_t num_signatures, num_variables;
  const ingot_signature *signatures;
  const ingot_variable *variables;
  uint64_t weights_bytes;   /**< constants and initial values of variables */
  const char *weights_file; /**< name of the side file; null if embedded */
  const ingot_functions *functions;
  const void *internal;
};

/** Memory for arenas, states and contexts. `allocate` returns null when it
 * cannot; `alignment` is a power of two up to 4096. */
typedef struct ingot_allocator {
  void *(*allocate)(void *user, size_t bytes, size_t alignment);
  void (*release)(void *user, void *memory, size_t bytes);
  void *user;
} ingot_allocator;

/** A thread pool of the caller. `run` calls `task(argument, worker)` once for
 * every worker in [0, workers), in any order, at the same time where it can,
 * and returns when all have returned. Results do not depend on `workers`. */
typedef struct ingot_thread_pool {
  void (*run)(void *user, int32_t workers, void (*task)(void *argument, int32_t worker),
              void *argument);
  void *user;
  int32_t workers;
} ingot_thread_pool;

/** Options of a new context; zero everything and set `struct_size`. */
typedef struct ingot_context_options {
  uint32_t struct_size;             /**< sizeof(ingot_context_options) */
  int32_t threads;                  /**< 0: INGOT_NUM_THREADS, else all processors */
  ingot_state *state;               /**< null: the module's default state */
  const ingot_allocator *allocator; /**< null: malloc */
  const ingot_thread_pool *pool;    /**< null: the module's own */
} ingot_context_options;

/** Options of a new state; zero everything and set `struct_size`. */
typedef struct ingot_state_options {
  uint32_t struct_size;
  uint32_t reserved;
  const ingot_allocator *allocator; /**< null: malloc */
  const char *weights_path;         /**< where the side file lies; null: beside the
                                         artifact, else the working directory */
} ingot_state_options;

/** One row of a profile: a dispatch of a kernel in the model. */
typedef struct ingot_profile_row {
  const char *kernel; /**< name of the kernel */
  const char *nodes;  /**< the model's nodes it computes */
  uint64_t calls, nanoseconds;
  uint64_t flops, bytes; /**< over all calls; 0 if unknown */
} ingot_profile_row;

/** The functions of a module. Use the inline functions below. */
struct ingot_functions {
  uint32_t struct_size;
  uint32_t reserved;
  const char *(*message)(void);
  ingot_status (*state_create)(const ingot_module *, const ingot_state_options *, ingot_state **);
  void (*state_destroy)(ingot_state *);
  ingot_status (*state_get)(ingot_state *, uint32_t, void *, size_t);
  ingot_status (*state_set)(ingot_state *, uint32_t, const void *, size_t);
  ingot_status (*state_reset)(ingot_state *);
  ingot_status (*context_create)(const ingot_module *, const ingot_context_options *,
                                 ingot_context **);
  void (*context_destroy)(ingot_context *);
  ingot_state *(*context_state)(ingot_context *);
  ingot_status (*output_shapes)(ingot_context *, uint32_t, const ingot_tensor *, ingot_tensor *);
  ingot_status (*run)(ingot_context *, uint32_t, const ingot_tensor *, ingot_tensor *);
  ingot_status (*profile)(ingot_context *, int32_t);
  uint32_t (*profile_rows)(ingot_context *, ingot_profile_row *, uint32_t);
};

/** INGOT_OK if this header can use `module`. Call it after dlopen. */
static inline ingot_status ingot_check(const ingot_module *module) {
  if (!module)
    return INGOT_INVALID_ARGUMENT;
  return module->abi_version == INGOT_ABI_VERSION ? INGOT_OK : INGOT_VERSION;
}

/** Why the last failed call of this thread failed; "" if none has. Valid until
 * the thread's next failing call. */
static inline const char *ingot_message(const ingot_module *module) {
  return module->functions->message();
}

/** Index of the signature of that name, or -1. */
static inline int32_t ingot_find_signature(const ingot_module *module, const char *name) {
  uint32_t i;
  for (i = 0; i < module->num_signatures; ++i) {
    const char *a = module->signatures[i].name, *b = name;
    while (*a && *a == *b)
      ++a, ++b;
    if (*a == *b)
      return (int32_t)i;
  }
  return -1;
}

/** Index of the variable of that name, or -1. */
static inline int32_t ingot_find_variable(const ingot_module *module, const char *name) {
  uint32_t i;
  for (i = 0; i < module->num_variables; ++i) {
    const char *a = module->variables[i].name, *b = name;
    while (*a && *a == *b)
      ++a, ++b;
    if (*a == *b)
      return (int32_t)i;
  }
  return -1;
}

/** Makes a state with the variables' initial values. `options` may be null. */
static inline ingot_status ingot_state_create(const ingot_module *module,
                                              const ingot_state_options *options,
                                              ingot_state **state) {
  return module->functions->state_create(module, options, state);
}

/** Gives a state back; its memory goes with the last context that uses it.
 * Null is allowed. */
static inline void ingot_state_destroy(const ingot_module *module, ingot_state *state) {
  module->functions->state_destroy(state);
}

/** Copies variable `index` to `data`; `bytes` must be its size. INGOT_BUSY
 * while a call changes the state. */
static inline ingot_status ingot_state_get(const ingot_module *module, ingot_state *state,
                                           uint32_t index, void *data, size_t bytes) {
  return module->functions->state_get(state, index, data, bytes);
}

/** Sets variable `index` from `data`; `bytes` must be its size. INGOT_BUSY
 * while a call uses the state. */
static inline ingot_status ingot_state_set(const ingot_module *module, ingot_state *state,
                                           uint32_t index, const void *data, size_t bytes) {
  return module->functions->state_set(state, index, data, bytes);
}

/** Gives all variables their initial values again. */
static inline ingot_status ingot_state_reset(const ingot_module *module, ingot_state *state) {
  return module->functions->state_reset(state);
}

/** Makes a context. `options` may be null. */
static inline ingot_status ingot_context_create(const ingot_module *module,
                                                const ingot_context_options *options,
                                                ingot_context **context) {
  return module->functions->context_create(module, options, context);
}

/** Frees a context that no call is using. Null is allowed. */
static inline void ingot_context_destroy(const ingot_module *module, ingot_context *context) {
  module->functions->context_destroy(context);
}

/** The state a context works on; the module's default state if none was given
 * for it. It stays the owner's: do not destroy it. */
static inline ingot_state *ingot_context_state(const ingot_module *module, ingot_context *context) {
  return module->functions->context_state(context);
}

/** For inputs of these shapes (their data is not read) sets dtype, rank and
 * shape of each output and, as `capacity`, the bytes that it needs. A shape
 * that depends on data is given as its upper bound. */
static inline ingot_status ingot_output_shapes(const ingot_module *module, ingot_context *context,
                                               uint32_t signature, const ingot_tensor *inputs,
                                               ingot_tensor *outputs) {
  return module->functions->output_shapes(context, signature, inputs, outputs);
}

/** Runs a signature. `inputs` and `outputs` have as many entries as it
 * declares. Of each output the caller sets `data`, `capacity` and `dtype`; the
 * call sets `rank` and `shape`. Outputs may not overlap inputs or each other.
 * After a failure outputs, and variables the signature changes, are
 * unspecified. With one thread a call makes no allocation, lock or system call
 * once a call of at least this size has been made. */
static inline ingot_status ingot_run(const ingot_module *module, ingot_context *context,
                                     uint32_t signature, const ingot_tensor *inputs,
                                     ingot_tensor *outputs) {
  return module->functions->run(context, signature, inputs, outputs);
}

/** Starts (1) or stops (0) timing each kernel of this context; starting clears
 * the rows. */
static inline ingot_status ingot_profile(const ingot_module *module, ingot_context *context,
                                         int32_t enable) {
  return module->functions->profile(context, enable);
}

/** Copies up to `capacity` rows and returns how many there are. */
static inline uint32_t ingot_profile_rows(const ingot_module *module, ingot_context *context,
                                          ingot_profile_row *rows, uint32_t capacity) {
  return module->functions->profile_rows(context, rows, capacity);
}

#ifdef __cplusplus
}
#endif
#endif /* INGOT_INGOT_H */
