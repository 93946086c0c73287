// dlopen, the descriptor, and calls with tensors that own their memory.
#include "Artifact.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <stdexcept>

namespace ingot::cli {

/// Says about a file that is not a shared object what to do; the loader's own words do not.
static void expectSharedObject(const std::string &path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw std::runtime_error(fmt::format("{}: is a folder, expected a compiled model (.so); "
                                         "`ingot compile {} -o NAME.so` makes one",
                                         path, path));
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
  char head[18] = {}; // of an ELF header: magic, ..., the type at byte 16
  size_t bytes = std::fread(head, 1, sizeof head, file);
  std::fclose(file);
  if (bytes < sizeof head || std::memcmp(head, "\177ELF", 4) != 0 || head[16] != 3)
    throw std::runtime_error(fmt::format("{}: is no shared object; expected a model that "
                                         "`ingot compile MODEL -o NAME.so` made",
                                         path));
}

Artifact::Artifact(const std::string &path, int threads) : path(path) {
  expectSharedObject(path);
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(fmt::format("{}: {}", path, dlerror()));
  auto get = reinterpret_cast<const ingot_module *(*)()>(dlsym(library, "ingot_module_get"));
  if (!get)
    throw std::runtime_error(
        fmt::format("{}: not a compiled model (it exports no ingot_module_get)", path));
  theModule = get();
  if (ingot_check(theModule) != INGOT_OK)
    throw std::runtime_error(
        fmt::format("{}: has ABI version {}, this program knows {}; compile the model "
                    "again",
                    path, theModule ? theModule->abi_version : 0, INGOT_ABI_VERSION));
  ingot_context_options options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  check(ingot_context_create(theModule, &options, &theContext), "cannot make a context");
}

Artifact::~Artifact() {
  if (theContext)
    ingot_context_destroy(theModule, theContext);
  if (library)
    dlclose(library);
}

void Artifact::check(ingot_status status, const std::string &what) const {
  if (status != INGOT_OK)
    throw std::runtime_error(fmt::format("{}: {}: {}", path, what, ingot_message(theModule)));
}

uint32_t findSignature(const ingot_module *theModule, const std::string &name,
                       const std::string &path) {
  int32_t i = ingot_find_signature(theModule, name.empty() ? "serving_default" : name.c_str());
  if (i >= 0)
    return i;
  if (name.empty() && theModule->num_signatures > 0)
    return 0;
  std::string known;
  for (uint32_t s = 0; s < theModule->num_signatures; ++s)
    known += fmt::format("{}{}", s ? ", " : "", theModule->signatures[s].name);
  throw std::runtime_error(fmt::format("{}: has no signature '{}'; it has: {}", path, name, known));
}

/// "NAME=REST" to its two halves.
static std::pair<std::string, std::string> split(const std::string &text, const char *option,
                                                 const char *expected) {
  size_t eq = text.find('=');
  if (eq == std::string::npos || eq == 0)
    throw std::runtime_error(fmt::format("{} {}: expected {}", option, text, expected));
  return {text.substr(0, eq), text.substr(eq + 1)};
}

static std::string inputNames(const ingot_signature &s) {
  std::string names;
  for (uint32_t k = 0; k < s.num_inputs; ++k)
    names += fmt::format("{}{}", k ? ", " : "", s.inputs[k].name);
  return names;
}

static std::map<std::string, int64_t> parseSizes(const std::vector<std::string> &sizes) {
  std::map<std::string, int64_t> named;
  for (const std::string &size : sizes) {
    auto [name, number] = split(size, "--size", "NAME=NUMBER");
    char *end;
    long long value = std::strtoll(number.c_str(), &end, 10);
    if (number.empty() || *end || value < 0 || value > (1ll << 40))
      throw std::runtime_error(fmt::format("--size {}: '{}' is no size", size, number));
    named[name] = value;
  }
  return named;
}

static Tensor randomInput(const ingot_value &v, std::map<std::string, int64_t> &sizes,
                          uint64_t seed) {
  Tensor t;
  t.dtype = v.dtype;
  for (int32_t d = 0; d < v.rank; ++d) {
    if (v.dims[d] >= 0) { // only unknown sizes have names
      t.shape.push_back(v.dims[d]);
      continue;
    }
    auto named = sizes.find(v.dim_names[d]);
    t.shape.push_back(named == sizes.end() ? 1 : named->second);
  }
  t.data.resize(t.elements() * ingot_dtype_size(t.dtype));
  fillRandom(t, seed);
  return t;
}

std::vector<Tensor> makeInputs(const ingot_module *module, uint32_t signature,
                               const std::vector<std::string> &specs, bool fill,
                               const std::vector<std::string> &sizes) {
  const ingot_signature &s = module->signatures[signature];
  std::map<std::string, std::string> given;
  for (const std::string &spec : specs) {
    auto [name, value] = split(spec, "--input", "NAME=@file.npy or NAME=1x3xf32=0.5");
    if (!given.emplace(name, value).second)
      throw std::runtime_error(fmt::format("--input {} is given twice", name));
    bool known = false;
    for (uint32_t i = 0; i < s.num_inputs; ++i)
      known |= name == s.inputs[i].name;
    if (!known)
      throw std::runtime_error(fmt::format("signature '{}' has no input '{}'; its inputs: {}",
                                           s.name, name, inputNames(s)));
  }
  auto named = parseSizes(sizes);
  for (auto &[name, value] : named) {
    bool known = false;
    for (uint32_t i = 0; i < s.num_inputs; ++i)
      for (int32_t d = 0; d < s.inputs[i].rank; ++d)
        known |= s.inputs[i].dims[d] < 0 && name == s.inputs[i].dim_names[d];
    if (!known)
      throw std::runtime_error(fmt::format("signature '{}' has no size named '{}'", s.name, name));
  }
  std::vector<Tensor> result(s.num_inputs);
  std::vector<uint32_t> random;
  for (uint32_t i = 0; i < s.num_inputs; ++i) {
    auto it = given.find(s.inputs[i].name);
    if (it == given.end() && !fill)
      throw std::runtime_error(fmt::format("signature '{}' needs --input {}=... (its inputs: {})",
                                           s.name, s.inputs[i].name, inputNames(s)));
    if (it == given.end() || it->second == "random") {
      random.push_back(i);
      continue;
    }
    result[i] = parseTensor(it->second);
    for (int32_t d = 0; d < s.inputs[i].rank && d < static_cast<int32_t>(result[i].shape.size());
         ++d)
      if (s.inputs[i].dims[d] < 0)
        named.emplace(s.inputs[i].dim_names[d], result[i].shape[d]);
  }
  for (uint32_t i : random) // of the sizes that the others have
    result[i] = randomInput(s.inputs[i], named, i + 1);
  return result;
}

std::vector<ingot_tensor> views(std::vector<Tensor> &tensors) {
  std::vector<ingot_tensor> v;
  for (Tensor &t : tensors)
    v.push_back(t.view());
  return v;
}

std::vector<Tensor> Artifact::outputs(uint32_t signature, std::vector<Tensor> &inputs) const {
  auto in = views(inputs);
  std::vector<ingot_tensor> out(theModule->signatures[signature].num_outputs);
  check(ingot_output_shapes(theModule, theContext, signature, in.data(), out.data()), "cannot run");
  std::vector<Tensor> result(out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    result[i].dtype = out[i].dtype;
    result[i].shape.assign(out[i].shape, out[i].shape + out[i].rank);
    result[i].data.resize(out[i].capacity);
  }
  return result;
}

void Artifact::run(uint32_t signature, std::vector<Tensor> &inputs,
                   std::vector<Tensor> &outputs) const {
  auto in = views(inputs), out = views(outputs);
  check(ingot_run(theModule, theContext, signature, in.data(), out.data()), "failed");
  for (size_t i = 0; i < out.size(); ++i)
    outputs[i].shape.assign(out[i].shape, out[i].shape + out[i].rank);
}

} // namespace ingot::cli
