#include "compiler/passes/schedule/Dispatch.h"

#include "compiler/dialects/Nn/Cost.h"
#include "compiler/passes/schedule/EmitKernel.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {

std::string IsolatedKernel::key() const {
  std::string key;
  llvm::raw_string_ostream os(key);
  OpPrintingFlags flags;
  flags.printGenericOpForm().useLocalScope();
  OwningOpRef<KernelOp> &op = const_cast<OwningOpRef<KernelOp> &>(kernel);
  (*op)->print(os, flags);
  return key;
}

IsolatedKernel isolateKernel(KernelOp kernel) {
  IsolatedKernel r;
  r.symbols = kernelSymbols(kernel);
  r.kernel = OwningOpRef<KernelOp>(kernel.clone());
  KernelOp copy = *r.kernel;
  auto defined = definedSymbols(kernel);
  copy.getBody().walk([&](NonzeroOp op) {
    op.setSymbol("d" + std::to_string(llvm::find(defined, op.getSymbol()) - defined.begin()));
  });
  auto rename = [&](StringRef name) -> std::optional<SizeExpr> {
    const std::string *s = llvm::find(r.symbols, name);
    const std::string *d = llvm::find(ArrayRef(defined), name);
    if (d != defined.end())
      return SizeExpr::symbol("d" + std::to_string(d - defined.begin()));
    if (s == r.symbols.end())
      return std::nullopt;
    return SizeExpr::symbol("s" + std::to_string(s - r.symbols.begin()));
  };
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](SizesAttr a) -> std::optional<std::pair<Attribute, WalkResult>> {
    SmallVector<SizeExpr> sizes;
    for (const SizeExpr &e : a.exprs())
      sizes.push_back(e.substitute(rename));
    return std::pair<Attribute, WalkResult>(SizesAttr::get(a.getContext(), sizes),
                                            WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(copy.getOperation(), true, false, true);
  copy.getInputsMutable().clear(); // the body alone says what it computes
  expandComposites(copy);
  return r;
}

void replaceByDispatch(KernelOp kernel, const IsolatedKernel &isolated, StringRef module,
                       StringRef name, const DispatchShape &shape) {
  MLIRContext *context = kernel.getContext();
  ArrayRef<std::string> symbols = isolated.symbols;
  SmallVector<SizeExpr> sizes;
  for (const std::string &symbol : symbols)
    sizes.push_back(SizeExpr::symbol(symbol));
  auto original = [&](const SizeExpr &e) {
    return e.substitute([&](StringRef text) -> std::optional<SizeExpr> {
      unsigned i;
      if (!text.consume_front("s") || text.getAsInteger(10, i) || i >= symbols.size())
        return std::nullopt;
      return SizeExpr::symbol(symbols[i]);
    });
  };
  ArrayAttr defines;
  if (auto names = definedSymbols(kernel); !names.empty())
    defines = Builder(context).getStrArrayAttr(SmallVector<StringRef>(names.begin(), names.end()));
  OpBuilder b(kernel);
  auto callee = SymbolRefAttr::get(context, module, {FlatSymbolRefAttr::get(context, name)});
  auto dispatch = DispatchOp::create(b, kernel.getLoc(), kernel.getResultTypes(),
                                     kernel.getInputs(), callee, SizesAttr::get(context, sizes),
                                     SizesAttr::get(context, {original(shape.grid)}), shape.chunk,
                                     SizesAttr::get(context, {original(shape.scratch)}),
                                     shape.inplace, defines, kernel.getPrepare());
  // For reports only.
  dispatch->setAttr("flops", SizesAttr::get(context, {countFlops(kernel)}));
  dispatch->setAttr("bytes", SizesAttr::get(context, {countBytes(kernel)}));
  kernel.replaceAllUsesWith(dispatch.getResults());
  kernel.erase();
}

} // namespace ingot::schedule
