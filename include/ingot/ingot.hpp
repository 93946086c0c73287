// Ingot: C++17 wrapper of the C ABI of compiled models. Header-only: RAII for
// contexts, states and shared objects, exceptions for statuses.
//
//   #include "mlp.h"                      // generated
//   #include <ingot/ingot.hpp>
//   ingot::Context context{ingot::Module(mlp_module())};
//   std::vector<ingot::Array> y =
//       context.run("serving_default", {ingot::view(x, {32, 784})});
//   const float *probabilities = y[0].data<float>();
#ifndef INGOT_INGOT_HPP
#define INGOT_INGOT_HPP

#include "ingot.h"

#include <complex>
#include <dlfcn.h>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ingot {

/// A call that failed: what() is its message.
class Error : public std::runtime_error {
public:
  Error(ingot_status status, const std::string &message)
      : std::runtime_error(message), code(status) {}
  ingot_status status() const noexcept { return code; }

private:
  ingot_status code;
};

/// The dtype of a C++ type; float16 and such have none and are given by hand.
template <typename T> constexpr ingot_dtype dtypeOf() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, bool>)
    return INGOT_BOOL;
  else if constexpr (std::is_same_v<U, float>)
    return INGOT_F32;
  else if constexpr (std::is_same_v<U, double>)
    return INGOT_F64;
  else if constexpr (std::is_same_v<U, std::complex<float>>)
    return INGOT_C64;
  else if constexpr (std::is_same_v<U, std::complex<double>>)
    return INGOT_C128;
  else if constexpr (std::is_integral_v<U> && std::is_signed_v<U>)
    return sizeof(U) == 1   ? INGOT_I8
           : sizeof(U) == 2 ? INGOT_I16
           : sizeof(U) == 4 ? INGOT_I32
                            : INGOT_I64;
  else if constexpr (std::is_integral_v<U>)
    return sizeof(U) == 1   ? INGOT_U8
           : sizeof(U) == 2 ? INGOT_U16
           : sizeof(U) == 4 ? INGOT_U32
                            : INGOT_U64;
  else
    return INGOT_INVALID_DTYPE;
}

/// An input or output that lies in memory of the caller.
inline ingot_tensor view(void *data, size_t bytes, ingot_dtype dtype,
                         const std::vector<int64_t> &shape) {
  if (shape.size() > INGOT_MAX_RANK)
    throw Error(INGOT_SHAPE_MISMATCH, "ingot::view: rank above 8");
  ingot_tensor t = {};
  t.data = data;
  t.capacity = bytes;
  t.dtype = dtype;
  t.rank = static_cast<int32_t>(shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    t.shape[i] = shape[i];
  return t;
}

template <typename T>
ingot_tensor view(T *data, size_t elements, const std::vector<int64_t> &shape) {
  static_assert(dtypeOf<T>() != INGOT_INVALID_DTYPE, "give the dtype by hand");
  return view(const_cast<std::remove_cv_t<T> *>(data), elements * sizeof(T), dtypeOf<T>(), shape);
}

template <typename T>
ingot_tensor view(const std::vector<T> &data, const std::vector<int64_t> &shape) {
  return view(data.data(), data.size(), shape);
}

/// An array that owns its memory (64-byte aligned).
class Array {
public:
  Array() = default;
  Array(ingot_dtype dtype, std::vector<int64_t> shape, size_t bytes)
      : elementType(dtype), sizes(std::move(shape)), memory(bytes ? new char[bytes + 64] : nullptr),
        bytes(bytes) {}

  ingot_dtype dtype() const { return elementType; }
  const std::vector<int64_t> &shape() const { return sizes; }
  int64_t size() const {
    int64_t n = 1;
    for (int64_t d : sizes)
      n *= d;
    return n;
  }
  void *raw() const {
    auto p = reinterpret_cast<uintptr_t>(memory.get());
    return reinterpret_cast<void *>((p + 63) & ~uintptr_t(63));
  }
  /// The elements; throws if they are no Ts.
  template <typename T> T *data() const {
    if (dtypeOf<T>() != elementType && sizeof(T) != 2)
      throw Error(INGOT_DTYPE_MISMATCH, "ingot::Array: another dtype");
    return static_cast<T *>(raw());
  }
  ingot_tensor tensor() const { return view(raw(), bytes, elementType, sizes); }

private:
  friend class Context;
  ingot_dtype elementType = INGOT_INVALID_DTYPE;
  std::vector<int64_t> sizes;
  std::unique_ptr<char[]> memory;
  size_t bytes = 0;
};

/// A compiled model: one linked into the program or a shared object.
class Module {
public:
  /// `net_module()` of a generated header.
  explicit Module(const ingot_module *module) : m(module) { check(); }
  /// Opens the shared object at `path`; it stays open as long as something uses it.
  explicit Module(const std::string &path) {
    // Without a slash dlopen would search the system's folders instead.
    std::string file = path.find('/') == std::string::npos ? "./" + path : path;
    void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      throw Error(INGOT_IO, dlerror());
    library = std::shared_ptr<void>(handle, [](void *h) { dlclose(h); });
    using Get = const ingot_module *();
    auto *get = reinterpret_cast<Get *>(dlsym(handle, "ingot_module_get"));
    if (!get)
      throw Error(INGOT_INVALID_ARGUMENT, path + ": not a model compiled by Ingot");
    m = get();
    check();
  }

  const ingot_module *get() const { return m; }
  std::string name() const { return m->name; }
  /// Index of a signature; throws if there is none of that name.
  uint32_t signature(const std::string &name) const {
    int32_t index = ingot_find_signature(m, name.c_str());
    if (index < 0)
      throw Error(INGOT_INVALID_ARGUMENT, this->name() + ": no signature '" + name + "'");
    return static_cast<uint32_t>(index);
  }
  uint32_t variable(const std::string &name) const {
    int32_t index = ingot_find_variable(m, name.c_str());
    if (index < 0)
      throw Error(INGOT_INVALID_ARGUMENT, this->name() + ": no variable '" + name + "'");
    return static_cast<uint32_t>(index);
  }
  /// Throws the message of a failed call.
  void expect(ingot_status status) const {
    if (status != INGOT_OK)
      throw Error(status, ingot_message(m));
  }

private:
  void check() const {
    ingot_status status = ingot_check(m);
    if (status != INGOT_OK)
      throw Error(status, "the model has another version of the ABI");
  }
  const ingot_module *m = nullptr;
  std::shared_ptr<void> library;
};

/// Variables of a model.
class State {
public:
  explicit State(Module module) : module(std::move(module)) {
    this->module.expect(ingot_state_create(this->module.get(), nullptr, &state));
  }
  State(State &&other) noexcept
      : module(other.module), state(std::exchange(other.state, nullptr)) {}
  State &operator=(State &&other) noexcept {
    std::swap(module, other.module);
    std::swap(state, other.state);
    return *this;
  }
  ~State() { ingot_state_destroy(module.get(), state); }

  ingot_state *get() const { return state; }
  template <typename T> void read(const std::string &variable, std::vector<T> &values) const {
    module.expect(ingot_state_get(module.get(), state, module.variable(variable), values.data(),
                                  values.size() * sizeof(T)));
  }
  template <typename T> void write(const std::string &variable, const std::vector<T> &values) {
    module.expect(ingot_state_set(module.get(), state, module.variable(variable), values.data(),
                                  values.size() * sizeof(T)));
  }
  void reset() { module.expect(ingot_state_reset(module.get(), state)); }

private:
  Module module;
  ingot_state *state = nullptr;
};

/// Working memory of one caller.
class Context {
public:
  /// `threads` 0: INGOT_NUM_THREADS or all processors. Without a state the
  /// model's default state.
  explicit Context(Module module, int threads = 0, const State *state = nullptr)
      : module(std::move(module)) {
    ingot_context_options options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    options.state = state ? state->get() : nullptr;
    this->module.expect(ingot_context_create(this->module.get(), &options, &context));
  }
  Context(Context &&other) noexcept
      : module(other.module), context(std::exchange(other.context, nullptr)) {}
  Context &operator=(Context &&other) noexcept {
    std::swap(module, other.module);
    std::swap(context, other.context);
    return *this;
  }
  ~Context() { ingot_context_destroy(module.get(), context); }

  ingot_context *get() const { return context; }

  /// Runs into memory of the caller: allocates nothing.
  void run(uint32_t signature, const ingot_tensor *inputs, ingot_tensor *outputs) {
    module.expect(ingot_run(module.get(), context, signature, inputs, outputs));
  }

  /// Runs and returns new arrays.
  std::vector<Array> run(const std::string &signature, const std::vector<ingot_tensor> &inputs) {
    uint32_t index = module.signature(signature);
    const ingot_signature &s = module.get()->signatures[index];
    if (inputs.size() != s.num_inputs)
      throw Error(INGOT_INVALID_ARGUMENT, module.name() + ": '" + signature + "' takes " +
                                              std::to_string(s.num_inputs) + " inputs");
    std::vector<ingot_tensor> outputs(s.num_outputs);
    module.expect(ingot_output_shapes(module.get(), context, index, inputs.data(), outputs.data()));
    std::vector<Array> arrays;
    for (ingot_tensor &t : outputs) {
      arrays.emplace_back(t.dtype, shapeOf(t), t.capacity);
      t.data = arrays.back().raw();
    }
    run(index, inputs.data(), outputs.data());
    for (size_t i = 0; i < arrays.size(); ++i)
      arrays[i].sizes = shapeOf(outputs[i]);
    return arrays;
  }

private:
  static std::vector<int64_t> shapeOf(const ingot_tensor &t) {
    return std::vector<int64_t>(t.shape, t.shape + t.rank);
  }
  Module module;
  ingot_context *context = nullptr;
};

} // namespace ingot

#endif // INGOT_INGOT_HPP
