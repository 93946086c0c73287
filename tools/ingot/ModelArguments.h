// Arguments that inspect, compile and verify share.
#ifndef INGOT_TOOLS_MODELARGUMENTS_H
#define INGOT_TOOLS_MODELARGUMENTS_H

#include "compiler/Compiler.h"

namespace CLI {
class App;
}

namespace ingot::cli {

void addModelArguments(CLI::App &app, ModelOptions &options);
/// Diagnostics of the compiler, on standard error.
void printMessage(const std::string &text);

} // namespace ingot::cli

#endif // INGOT_TOOLS_MODELARGUMENTS_H
