// `--report`: what each kernel became, for people (HTML) and programs (JSON).
#ifndef INGOT_COMPILER_REPORT_H
#define INGOT_COMPILER_REPORT_H

#include "compiler/codegen/cpu/CompileProgram.h"

namespace ingot {

std::string reportAsJson(const CompiledProgram &program, const TargetInfo &target);
/// One page, without scripts or other files.
std::string reportAsHtml(const CompiledProgram &program, const TargetInfo &target);

} // namespace ingot

#endif // INGOT_COMPILER_REPORT_H
