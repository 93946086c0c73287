// Prints docs/ops.md: the TensorFlow ops that there are rules for. A lit test
// compares; `ingot-opsdoc > docs/ops.md` brings the file up to date.
#include "compiler/passes/import/Legalize.h"
#include "llvm/Support/raw_ostream.h"

int main() {
  auto ops = ingot::listSupportedOps();
  llvm::raw_ostream &os = llvm::outs();
  os << "# Supported TensorFlow ops\n\n"
     << "Generated from the legalization rules "
        "(`compiler/passes/import/Legalize*.cpp`): do not\n"
     << "edit. " << ops.size()
     << " ops have a rule. Variables (`VarHandleOp`, `ReadVariableOp`, "
        "`Assign*Op`), calls\n"
     << "(`PartitionedCall`), TensorFlow 1 control flow (`Switch`, `Merge`, "
        "`Enter`...), asserts, summaries\n"
     << "and savers are resolved before the rules apply. `ingot inspect MODEL` "
        "says it for one model.\n";
  for (llvm::StringRef name : ingot::listOpFamilies()) {
    os << "\n## " << name << "\n\n| op | limits |\n|---|---|\n";
    for (const ingot::SupportedOp &op : ops)
      if (op.family == name)
        os << "| " << op.name << " | " << op.notes << " |\n";
  }
  return 0;
}
