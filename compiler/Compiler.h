// The facade: what tools, Session and test runners call. It needs no MLIR.
#ifndef INGOT_COMPILER_COMPILER_H
#define INGOT_COMPILER_COMPILER_H

#include "ingot/ingot.h"
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ingot {

/// Which model, and which part of it. Texts are as on the command line.
struct ModelOptions {
  std::string path;                    ///< .pb, .pbtxt or SavedModel directory
  std::string tag = "serve";           ///< of the meta graph
  std::vector<std::string> signatures; ///< empty: all that users call
  std::vector<std::string> feeds;      ///< NAME[:DIMSxDTYPE]; cuts the graph
  std::vector<std::string> fetches;    ///< NAME
  std::vector<std::string> shapes;     ///< NAME=batchx784, NAME=1x224x224x3
};

/// A training step beside inference.
struct TrainingOptions {
  bool enabled = false;
  std::string loss, optimizer = "adam";
  bool fromLogits = false;
  double learningRate = -1; ///< negative: the optimizer's default
  double momentum = 0;
};

/// Arrays by the names of variables; their memory is the caller's.
using VariableValues = std::map<std::string, ingot_tensor>;

struct CompileOptions {
  ModelOptions model;
  TrainingOptions training;
  VariableValues variables; ///< not empty: instead of the model's values
  std::string triple, cpu;  ///< empty: the host
  std::string target = "cpu";
  std::string name;         ///< of the model in C; empty: from the output's name
  bool keepWeights = false; ///< weights stay variables that can be replaced
  bool sanitizeAddress = false, debugArena = false;
  bool group = true;    ///< false: one kernel an operation (for comparisons)
  unsigned threads = 0; ///< 0: all processors
  // What to write:
  std::string output, header, weights; ///< as in ArtifactOptions
  std::string emit;                    ///< a stage's name: write that instead
  std::string report;                  ///< .json file about the kernels
  std::string dumpDir;                 ///< every stage into this folder
};

/// What a compilation made.
struct CompileResult {
  std::string output, header, weights;
  uint64_t outputBytes = 0, weightsBytes = 0;
  unsigned kernels = 0;
  double seconds = 0;
};

/// Receives each message: "error: ..." with place, or "note: ...".
using MessageHandler = std::function<void(const std::string &)>;

/// Stages in order: name and one line about each.
struct StageInfo {
  const char *name, *description;
};
const std::vector<StageInfo> &stages();

/// Compiles a model and writes the artifact or the stage asked for. False after
/// errors; nothing is written then.
bool compile(const CompileOptions &options, CompileResult &result, const MessageHandler &message);

/// One input or output as people see it.
struct ValueDescription {
  std::string name, type; ///< "batchx784xf32"
};
struct SignatureDescription {
  std::string name;
  std::vector<ValueDescription> inputs, outputs;
};
struct OpDescription {
  std::string op;
  unsigned count = 0;
  bool supported = false;
};
struct ModelDescription {
  std::vector<SignatureDescription> signatures;
  std::vector<OpDescription> ops; ///< of the live part, by name
  uint64_t parameters = 0, trainableParameters = 0;
  uint64_t parameterBytes = 0;
  std::string flops; ///< of the default signature, a formula of its named sizes; empty if unknown
};
bool inspect(const ModelOptions &options, ModelDescription &result, const MessageHandler &message);

/// A model compiled into this process.
class LoadedModel {
public:
  static std::unique_ptr<LoadedModel> compile(const CompileOptions &options,
                                              const MessageHandler &message);
  ~LoadedModel();
  const ingot_module *module() const;

private:
  struct Impl;
  explicit LoadedModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// How far one tensor of compiled code is from the reference.
struct Comparison {
  std::string name, type;
  uint64_t elements = 0, wrong = 0;
  uint64_t undecided = 0; ///< elements that rounding alone decides (an argmax of equals)
  double maxError = 0;    ///< largest difference
  double maxUnits = 0;    ///< largest difference in units of what one rounding does
  double share = 0;       ///< largest difference over what is allowed; above 1 is wrong
  std::string worst;      ///< the element with it; "" if all are equal
};
struct KernelComparison {
  std::string kernel, kind, nodes;
  unsigned call = 0;   ///< 0, 1...: of several calls, in a loop or of one code
  std::string problem; ///< "" or what went wrong apart from values
  std::vector<Comparison> results;
  bool good() const;
};
struct VerifyReport {
  std::vector<Comparison> outputs;       ///< and variables that the call changes
  std::vector<KernelComparison> kernels; ///< in the order they run
};

/// A model compiled into this process beside its reference.
class VerifiedModel {
public:
  static std::unique_ptr<VerifiedModel> compile(const CompileOptions &options,
                                                const MessageHandler &message);
  ~VerifiedModel();
  const ingot_module *module() const;
  /// Compares a call of a signature, then each kernel if `kernels`. False, after
  /// a message, if they could not be compared.
  bool compareSignature(uint32_t signature, const std::vector<ingot_tensor> &inputs,
                        VerifyReport &report);
  bool compareKernels(uint32_t signature, const std::vector<ingot_tensor> &inputs,
                      VerifyReport &report);

private:
  struct Impl;
  explicit VerifiedModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace ingot

#endif // INGOT_COMPILER_COMPILER_H
