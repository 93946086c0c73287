// See Variables.h.
#include "compiler/Variables.h"
#include "compiler/codegen/cpu/CompileProgram.h"
#include "compiler/codegen/cpu/ConstantBytes.h"
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/passes/train/Optimizers.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace ingot;

static std::string spell(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

LogicalResult ingot::setVariables(ModuleOp module, const VariableValues &values) {
  llvm::StringSet<> known;
  for (auto variable : module.getOps<nn::VariableOp>()) {
    std::string name = variable.getSymName().str();
    known.insert(name);
    auto type = cast<RankedTensorType>(variable.getValue().getType());
    auto found = values.find(name);
    if (found == values.end()) {
      if (variable.getTrainable())
        return module.emitError() << "--load: there is no array for the variable '" << name << "'";
      continue;
    }
    const ingot_tensor &value = found->second;
    llvm::ArrayRef<int64_t> shape(value.shape, value.rank);
    if (shape != type.getShape() || value.dtype != dtypeOf(type.getElementType()))
      return module.emitError() << "--load: the array for the variable '" << name << "' is "
                                << spell(shape) << " of " << ingot_dtype_size(value.dtype)
                                << "-byte elements, the variable is " << type;
    llvm::ArrayRef<char> bytes(static_cast<const char *>(value.data), value.capacity);
    variable.setValueAttr(makeConstant(type, bytes, name));
  }
  for (auto &[name, value] : values)
    if (!known.contains(name) && !train::findOptimizer(llvm::StringRef(name).split('/').first))
      return module.emitError() << "--load: the model has no variable '" << name << "'";
  return success();
}
