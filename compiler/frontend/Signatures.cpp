// See Signatures.h.
#include "compiler/frontend/Signatures.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Types.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <map>
#include <set>

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

/// Orders `output_2` before `output_10`.
static bool naturalLess(llvm::StringRef a, llvm::StringRef b) { return a.compare_numeric(b) < 0; }

std::optional<SmallVector<Dim>> frontend::parseDims(llvm::StringRef text) {
  SmallVector<Dim> dims;
  if (text.empty())
    return dims;
  SmallVector<llvm::StringRef> parts;
  text.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    Dim dim;
    if (part.empty())
      return std::nullopt;
    if (part != "?" && part.getAsInteger(10, dim.size)) {
      if (!llvm::isAlpha(part[0]) ||
          !llvm::all_of(part, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
        return std::nullopt;
      dim.size = -1;
      dim.name = part.str();
    } else if (part != "?" && dim.size < 0) {
      return std::nullopt;
    }
    dims.push_back(dim);
  }
  return dims;
}

Type frontend::parseDtype(llvm::StringRef text, MLIRContext *context) {
  static const std::pair<llvm::StringLiteral, proto::DataType> kNames[] = {
      {"f16", proto::DT_HALF},    {"bf16", proto::DT_BFLOAT16}, {"f32", proto::DT_FLOAT},
      {"f64", proto::DT_DOUBLE},  {"i1", proto::DT_BOOL},       {"i8", proto::DT_INT8},
      {"i16", proto::DT_INT16},   {"i32", proto::DT_INT32},     {"i64", proto::DT_INT64},
      {"ui8", proto::DT_UINT8},   {"ui16", proto::DT_UINT16},   {"ui32", proto::DT_UINT32},
      {"ui64", proto::DT_UINT64}, {"c64", proto::DT_COMPLEX64}, {"c128", proto::DT_COMPLEX128},
      {"str", proto::DT_STRING}};
  for (const auto &[name, dtype] : kNames)
    if (name == text)
      return elementType(context, dtype);
  return Type();
}

static std::optional<SmallVector<Dim>> dimsOf(const proto::TensorShapeProto &shape) {
  if (shape.unknown_rank())
    return std::nullopt;
  SmallVector<Dim> dims;
  for (const auto &dim : shape.dim())
    dims.push_back({dim.size() < 0 ? -1 : dim.size(), ""});
  return dims;
}

static std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "'" : ", '") + name + "'";
  return text.empty() ? "none" : text;
}

static FailureOr<Signature> readSignature(const std::string &name, const proto::SignatureDef &def,
                                          const Reporter &report) {
  Signature signature;
  signature.name = name;
  auto bad = [&](const std::string &tensor) -> FailureOr<Signature> {
    report.error() << "signature '" << name << "': '" << tensor
                   << "' is a sparse or composite tensor, which is not "
                      "supported";
    return failure();
  };
  for (const auto &[key, info] : def.inputs()) {
    if (info.encoding_case() != proto::TensorInfo::kName)
      return bad(key);
    Type type = elementType(report.getContext(), info.dtype());
    signature.inputs.push_back(
        {key, TensorName::parse(info.name()), type, dimsOf(info.tensor_shape())});
  }
  for (const auto &[key, info] : def.outputs()) {
    if (info.encoding_case() != proto::TensorInfo::kName)
      return bad(key);
    signature.outputs.push_back({key, TensorName::parse(info.name())});
  }
  llvm::sort(signature.inputs,
             [](const auto &a, const auto &b) { return naturalLess(a.name, b.name); });
  llvm::sort(signature.outputs,
             [](const auto &a, const auto &b) { return naturalLess(a.name, b.name); });
  return signature;
}

FailureOr<std::vector<Signature>> frontend::signaturesOf(const proto::MetaGraphDef &meta,
                                                         const ImportOptions &options,
                                                         const Reporter &report) {
  // Ordered, and without those that only TensorFlow calls.
  std::map<std::string, const proto::SignatureDef *> all;
  std::vector<std::string> names;
  for (const auto &[name, def] : meta.signature_def())
    if (!llvm::StringRef(name).starts_with("__saved_model_"))
      all[name] = &def;
  for (const auto &entry : all)
    names.push_back(entry.first);
  if (all.empty()) {
    report.error() << "has no signature to compile; name what it computes with "
                      "--feed and --fetch";
    return failure();
  }
  std::vector<Signature> result;
  for (const std::string &name : options.signatures.empty() ? names : options.signatures) {
    auto found = all.find(name);
    if (found == all.end()) {
      report.error() << "has no signature '" << name << "'; it has: " << joined(names);
      return failure();
    }
    auto signature = readSignature(name, *found->second, report);
    if (failed(signature))
      return failure();
    // A signature without outputs only changes variables, in TensorFlow.
    if (signature->outputs.empty() && options.signatures.empty())
      continue;
    result.push_back(std::move(*signature));
  }
  if (result.empty()) {
    report.error() << "has no signature with outputs; it has: " << joined(names);
    return failure();
  }
  return result;
}

/// `NAME[:DIMSxDTYPE]`: a suffix that does not end in a dtype is of the name.
static FailureOr<SignatureInput> parseFeed(llvm::StringRef text, const Reporter &report) {
  SignatureInput input;
  llvm::StringRef name = text;
  auto [head, tail] = text.rsplit(':');
  if (!tail.empty()) {
    auto [dims, dtype] =
        tail.contains('x') ? tail.rsplit('x') : std::make_pair(llvm::StringRef(), tail);
    if (Type type = parseDtype(dtype, report.getContext())) {
      input.elementType = type;
      input.shape = parseDims(dims);
      if (!input.shape) {
        report.error() << "--feed " << text << ": '" << dims << "' is not a shape such as 1x?x3";
        return failure();
      }
      name = head;
    }
  }
  input.tensor = TensorName::parse(name);
  input.name = input.tensor.str();
  return input;
}

/// Nodes that stand for the graph's results: outputs that nothing consumes,
/// without leftovers of TensorFlow 1 control flow.
static std::vector<std::string> sinksOf(const proto::GraphDef &graph, OpDefs &opDefs) {
  llvm::StringSet<> consumed, switches;
  for (const proto::NodeDef &node : graph.node())
    if (node.op() == "Switch" || node.op() == "RefSwitch")
      switches.insert(node.name());
  for (const proto::NodeDef &node : graph.node())
    for (llvm::StringRef input : node.input()) {
      input.consume_front("^");
      consumed.insert(input.split(':').first);
    }
  std::vector<std::string> sinks;
  for (const proto::NodeDef &node : graph.node()) {
    const proto::OpDef *op = opDefs.lookup(node.op());
    if (consumed.contains(node.name()) || (op && op->output_arg_size() == 0) ||
        node.op() == "Const" || node.op() == "Placeholder" || node.op() == "Exit" ||
        switches.contains(node.name()))
      continue;
    // The pivot of a branch, an Identity of a Switch.
    if (node.input_size() > 0 && switches.contains(llvm::StringRef(node.input(0)).split(':').first))
      continue;
    sinks.push_back(node.name());
  }
  // TensorFlow numbers nodes of one name in the order they were made (Identity,
  // Identity_1...), which a frozen graph's node order does not keep.
  auto key = [](llvm::StringRef name) {
    auto [base, number] = name.rsplit('_');
    unsigned n = 0;
    return number.empty() || number.getAsInteger(10, n) ? std::pair(name, 0u)
                                                        : std::pair(base, n + 1);
  };
  llvm::StringMap<size_t> first;
  for (auto [i, name] : llvm::enumerate(sinks))
    first.try_emplace(key(name).first, i);
  llvm::stable_sort(sinks, [&](llvm::StringRef x, llvm::StringRef y) {
    auto [bx, nx] = key(x);
    auto [by, ny] = key(y);
    return std::pair(first[bx], nx) < std::pair(first[by], ny);
  });
  return sinks;
}

FailureOr<std::vector<Signature>> frontend::signatureOfGraph(const proto::GraphDef &graph,
                                                             const ImportOptions &options,
                                                             OpDefs &opDefs,
                                                             const Reporter &report) {
  if (!options.signatures.empty()) {
    report.error() << "--signature needs a SavedModel and does not go with "
                      "--feed and --fetch";
    return failure();
  }
  Signature signature;
  signature.name = "serving_default";
  for (const std::string &text : options.feeds) {
    auto input = parseFeed(text, report);
    if (failed(input))
      return failure();
    signature.inputs.push_back(std::move(*input));
  }
  // Placeholders that no feed names are inputs too, if anything needs them.
  for (const proto::NodeDef &node : graph.node()) {
    bool fed = llvm::any_of(signature.inputs, [&](const SignatureInput &input) {
      return input.tensor.node == node.name();
    });
    if (node.op() == "Placeholder" && !fed)
      signature.inputs.push_back({node.name(), TensorName{node.name(), 0}, Type(), std::nullopt,
                                  /*implicit=*/true});
  }
  for (const std::string &text :
       options.fetches.empty() ? sinksOf(graph, opDefs) : options.fetches) {
    TensorName tensor = TensorName::parse(text);
    signature.outputs.push_back({tensor.str(), tensor});
  }
  if (signature.outputs.empty()) {
    report.error() << "has no node whose result is unused; name its outputs "
                      "with --fetch";
    return failure();
  }
  std::set<std::string> names;
  for (const SignatureInput &input : signature.inputs)
    if (!names.insert(input.name).second) {
      report.error() << "--feed " << input.name << " is given twice";
      return failure();
    }
  names.clear();
  for (const SignatureOutput &output : signature.outputs)
    if (!names.insert(output.name).second) {
      report.error() << "--fetch " << output.name << " is given twice";
      return failure();
    }
  return std::vector<Signature>{signature};
}

/// Gives every unknown dimension a name: the first one is `batch`.
static void nameDims(SignatureInput &input) {
  bool first = true;
  for (auto [i, dim] : llvm::enumerate(*input.shape)) {
    if (dim.size >= 0)
      continue;
    if (dim.name.empty()) {
      dim.name = "batch";
      if (!first) {
        dim.name = input.name + "_d" + std::to_string(i);
        for (char &c : dim.name)
          if (!llvm::isAlnum(c))
            c = '_';
        if (!llvm::isAlpha(dim.name[0]))
          dim.name = "n" + dim.name;
      }
    }
    first = false;
  }
}

/// Applies `NAME=dims` to an input: it may fix or name unknown dimensions.
static LogicalResult applyShape(SignatureInput &input, llvm::StringRef text,
                                const Reporter &report) {
  auto dims = parseDims(text);
  if (!dims)
    return report.error() << "--shape " << input.name << "=" << text
                          << " is not a shape such as batchx224x224x3";
  if (!input.shape) {
    input.shape = std::move(*dims);
    return success();
  }
  if (dims->size() != input.shape->size())
    return report.error() << "--shape " << input.name << "=" << text << " has " << dims->size()
                          << " dimensions, the input has " << input.shape->size();
  for (auto [i, dim] : llvm::enumerate(*input.shape)) {
    const Dim &wanted = (*dims)[i];
    if (dim.size < 0) {
      dim = wanted;
    } else if (wanted.size != dim.size) {
      return report.error() << "--shape " << input.name << "=" << text << ": dimension " << i
                            << " of the input is " << dim.size << " in the model";
    }
  }
  return success();
}

static LogicalResult completeInput(SignatureInput &input, llvm::StringMap<graph::NodeOp> &nodes,
                                   const llvm::StringMap<std::string> &shapes,
                                   const Reporter &report) {
  std::string name = input.tensor.str();
  std::replace(name.begin(), name.end(), ':', '_');
  graph::NodeOp node = nodes.lookup(name);
  if (node) {
    input.elementType = graph::elementTypeOf(node.getOutput(0));
    auto declared = node.shapeAttr("shape");
    if (declared && !input.shape) {
      input.shape.emplace();
      for (int64_t dim : *declared)
        input.shape->push_back({dim, ""});
    }
  }
  auto given = shapes.find(input.name);
  if (given != shapes.end() && failed(applyShape(input, given->second, report)))
    return failure();
  if (!input.shape)
    return report.error() << "input '" << input.name
                          << "' has an unknown rank: give its shape, such as "
                             "--shape "
                          << input.name << "=batchx784";
  SmallVector<int64_t> fixed;
  for (const Dim &dim : *input.shape)
    fixed.push_back(dim.size < 0 ? 1 : dim.size);
  if (!checkedNumElements(fixed, 16))
    return report.error() << "input '" << input.name << "' has far too large dimensions";
  nameDims(input);
  return success();
}

/// An input the user did not ask for and nothing needs.
static bool isUnused(const SignatureInput &input, const Signature &signature,
                     const llvm::StringMap<graph::NodeOp> &nodes) {
  graph::NodeOp node = nodes.lookup(input.tensor.node);
  return input.implicit && (!node || node->use_empty()) &&
         llvm::none_of(signature.outputs, [&](const SignatureOutput &output) {
           return output.tensor.node == input.tensor.node;
         });
}

static Attribute inputAttr(const SignatureInput &input, Builder &b) {
  SmallVector<Attribute> dims;
  for (const Dim &dim : *input.shape)
    dims.push_back(dim.size < 0 ? Attribute(b.getStringAttr(dim.name))
                                : b.getI64IntegerAttr(dim.size));
  return b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(input.name)),
                              b.getNamedAttr("node", b.getStringAttr(input.tensor.node)),
                              b.getNamedAttr("index", b.getI64IntegerAttr(input.tensor.output)),
                              b.getNamedAttr("shape", b.getArrayAttr(dims)),
                              b.getNamedAttr("type", TypeAttr::get(input.elementType))});
}

static Attribute outputAttr(const SignatureOutput &output, Builder &b) {
  return b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(output.name)),
                              b.getNamedAttr("node", b.getStringAttr(output.tensor.node)),
                              b.getNamedAttr("index", b.getI64IntegerAttr(output.tensor.output))});
}

LogicalResult frontend::attachSignatures(std::vector<Signature> &signatures, func::FuncOp main,
                                         const ImportOptions &options, const Reporter &report) {
  Builder b(main.getContext());
  llvm::StringMap<std::string> shapes;
  for (llvm::StringRef text : options.shapes) {
    auto [name, dims] = text.rsplit('=');
    bool known = llvm::any_of(signatures, [&, name = name](const Signature &s) {
      return llvm::any_of(s.inputs, [&](const auto &i) { return i.name == name; });
    });
    if (!known)
      return report.error() << "--shape " << text << ": no signature has an input '" << name << "'";
    shapes[name] = dims.str();
  }
  llvm::StringMap<graph::NodeOp> nodes;
  main.walk([&](graph::NodeOp node) { nodes[node.getName()] = node; });

  SmallVector<Attribute> list;
  for (Signature &signature : signatures) {
    SmallVector<Attribute> inputs, outputs;
    for (SignatureInput &input : signature.inputs) {
      if (isUnused(input, signature, nodes))
        continue;
      if (failed(completeInput(input, nodes, shapes, report)))
        return failure();
      inputs.push_back(inputAttr(input, b));
    }
    for (const SignatureOutput &output : signature.outputs)
      outputs.push_back(outputAttr(output, b));
    list.push_back(b.getDictionaryAttr({b.getNamedAttr("name", b.getStringAttr(signature.name)),
                                        b.getNamedAttr("inputs", b.getArrayAttr(inputs)),
                                        b.getNamedAttr("outputs", b.getArrayAttr(outputs))}));
  }
  auto module = main->getParentOfType<ModuleOp>();
  module->setAttr("graph.signatures", b.getArrayAttr(list));
  module->setAttr("graph.main", FlatSymbolRefAttr::get(main.getSymNameAttr()));
  return success();
}
