// See CaseFile.h.
#include "CaseFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace ingot::conform {

static ingot_dtype parseDtype(StringRef text) {
  static const std::pair<StringRef, ingot_dtype> table[] = {
      {"i1", INGOT_BOOL},  {"i8", INGOT_I8},   {"i16", INGOT_I16},   {"i32", INGOT_I32},
      {"i64", INGOT_I64},  {"ui8", INGOT_U8},  {"ui16", INGOT_U16},  {"ui32", INGOT_U32},
      {"ui64", INGOT_U64}, {"f16", INGOT_F16}, {"bf16", INGOT_BF16}, {"f32", INGOT_F32},
      {"f64", INGOT_F64},  {"c64", INGOT_C64}, {"c128", INGOT_C128}};
  for (auto &[name, dtype] : table)
    if (name == text)
      return dtype;
  return INGOT_INVALID_DTYPE;
}

namespace {
/// Cuts the file into pieces and remembers whether it was long enough.
class Cutter {
public:
  explicit Cutter(StringRef data) : rest(data) {}
  StringRef take(size_t size) {
    if (size > rest.size()) {
      good = false;
      size = rest.size();
    }
    StringRef piece = rest.take_front(size);
    rest = rest.drop_front(size);
    return piece;
  }
  StringRef rest;
  bool good = true;
};
} // namespace

static Tensor readTensor(const json::Value &value, Cutter &cutter) {
  Tensor tensor;
  const json::Object *object = value.getAsObject();
  if (!object)
    return tensor;
  tensor.dtype = parseDtype(object->getString("dtype").value_or(""));
  size_t elements = 1;
  if (const json::Array *shape = object->getArray("shape"))
    for (const json::Value &dim : *shape) {
      tensor.shape.push_back(dim.getAsInteger().value_or(0));
      elements *= tensor.shape.back();
    }
  tensor.bytes = cutter.take(elements * ingot_dtype_size(tensor.dtype));
  return tensor;
}

static std::vector<std::string> strings(const json::Array *array) {
  std::vector<std::string> result;
  if (array)
    for (const json::Value &value : *array)
      result.push_back(value.getAsString().value_or("").str());
  return result;
}

static Rule readRule(const json::Value &value) {
  Rule rule;
  if (const json::Object *object = value.getAsObject()) {
    rule.zero = object->getBoolean("zero").value_or(false);
    rule.ulp = object->getInteger("ulp").value_or(0);
    rule.atol = object->getNumber("atol").value_or(0);
    rule.rtol = object->getNumber("rtol").value_or(0);
  }
  return rule;
}

static Run readRun(const json::Object &object, Cutter &cutter) {
  Run run;
  run.error = object.getBoolean("error").value_or(false);
  if (const json::Array *feeds = object.getArray("feeds"))
    for (const json::Value &value : *feeds)
      run.feeds.push_back(readTensor(value, cutter));
  if (const json::Array *fetches = object.getArray("fetches"))
    for (const json::Value &value : *fetches)
      run.fetches.push_back(readTensor(value, cutter));
  if (const json::Array *truth = object.getArray("truth"))
    for (const json::Value &value : *truth)
      run.truth.push_back(value.getAsObject() ? std::optional<Tensor>(readTensor(value, cutter))
                                              : std::nullopt);
  run.truth.resize(run.fetches.size());
  return run;
}

static bool readCase(Cutter &cutter, Case &result, std::string &error) {
  uint32_t length = support::endian::read32le(cutter.take(4).data());
  Expected<json::Value> header = json::parse(cutter.take(length));
  if (!header) {
    error = toString(header.takeError());
    return false;
  }
  const json::Object *object = header->getAsObject();
  if (!object) {
    error = "a case's header is not an object";
    return false;
  }
  result.name = object->getString("name").value_or("").str();
  result.graph = cutter.take(object->getInteger("graph").value_or(0));
  result.feeds = strings(object->getArray("feeds"));
  result.fetches = strings(object->getArray("fetches"));
  if (const json::Object *shapes = object->getObject("shapes"))
    for (const std::string &feed : result.feeds)
      result.shapes.push_back(shapes->getString(feed).value_or("").str());
  if (const json::Array *rules = object->getArray("rules"))
    for (const json::Value &value : *rules)
      result.rules.push_back(readRule(value));
  if (const json::Array *runs = object->getArray("runs"))
    for (const json::Value &value : *runs)
      if (const json::Object *run = value.getAsObject())
        result.runs.push_back(readRun(*run, cutter));
  result.rules.resize(result.fetches.size());
  if (!cutter.good)
    error = "the file is cut off in case " + result.name;
  return cutter.good;
}

bool readCases(StringRef data, std::vector<Case> &cases, std::string &error) {
  if (!data.consume_front("INGOTCF1")) {
    error = "not a file of cases";
    return false;
  }
  Cutter cutter(data);
  while (!cutter.rest.empty()) {
    if (cutter.rest.size() < 4) {
      error = "the file is cut off";
      return false;
    }
    Case next;
    if (!readCase(cutter, next, error))
      return false;
    cases.push_back(std::move(next));
  }
  return true;
}

} // namespace ingot::conform
