#include "compiler/Report.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace ingot {

std::string reportAsJson(const CompiledProgram &program, const TargetInfo &target) {
  json::Array kernels;
  for (const KernelReport &k : program.kernels)
    kernels.push_back(json::Object{{"name", k.name},
                                   {"kind", k.kind},
                                   {"schedule", k.schedule},
                                   {"nodes", k.nodes},
                                   {"dispatches", k.dispatches},
                                   {"flops", k.flops},
                                   {"bytes", k.bytes},
                                   {"vector_bytes", k.code.vectorBytes},
                                   {"spills", k.code.spills},
                                   {"loop_spills", k.code.loopSpills},
                                   {"text_bytes", static_cast<int64_t>(k.code.textBytes)}});
  json::Value report = json::Object{{"model", program.spec.model},
                                    {"target", target.name},
                                    {"cpu", target.cpu},
                                    {"kernels", std::move(kernels)}};
  return formatv("{0:2}\n", report).str();
}

static std::string escape(StringRef text) {
  std::string escaped;
  raw_string_ostream os(escaped);
  printHTMLEscaped(text, os);
  return escaped;
}

std::string reportAsHtml(const CompiledProgram &program, const TargetInfo &target) {
  std::string page;
  raw_string_ostream os(page);
  std::string title = escape(program.spec.model);
  os << "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>" << title
     << "</title>\n<style>\n"
        "body { font: 14px sans-serif; margin: 2em }\n"
        "td, th { padding: .3em .8em; text-align: left; vertical-align: top; "
        "border-bottom: 1px solid #ddd }\n"
        ".n { text-align: right; white-space: nowrap }\n"
        ".bad { background: #fdd }\n"
        "code { font-size: 12px }\n</style>\n<h1>"
     << title << "</h1>\n<p>" << program.kernels.size() << " kernels for " << escape(target.cpu)
     << " (" << escape(target.name)
     << "). Operations and bytes are of one dispatch; spills in loops cost "
        "time.</p>\n<table>\n<tr><th>kernel<th>kind<th>dispatches<th>"
        "operations<th>bytes<th>vector<th>spills (in loops)<th>code<th>"
        "nodes and schedule\n";
  for (const KernelReport &k : program.kernels)
    os << "<tr><td>" << escape(k.name) << "<td>" << escape(k.kind) << "<td class=n>" << k.dispatches
       << "<td>" << escape(k.flops) << "<td>" << escape(k.bytes) << "<td class=n>"
       << k.code.vectorBytes * 8 << " bit<td class=\"n" << (k.code.loopSpills > 8 ? " bad" : "")
       << "\">" << k.code.spills << " (" << k.code.loopSpills << ")<td class=n>" << k.code.textBytes
       << " B<td>" << escape(k.nodes) << "<br><code>" << escape(k.schedule) << "</code>\n";
  os << "</table>\n";
  return page;
}

} // namespace ingot
