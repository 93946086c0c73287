// dlopen, the descriptor, and calls with tensors that own their memory.
#include "Artifact.h"
#include <dlfcn.h>
#include <fmt/format.h>
#include <map>
#include <stdexcept>

namespace ingot::cli {

Artifact::Artifact(const std::string &path, int threads) : path(path) {
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(fmt::format("{}: {}", path, dlerror()));
  auto get = reinterpret_cast<const ingot_module *(*)()>(dlsym(library, "ingot_module_get"));
  if (!get)
    throw std::runtime_error(fmt::format("{}: not a compiled model (it exports no ingot_module_get)", path));
  theModule = get();
  if (ingot_check(theModule) != INGOT_OK)
    throw std::runtime_error(fmt::format("{}: has ABI version {}, this program knows {}; compile the model again", path,
                                         theModule ? theModule->abi_version : 0, INGOT_ABI_VERSION));
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

uint32_t Artifact::signature(const std::string &name) const {
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

std::vector<Tensor> Artifact::inputs(uint32_t signature, const std::vector<std::string> &specs, bool fill,
                                     const std::vector<std::string> &sizes) const {
  const ingot_signature &s = theModule->signatures[signature];
  std::map<std::string, std::string> given;
  for (const std::string &spec : specs) {
    size_t eq = spec.find('=');
    if (eq == std::string::npos)
      throw std::runtime_error(fmt::format("--input {}: expected NAME=@file.npy or NAME=1x3xf32=0.5", spec));
    given[spec.substr(0, eq)] = spec.substr(eq + 1);
  }
  std::map<std::string, int64_t> named;
  for (const std::string &size : sizes) {
    size_t eq = size.find('=');
    if (eq == std::string::npos)
      throw std::runtime_error(fmt::format("--size {}: expected NAME=NUMBER", size));
    named[size.substr(0, eq)] = std::strtoll(size.c_str() + eq + 1, nullptr, 10);
  }
  std::vector<Tensor> result;
  for (uint32_t i = 0; i < s.num_inputs; ++i) {
    const ingot_value &v = s.inputs[i];
    auto it = given.find(v.name);
    if (it != given.end()) {
      result.push_back(parseTensor(it->second));
      given.erase(it);
      continue;
    }
    if (!fill) {
      std::string names;
      for (uint32_t k = 0; k < s.num_inputs; ++k)
        names += fmt::format("{}{}", k ? ", " : "", s.inputs[k].name);
      throw std::runtime_error(fmt::format("signature '{}' needs --input {}=... (its inputs: {})", s.name, v.name, names));
    }
    Tensor t;
    t.dtype = v.dtype;
    for (int32_t d = 0; d < v.rank; ++d) {
      int64_t size = v.dims[d];
      if (size < 0) {
        auto n = named.find(v.dim_names[d]);
        size = n == named.end() ? 1 : n->second;
      }
      t.shape.push_back(size);
    }
    t.data.resize(t.elements() * ingot_dtype_size(t.dtype));
    fillRandom(t, i + 1);
    result.push_back(std::move(t));
  }
  if (!given.empty())
    throw std::runtime_error(fmt::format("signature '{}' has no input '{}'", s.name, given.begin()->first));
  return result;
}

static std::vector<ingot_tensor> views(std::vector<Tensor> &tensors) {
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

void Artifact::run(uint32_t signature, std::vector<Tensor> &inputs, std::vector<Tensor> &outputs) const {
  auto in = views(inputs), out = views(outputs);
  check(ingot_run(theModule, theContext, signature, in.data(), out.data()), "failed");
  for (size_t i = 0; i < out.size(); ++i)
    outputs[i].shape.assign(out[i].shape, out[i].shape + out[i].rank);
}

} // namespace ingot::cli
