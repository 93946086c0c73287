#include "compiler/codegen/nvptx/GpuTarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;

namespace ingot {

std::string GpuArch::chip() const {
  std::string text = "sm_" + std::to_string(number);
  if (suffix)
    text += suffix;
  return text;
}

bool isGpuTarget(StringRef text) { return text == "cuda" || text.starts_with("cuda:"); }

Expected<GpuTarget> parseGpuTarget(StringRef text) {
  GpuTarget target;
  if (text == "cuda") {
    target.archs.push_back(GpuArch());
    return target;
  }
  if (!text.consume_front("cuda:"))
    return createStringError("target '" + text.str() +
                             "': expected cpu, cuda or cuda:sm_80[,sm_90a...]");
  SmallVector<StringRef> names;
  text.split(names, ',');
  for (StringRef name : names) {
    StringRef rest = name;
    GpuArch arch;
    bool good = rest.consume_front("sm_") && !rest.consumeInteger(10, arch.number);
    if (good && (rest == "a" || rest == "f"))
      arch.suffix = rest.front();
    else
      good = good && rest.empty();
    if (!good)
      return createStringError("'" + name.str() +
                               "' is no GPU architecture; write for example sm_80 or sm_90a");
    // Below 7.0 threads of a warp share one program counter: other rules for
    // shuffles and barriers.
    if (arch.number < 70)
      return createStringError("GPU architecture '" + name.str() +
                               "' is too old: sm_70 is the oldest");
    if (!is_contained(target.archs, arch))
      target.archs.push_back(arch);
  }
  sort(target.archs, [](const GpuArch &x, const GpuArch &y) {
    return std::make_pair(x.number, x.suffix) < std::make_pair(y.number, y.suffix);
  });
  return target;
}

} // namespace ingot
