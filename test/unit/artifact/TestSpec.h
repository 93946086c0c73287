// The spec of the model in Model.c, as the compiler would hand it over.
#ifndef INGOT_TEST_UNIT_ARTIFACT_TESTSPEC_H
#define INGOT_TEST_UNIT_ARTIFACT_TESTSPEC_H

#include "compiler/codegen/artifact/Artifact.h"

#include <fstream>
#include <sstream>

namespace ingot {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Owns the data of its spec. The constant w is (1, 2, 3, 4) * factor.
struct Model {
  std::vector<float> w;
  int64_t start = 100;
  ArtifactSpec spec;

  explicit Model(std::string name, float factor = 1)
      : w{1 * factor, 2 * factor, 3 * factor, 4 * factor} {
    spec.model = std::move(name);
    auto target = getTarget("x86_64-unknown-linux-gnu", "x86-64");
    spec.target = llvm::cantFail(std::move(target));
    ArtifactDim batch{-1, "batch"}, four{4, ""}, n{-1, "n"}, nz{-1, "nz0"};
    ArtifactSignature scale, count, positive;
    scale.name = "scale";
    scale.inputs = {{"x", INGOT_F32, {batch, four}}};
    scale.outputs = {{"y", INGOT_F32, {batch, four}}};
    scale.entrySymbols = {{"batch", 0, 0}};
    scale.programSymbol = "scale_program";
    scale.arenaSymbol = "scale_arena";
    scale.shapesSymbol = "scale_shapes";
    count.name = "count";
    count.inputs = {{"step", INGOT_I64, {}}};
    count.outputs = {{"now", INGOT_I64, {}}};
    count.programSymbol = "count_program";
    count.writesState = true;
    positive.name = "positive";
    positive.inputs = {{"x:0", INGOT_F32, {n}}};
    positive.outputs = {{"indices", INGOT_I64, {nz}, true}};
    positive.entrySymbols = {{"n", 0, 0}};
    positive.numDataSymbols = 1;
    positive.programSymbol = "positive_program";
    positive.shapesSymbol = "positive_shapes";
    positive.boundsSymbol = "positive_bounds";
    spec.signatures = {scale, count, positive};
    spec.constants = {{"w", INGOT_F32, {4}, bytes(w.data(), 16)}};
    spec.variables = {{"zeros", INGOT_F32, {3}, true, {}},
                      {"counter", INGOT_I64, {}, false, bytes(&start, 8)}};
    std::swap(spec.variables[0], spec.variables[1]);
    spec.siteSymbols = {"scale_site", "count_site", "positive_site"};
    spec.objects = {readFile(INGOT_TEST_MODEL_OBJECT)};
  }
  static llvm::ArrayRef<char> bytes(const void *p, size_t n) {
    return {static_cast<const char *>(p), n};
  }
};

} // namespace ingot

#endif // INGOT_TEST_UNIT_ARTIFACT_TESTSPEC_H
