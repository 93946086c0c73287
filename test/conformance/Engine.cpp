// See Engine.h. Compiles through the facade, as tools do.
#include "Engine.h"
#include "compiler/Compiler.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace ingot::conform {

namespace {
class InProcess : public Compiled {
public:
  explicit InProcess(std::unique_ptr<LoadedModel> model)
      : model(std::move(model)) {}
  const ingot_module *module() const override { return model->module(); }

private:
  std::unique_ptr<LoadedModel> model;
};

/// The graph as a file, gone at the end of the scope.
class GraphFile {
public:
  explicit GraphFile(StringRef bytes) {
    int fd;
    if (sys::fs::createTemporaryFile("ingot-case", "pb", fd, path))
      return;
    raw_fd_ostream out(fd, true);
    out << bytes;
  }
  ~GraphFile() { sys::fs::remove(path); }
  SmallString<128> path;
};
} // namespace

/// "nx4" of "nx4xf32"; empty if all sizes are static, when the graph says it.
static std::string unknownShape(StringRef type) {
  StringRef dims = type.rsplit('x').first;
  if (dims == type ||
      !any_of(dims, [](char c) { return c != 'x' && !isDigit(c); }))
    return "";
  return dims.str();
}

std::unique_ptr<Compiled> compile(const Case &test, std::string &message) {
  GraphFile file(test.graph);
  CompileOptions options;
  options.model.path = file.path.str().str();
  options.model.feeds = test.feeds;
  options.model.fetches = test.fetches;
  for (size_t i = 0; i < test.feeds.size(); ++i)
    if (std::string dims = unknownShape(test.shapes[i]); !dims.empty())
      options.model.shapes.push_back(test.feeds[i] + "=" + dims);
  options.name = "case";
  options.threads = 1;
  auto model = LoadedModel::compile(options, [&](const std::string &text) {
    message += (message.empty() ? "" : " | ") + text;
  });
  if (!model)
    return nullptr;
  return std::make_unique<InProcess>(std::move(model));
}

} // namespace ingot::conform
