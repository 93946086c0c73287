// How the readers say what is wrong: every message names the file, and the
// node where there is one. Messages go to the context's diagnostic engine.
#ifndef INGOT_COMPILER_FRONTEND_REPORTER_H
#define INGOT_COMPILER_FRONTEND_REPORTER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include <string>

namespace ingot::frontend {

/// Errors about one file of a model.
class Reporter {
public:
  Reporter(mlir::MLIRContext *context, llvm::StringRef path) : context(context), path(path) {}

  mlir::MLIRContext *getContext() const { return context; }
  llvm::StringRef getPath() const { return path; }

  /// An error about the file as a whole.
  mlir::InFlightDiagnostic error() const { return mlir::emitError(location(path)) << path << ": "; }

  /// An error about one node of it; `op` may be empty.
  mlir::InFlightDiagnostic error(llvm::StringRef node, llvm::StringRef op) const {
    auto diag = mlir::emitError(location(node));
    diag << path << ": node '" << node << "'";
    if (!op.empty())
      diag << " (" << op << ")";
    diag << ": ";
    return diag;
  }

private:
  mlir::Location location(llvm::StringRef name) const {
    return mlir::NameLoc::get(
        mlir::StringAttr::get(context, name.empty() ? llvm::StringRef("model") : name));
  }

  mlir::MLIRContext *context;
  std::string path;
};

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_REPORTER_H
