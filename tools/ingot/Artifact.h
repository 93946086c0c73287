// A compiled model opened by dlopen, through the public C ABI.
#ifndef INGOT_TOOLS_ARTIFACT_H
#define INGOT_TOOLS_ARTIFACT_H

#include "Values.h"
#include <memory>

namespace ingot::cli {

/// Index of the signature; empty: serving_default, else the first. Unknown
/// names are an error that lists what there is, and begins with `where`.
uint32_t findSignature(const ingot_module *module, const std::string &name,
                       const std::string &where);
/// Inputs in signature order from NAME=SPEC arguments. `fill`: inputs that are
/// not given get random data, their unknown sizes from `sizes` (NAME=VALUE) or
/// 1; else they are an error.
std::vector<Tensor> makeInputs(const ingot_module *module, uint32_t signature,
                               const std::vector<std::string> &specs, bool fill,
                               const std::vector<std::string> &sizes = {});
std::vector<ingot_tensor> views(std::vector<Tensor> &tensors);

/// Owns the library, one context and, while a signature is being run, its
/// outputs. Errors are std::runtime_error.
class Artifact {
public:
  Artifact(const std::string &path, int threads);
  ~Artifact();
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;

  const ingot_module *module() const { return theModule; }
  ingot_context *context() const { return theContext; }
  uint32_t signature(const std::string &name) const { return findSignature(theModule, name, path); }
  /// Outputs large enough for these inputs.
  std::vector<Tensor> outputs(uint32_t signature, std::vector<Tensor> &inputs) const;
  void run(uint32_t signature, std::vector<Tensor> &inputs, std::vector<Tensor> &outputs) const;

private:
  void check(ingot_status status, const std::string &what) const;
  std::string path;
  void *library = nullptr;
  const ingot_module *theModule = nullptr;
  ingot_context *theContext = nullptr;
};

} // namespace ingot::cli

#endif // INGOT_TOOLS_ARTIFACT_H
