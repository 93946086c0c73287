#include "compiler/codegen/artifact/LoadedArtifact.h"
#include "compiler/codegen/artifact/Descriptor.h"
#include "compiler/codegen/artifact/Names.h"

#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace ingot {

Expected<std::unique_ptr<LoadedArtifact>> LoadedArtifact::create(const ArtifactSpec &spec) {
  std::unique_ptr<LoadedArtifact> model(new LoadedArtifact);
  auto loader = Loader::create();
  if (!loader)
    return loader.takeError();
  model->loader = std::move(*loader);
  DescriptorOptions options;
  options.loadable = true;
  auto object = makeDescriptor(spec, layoutWeights(spec), options);
  if (!object)
    return object.takeError();
  if (Error e = model->loader->addObject(*object, "descriptor"))
    return std::move(e);
  for (const std::string &part : spec.objects)
    if (Error e = model->loader->addObject(part, spec.model))
      return std::move(e);
  Triple::ArchType arch = Triple(spec.target.triple).getArch();
  if (Error e = model->loader->addObject(runtimeObject(Triple::getArchTypeName(arch)), "runtime"))
    return std::move(e);
  if (!spec.deviceSymbol.empty())
    if (Error e = model->loader->addObject(cudaRuntimeObject(Triple::getArchTypeName(arch)),
                                           "cuda runtime"))
      return std::move(e);
  std::string prefix = makeNames(spec).prefix;
  auto get = model->loader->function<const ingot_module *()>(moduleFunctionName(spec));
  if (!get)
    return get.takeError();
  auto release = model->loader->function<void()>(prefix + "__release");
  if (!release)
    return release.takeError();
  model->descriptor = (*get)();
  model->release = *release;
  return std::move(model);
}

LoadedArtifact::~LoadedArtifact() {
  if (release)
    release();
}

} // namespace ingot
