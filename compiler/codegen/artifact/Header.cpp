// The generated C header. It is complete in itself: the text of ingot.h goes in
// under its own include guard, so that several models' headers and the
// installed ingot.h can meet in one file.
#include "compiler/codegen/artifact/Embedded.h"
#include "compiler/codegen/artifact/Names.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace ingot {

/// The C type of an element.
static StringRef elementType(ingot_dtype dtype) {
  switch (dtype) {
  case INGOT_BOOL:
  case INGOT_U8:
    return "uint8_t";
  case INGOT_I8:
    return "int8_t";
  case INGOT_I16:
    return "int16_t";
  case INGOT_I32:
    return "int32_t";
  case INGOT_I64:
    return "int64_t";
  case INGOT_U16:
  case INGOT_F16:
  case INGOT_BF16:
    return "uint16_t";
  case INGOT_U32:
    return "uint32_t";
  case INGOT_U64:
    return "uint64_t";
  case INGOT_F32:
  case INGOT_C64:
    return "float";
  case INGOT_F64:
  case INGOT_C128:
    return "double";
  case INGOT_STRING:
    return "ingot_string";
  default:
    return "void";
  }
}

/// Text that may stand in a comment.
static std::string inComment(StringRef text) {
  std::string out;
  for (char c : text) {
    if (!out.empty() && ((out.back() == '*' && c == '/') || (out.back() == '/' && c == '*')))
      out += ' ';
    out += isPrint(c) ? c : '?';
  }
  return out;
}

static void printParameters(raw_ostream &os, const ArtifactSignature &signature,
                            const TypedFunction &f, bool withContext) {
  ListSeparator comma(", ");
  os << "(";
  if (withContext)
    os << comma << "ingot_context *context";
  for (const TypedParameter &p : f.parameters) {
    os << comma;
    switch (p.kind) {
    case TypedParameter::Size:
    case TypedParameter::Capacity:
      os << "int64_t " << p.name;
      break;
    case TypedParameter::Input:
      os << "const " << elementType(signature.inputs[p.index].dtype) << " *" << p.name;
      break;
    case TypedParameter::Output:
      os << elementType(signature.outputs[p.index].dtype) << " *" << p.name;
      break;
    case TypedParameter::Shape:
      os << "int64_t *" << p.name;
      break;
    }
  }
  if (!withContext && f.parameters.empty())
    os << "void";
  os << ");\n";
}

static void printDescription(raw_ostream &os, const ArtifactSignature &signature,
                             const TypedFunction &f) {
  os << "/** Signature \"" << inComment(signature.name) << "\".\n";
  auto line = [&](StringRef kind, StringRef name, const ArtifactValue &v) {
    os << " *   " << kind << " " << name << ": " << inComment(spellType(v));
    if (inComment(v.name) != name)
      os << " (\"" << inComment(v.name) << "\")";
    if (v.dtype == INGOT_BOOL)
      os << ", one byte an element, 0 or 1";
    if (v.dtype == INGOT_F16 || v.dtype == INGOT_BF16)
      os << ", as its bits";
    if (v.dtype == INGOT_C64 || v.dtype == INGOT_C128)
      os << ", real and imaginary part in turn";
    os << "\n";
  };
  for (const TypedParameter &p : f.parameters) {
    if (p.kind == TypedParameter::Input)
      line("input ", p.name, signature.inputs[p.index]);
    if (p.kind == TypedParameter::Output)
      line("output", p.name, signature.outputs[p.index]);
    if (p.kind == TypedParameter::Shape)
      os << " *          its actual sizes are written to " << p.name
         << "; its capacity counts elements\n";
  }
  if (signature.writesState)
    os << " * Changes the model's variables.\n";
  os << " * Thread-safe without a context; arrays are dense and row-major. "
        "Returns 0 or\n * an ingot_status. */\n";
}

std::string makeHeader(const ArtifactSpec &spec, StringRef command) {
  CNames names = makeNames(spec);
  std::string upper = StringRef(names.prefix).upper();
  std::string text;
  raw_string_ostream os(text);
  os << "/* " << names.prefix << ": C functions of a compiled model.\n";
  if (!command.empty())
    os << " * Made by: " << inComment(command) << "\n";
  os << " * Target: " << spec.target.triple << ", " << spec.target.cpu << ". Do not edit.\n */\n";
  os << "#ifndef INGOT_MODEL_" << upper << "_H\n#define INGOT_MODEL_" << upper << "_H\n\n";
  os << embeddedPublicHeader() << "\n";
  os << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  os << "/** The model's descriptor, for the generic functions of ingot.h. */\n"
     << "const ingot_module *" << names.prefix << "_module(void);\n\n";
  os << "/** Why the last failed call of this thread failed. */\n"
     << "static inline const char *" << names.prefix << "_message(void) {\n  return ingot_message("
     << names.prefix << "_module());\n}\n\n";
  if (!spec.signatures.empty()) {
    os << "/** Indices of the signatures, for ingot_run. */\nenum {\n";
    for (auto [i, f] : enumerate(names.functions))
      os << "  " << f.indexName << " = " << i << ",\n";
    os << "  " << upper << "_SIGNATURES_ = " << names.functions.size() << "\n};\n\n";
  }
  for (auto [signature, f] : zip(spec.signatures, names.functions)) {
    printDescription(os, signature, f);
    os << "int32_t " << f.name;
    printParameters(os, signature, f, false);
    os << "/** The same in a context of the caller, which one thread at a time "
          "may use. */\nint32_t "
       << f.contextName;
    printParameters(os, signature, f, true);
    os << "\n";
  }
  os << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

} // namespace ingot
