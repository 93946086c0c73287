// The reference evaluator on the nn form: tests readers, import passes and
// legalization rules without any code generation.
#include "Engine.h"
#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/evaluate/Evaluate.h"
#include "compiler/frontend/Importer.h"
#include "compiler/passes/import/Legalize.h"
#include "compiler/passes/import/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace ingot::conform {

/// The MLIR type of a dtype, as the nn dialect spells it.
static Type toType(MLIRContext &context, ingot_dtype dtype) {
  Builder b(&context);
  auto integer = [&](unsigned bits, bool isUnsigned = false) -> Type {
    return isUnsigned ? IntegerType::get(&context, bits, IntegerType::Unsigned)
                      : IntegerType::get(&context, bits);
  };
  switch (dtype) {
  case INGOT_BOOL:
    return integer(1);
  case INGOT_I8:
    return integer(8);
  case INGOT_I16:
    return integer(16);
  case INGOT_I32:
    return integer(32);
  case INGOT_I64:
    return integer(64);
  case INGOT_U8:
    return integer(8, true);
  case INGOT_U16:
    return integer(16, true);
  case INGOT_U32:
    return integer(32, true);
  case INGOT_U64:
    return integer(64, true);
  case INGOT_F16:
    return b.getF16Type();
  case INGOT_BF16:
    return b.getBF16Type();
  case INGOT_F64:
    return b.getF64Type();
  case INGOT_C64:
    return ComplexType::get(b.getF32Type());
  case INGOT_C128:
    return ComplexType::get(b.getF64Type());
  default:
    return b.getF32Type();
  }
}

static ingot_dtype toDtype(MLIRContext &context, Type type) {
  for (ingot_dtype d = INGOT_BOOL; d <= INGOT_C128; ++d)
    if (toType(context, d) == type)
      return d;
  return INGOT_INVALID_DTYPE;
}

namespace {
class Reference : public Engine {
public:
  Reference() { context.loadDialect<graph::GraphDialect, nn::NnDialect, func::FuncDialect>(); }

  bool prepare(const Case &test, std::string &message);
  RunResult run(const Case &test, const Run &run) override;

private:
  MLIRContext context{MLIRContext::Threading::DISABLED};
  ImportedModel model;
  func::FuncOp signature;
};
} // namespace

bool Reference::prepare(const Case &test, std::string &message) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
    message += (message.empty() ? "" : " | ") + d.str();
    for (Diagnostic &note : d.getNotes())
      message += " | " + note.str();
    return success();
  });
  GraphFile file(test.graph);
  ImportOptions options;
  options.path = file.path;
  options.feeds = test.feeds;
  options.fetches = test.fetches;
  for (size_t i = 0; i < test.feeds.size(); ++i)
    if (std::string dims = unknownShape(test.shapes[i]); !dims.empty())
      options.shapes.push_back(test.feeds[i] + "=" + dims);
  auto imported = importModel(context, options);
  if (failed(imported))
    return false;
  model = std::move(*imported);
  PassManager passes(&context);
  buildSimplifyGraphPipeline(passes);
  passes.addPass(createLegalizeGraphToNnPass());
  if (failed(passes.run(*model.module)))
    return false;
  for (func::FuncOp f : model.module->getOps<func::FuncOp>())
    if (f->hasAttr("ingot.signature"))
      signature = f;
  return signature != nullptr;
}

RunResult Reference::run(const Case &test, const Run &run) {
  RunResult result;
  std::vector<evaluate::HostTensor> inputs;
  for (unsigned i = 0; i < signature.getNumArguments(); ++i) {
    auto name = signature.getArgAttrOfType<StringAttr>(i, "ingot.input");
    auto feed = llvm::find(test.feeds, name ? name.getValue() : "");
    if (feed == test.feeds.end()) {
      result.failed = true;
      result.message = llvm::formatv("argument {0} is no feed", i);
      return result;
    }
    const Tensor &tensor = run.feeds[feed - test.feeds.begin()];
    evaluate::HostTensor host(toType(context, tensor.dtype), tensor.shape);
    host.bytes.assign(tensor.bytes.begin(), tensor.bytes.end());
    inputs.push_back(std::move(host));
  }
  evaluate::Result got = evaluate::evaluate(signature, inputs);
  if (!got) {
    result.failed = true;
    result.message = got.message;
    return result;
  }
  for (const std::string &fetch : test.fetches) {
    Tensor tensor;
    for (unsigned i = 0; i < got.outputs.size(); ++i) {
      auto name = signature.getResultAttrOfType<StringAttr>(i, "ingot.output");
      if (!name || (name.getValue() != fetch && name.getValue() != fetch + ":0"))
        continue;
      evaluate::HostTensor &host = got.outputs[i];
      tensor.dtype = toDtype(context, host.dtype);
      tensor.shape.assign(host.dims.begin(), host.dims.end());
      result.memory.push_back(host.bytes);
      tensor.bytes = StringRef(result.memory.back().data(), result.memory.back().size());
    }
    result.outputs.push_back(tensor);
  }
  return result;
}

std::unique_ptr<Engine> makeReference(const Case &test, std::string &message) {
  auto engine = std::make_unique<Reference>();
  if (!engine->prepare(test, message))
    return nullptr;
  return engine;
}

} // namespace ingot::conform
