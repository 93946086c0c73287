// `ingot verify`: compiled kernels against the reference evaluator.
#include "Commands.h"
#include "ModelArguments.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ingot::cli {
Command addVerify(CLI::App &app) {
  auto o = std::make_shared<ModelOptions>();
  addModelArguments(app, *o);
  return [o] { return 1; };
}
} // namespace ingot::cli
