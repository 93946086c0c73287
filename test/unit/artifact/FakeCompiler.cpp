// Stands for `ingot compile MODEL -o OUT --header HEADER` in the test on an old
// glibc: writes the test's model, whatever MODEL is.
#include "test/unit/artifact/TestSpec.h"

#include <cstdio>
#include <cstring>

int main(int argc, char **argv) {
  ingot::ArtifactOptions options;
  for (int i = 1; i + 1 < argc; ++i) {
    if (!strcmp(argv[i], "-o"))
      options.output = argv[i + 1];
    if (!strcmp(argv[i], "--header"))
      options.header = argv[i + 1];
  }
  ingot::Model model(ingot::modelNameFromPath(options.output));
  auto files = ingot::writeArtifact(model.spec, options);
  if (files)
    return 0;
  fprintf(stderr, "%s\n", llvm::toString(files.takeError()).c_str());
  return 1;
}
