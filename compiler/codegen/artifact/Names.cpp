#include "compiler/codegen/artifact/Names.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace ingot {

/// Keywords of C and C++, and what ingot.h or its includes may define.
static bool isReserved(StringRef name) {
  static const StringSet<> words = {
      "alignas",   "alignof",  "and",      "asm",      "auto",         "bool",     "break",
      "case",      "catch",    "char",     "class",    "concept",      "const",    "constexpr",
      "continue",  "default",  "delete",   "do",       "double",       "else",     "enum",
      "explicit",  "export",   "extern",   "false",    "float",        "for",      "friend",
      "goto",      "if",       "inline",   "int",      "long",         "mutable",  "namespace",
      "new",       "noexcept", "not",      "nullptr",  "operator",     "or",       "private",
      "protected", "public",   "register", "requires", "restrict",     "return",   "short",
      "signed",    "sizeof",   "static",   "struct",   "switch",       "template", "this",
      "throw",     "true",     "try",      "typedef",  "typeid",       "typename", "typeof",
      "union",     "unsigned", "using",    "virtual",  "void",         "volatile", "wchar_t",
      "while",     "xor",      "NULL",     "errno",    "context",      "linux",    "unix",
      "i386",      "bitand",   "bitor",    "compl",    "static_assert"};
  return words.contains(name);
}

std::string toIdentifier(StringRef text) {
  std::string id;
  for (char c : text)
    id += isAlnum(c) || c == '_' ? c : '_';
  // Names that begin with an underscore belong to the C implementation.
  StringRef trimmed = StringRef(id).ltrim('_');
  id = trimmed.empty() ? "x" : trimmed.str();
  if (isDigit(id[0]))
    id = "x" + id;
  return id;
}

/// An identifier for `text` that is not in `taken`, and is afterwards.
static std::string uniqueName(StringRef text, StringSet<> &taken) {
  std::string base = toIdentifier(text), name = base;
  if (isReserved(name))
    name = base + "_";
  for (unsigned n = 2; !taken.insert(name).second; ++n)
    name = base + "_" + utostr(n);
  return name;
}

static std::vector<TypedParameter> makeParameters(const ArtifactSignature &signature) {
  std::vector<TypedParameter> parameters;
  StringSet<> taken;
  auto add = [&](TypedParameter::Kind kind, unsigned index, StringRef name) {
    parameters.push_back({kind, index, uniqueName(name, taken)});
  };
  for (auto [k, symbol] : enumerate(signature.entrySymbols))
    add(TypedParameter::Size, k, symbol.name);
  for (auto [i, input] : enumerate(signature.inputs))
    add(TypedParameter::Input, i, input.name);
  for (auto [o, output] : enumerate(signature.outputs)) {
    add(TypedParameter::Output, o, output.name);
    if (!output.dataDependent)
      continue;
    std::string name = parameters.back().name;
    add(TypedParameter::Capacity, o, name + "_capacity");
    add(TypedParameter::Shape, o, name + "_shape");
  }
  return parameters;
}

CNames makeNames(const ArtifactSpec &spec) {
  CNames names;
  names.prefix = toIdentifier(spec.model);
  if (isReserved(names.prefix))
    names.prefix += "_";
  StringSet<> taken;
  for (StringRef own : {"module", "message"})
    taken.insert(names.prefix + "_" + own.str());
  for (const ArtifactSignature &signature : spec.signatures) {
    std::string base = names.prefix + "_" + toIdentifier(signature.name);
    TypedFunction f;
    f.name = uniqueName(base, taken);
    f.contextName = uniqueName(f.name + "_in", taken);
    f.indexName = uniqueName(StringRef(f.name).upper(), taken);
    f.parameters = makeParameters(signature);
    names.functions.push_back(std::move(f));
  }
  return names;
}

StringRef spellDtype(ingot_dtype dtype) {
  static constexpr StringRef names[] = {"invalid", "i1",   "i8",   "i16",  "i32", "i64",
                                        "ui8",     "ui16", "ui32", "ui64", "f16", "bf16",
                                        "f32",     "f64",  "c64",  "c128", "str"};
  return dtype >= 0 && size_t(dtype) < std::size(names) ? names[dtype] : "unknown";
}

std::string spellType(const ArtifactValue &value) {
  std::string text;
  for (const ArtifactDim &dim : value.shape)
    text += (dim.size >= 0 ? itostr(dim.size) : dim.name) + "x";
  return text + spellDtype(value.dtype).str();
}

std::string moduleFunctionName(const ArtifactSpec &spec) {
  return makeNames(spec).prefix + "_module";
}

std::string modelNameFromPath(StringRef path) { return toIdentifier(sys::path::stem(path)); }

} // namespace ingot
