// Compiled code: through the facade and the C ABI, as an application uses them.
#include "Engine.h"
#include "compiler/Compiler.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace ingot::conform {

GraphFile::GraphFile(StringRef bytes) {
  int fd;
  SmallString<128> name;
  if (sys::fs::createTemporaryFile("ingot-case", "pb", fd, name))
    return;
  path = name.str().str();
  raw_fd_ostream out(fd, true);
  out << bytes;
}

GraphFile::~GraphFile() { sys::fs::remove(path); }

std::string unknownShape(StringRef type) {
  StringRef dims = type.rsplit('x').first;
  if (dims == type || !any_of(dims, [](char c) { return c != 'x' && !isDigit(c); }))
    return "";
  return dims.str();
}

namespace {
class Artifact : public Engine {
public:
  explicit Artifact(std::unique_ptr<LoadedModel> model)
      : model(std::move(model)), module(this->model->module()) {}
  ~Artifact() override { ingot_context_destroy(module, context); }

  bool open() {
    ingot_context_options options = {};
    options.struct_size = sizeof options;
    options.threads = 1;
    return !ingot_check(module) && module->num_signatures &&
           !ingot_context_create(module, &options, &context);
  }

  RunResult run(const Case &test, const Run &run) override;
  const char *message() const { return ingot_message(module); }

private:
  RunResult failure(const char *what) const {
    RunResult result;
    result.failed = true;
    result.message = formatv("{0}: {1}", what, ingot_message(module));
    return result;
  }

  std::unique_ptr<LoadedModel> model;
  const ingot_module *module;
  ingot_context *context = nullptr;
};
} // namespace

static ingot_tensor toAbi(const Tensor &tensor) {
  ingot_tensor result = {};
  result.data = const_cast<char *>(tensor.bytes.data());
  result.capacity = tensor.bytes.size();
  result.dtype = tensor.dtype;
  result.rank = static_cast<int32_t>(tensor.shape.size());
  for (size_t i = 0; i < tensor.shape.size() && i < INGOT_MAX_RANK; ++i)
    result.shape[i] = tensor.shape[i];
  return result;
}

/// Index by name, with or without the ":0" of a first output; -1 if missing.
static int find(const ingot_value *values, uint32_t count, StringRef name) {
  for (uint32_t i = 0; i < count; ++i)
    if (name == values[i].name || StringRef(values[i].name) == (name + ":0").str())
      return static_cast<int>(i);
  return -1;
}

RunResult Artifact::run(const Case &test, const Run &run) {
  const ingot_signature &signature = module->signatures[0];
  std::vector<ingot_tensor> inputs(signature.num_inputs), outputs(signature.num_outputs);
  for (size_t i = 0; i < test.feeds.size(); ++i) {
    int index = find(signature.inputs, signature.num_inputs, test.feeds[i]);
    if (index >= 0) // An input that no output needs may be gone.
      inputs[index] = toAbi(run.feeds[i]);
  }
  if (ingot_output_shapes(module, context, 0, inputs.data(), outputs.data()))
    return failure("output_shapes");
  RunResult result;
  for (ingot_tensor &output : outputs) {
    // Poisoned, so that an element that nothing writes is seen.
    result.memory.emplace_back(output.capacity, 0x5a);
    output.data = result.memory.back().data();
  }
  if (ingot_run(module, context, 0, inputs.data(), outputs.data()))
    return failure("run");
  for (const std::string &fetch : test.fetches) {
    int index = find(signature.outputs, signature.num_outputs, fetch);
    Tensor tensor;
    if (index >= 0) {
      const ingot_tensor &out = outputs[index];
      tensor.dtype = out.dtype;
      tensor.shape.assign(out.shape, out.shape + out.rank);
      size_t elements = 1;
      for (int64_t dim : tensor.shape)
        elements *= dim;
      tensor.bytes =
          StringRef(static_cast<char *>(out.data), elements * ingot_dtype_size(out.dtype));
    }
    result.outputs.push_back(tensor);
  }
  return result;
}

std::unique_ptr<Engine> makeCompiled(const Case &test, StringRef way, std::string &message) {
  GraphFile file(test.graph);
  CompileOptions options;
  options.model.path = file.path;
  options.model.feeds = test.feeds;
  options.model.fetches = test.fetches;
  for (size_t i = 0; i < test.feeds.size(); ++i)
    if (std::string dims = unknownShape(test.shapes[i]); !dims.empty())
      options.model.shapes.push_back(test.feeds[i] + "=" + dims);
  options.name = "case";
  options.threads = 1;
  options.group = way != "ungrouped";
  options.target = way == "gpu" ? "cuda" : "cpu";
  options.debugArena = way == "arena";
  options.sanitizeAddress = way == "address";
  auto model = LoadedModel::compile(
      options, [&](const std::string &text) { message += (message.empty() ? "" : " | ") + text; });
  if (!model)
    return nullptr;
  auto engine = std::make_unique<Artifact>(std::move(model));
  if (!engine->open()) {
    message += "no context: ";
    message += engine->message();
    return nullptr;
  }
  return engine;
}

} // namespace ingot::conform
