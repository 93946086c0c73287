// The ways a case's graph is computed: compiled code, or the reference
// evaluator on the nn form, which shares no code with the lowerings.
#ifndef INGOT_TEST_CONFORMANCE_ENGINE_H
#define INGOT_TEST_CONFORMANCE_ENGINE_H

#include "CaseFile.h"
#include <memory>

namespace ingot::conform {

/// What one run of a case gave. Tensors point into `memory`.
struct RunResult {
  bool failed = false; ///< a status other than 0
  std::string message;
  std::vector<Tensor> outputs; ///< in the order of the case's fetches
  std::vector<std::vector<char>> memory;
};

/// A case ready to run.
class Engine {
public:
  virtual ~Engine() = default;
  virtual RunResult run(const Case &test, const Run &run) = 0;
};

/// Compiles a case; `way` is one of --engine. Null on failure, with what the
/// compiler says in `message`.
std::unique_ptr<Engine> makeCompiled(const Case &test, llvm::StringRef way, std::string &message);
/// Takes a case to nn and evaluates it there.
std::unique_ptr<Engine> makeReference(const Case &test, std::string &message);

/// The declared sizes of a feed as `--shape` takes them ("nx4" of "nx4xf32");
/// empty if all are static, when the graph says it.
std::string unknownShape(llvm::StringRef type);

/// The case's graph as a file, gone at the end of the scope.
class GraphFile {
public:
  explicit GraphFile(llvm::StringRef bytes);
  ~GraphFile();
  std::string path;
};

} // namespace ingot::conform

#endif
