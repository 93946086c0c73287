// The subcommands of `ingot`. Each adds itself to the command line and returns
// the process's exit status: 0 good, 1 the input is bad, 2 wrong usage.
#ifndef INGOT_TOOLS_COMMANDS_H
#define INGOT_TOOLS_COMMANDS_H

#include <functional>

namespace CLI {
class App;
}

namespace ingot::cli {

using Command = std::function<int()>;

Command addCompile(CLI::App &app);
Command addInspect(CLI::App &app);
Command addRun(CLI::App &app);
Command addTrain(CLI::App &app);
Command addBench(CLI::App &app);
Command addVerify(CLI::App &app);

} // namespace ingot::cli

#endif // INGOT_TOOLS_COMMANDS_H
