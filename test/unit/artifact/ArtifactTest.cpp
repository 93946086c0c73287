// Artifacts as their users get them: linked, loaded, called, compiled against.
#include "compiler/codegen/artifact/Artifact.h"
#include "compiler/codegen/artifact/LoadedArtifact.h"
#include "test/unit/artifact/TestSpec.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <dlfcn.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

using namespace ingot;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

/// A folder that lives as long as the test.
struct Folder {
  llvm::SmallString<64> path;
  Folder() { llvm::sys::fs::createUniqueDirectory("ingot-artifact", path); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string operator/(const std::string &name) const { return (path + "/" + name).str(); }
  size_t files() const {
    size_t n = 0;
    std::error_code ec;
    for (llvm::sys::fs::directory_iterator i(path, ec), e; i != e && !ec; i.increment(ec))
      ++n;
    return n;
  }
};

std::string errorText(llvm::Error e) { return llvm::toString(std::move(e)); }

ArtifactFiles write(const ArtifactSpec &spec, const ArtifactOptions &options) {
  auto files = writeArtifact(spec, options);
  if (!files) {
    ADD_FAILURE() << errorText(files.takeError());
    return {};
  }
  return *files;
}

/// A shared object opened for a test.
struct Library {
  void *handle;
  const ingot_module *module = nullptr;
  explicit Library(const std::string &path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) {
      ADD_FAILURE() << dlerror();
      return;
    }
    module = function<const ingot_module *()>("ingot_module_get")();
  }
  ~Library() {
    if (handle)
      dlclose(handle);
  }
  template <typename F> F *function(const char *name) const {
    void *f = dlsym(handle, name);
    EXPECT_TRUE(f) << name;
    return reinterpret_cast<F *>(f);
  }
};

/// y of `scale` for one row of ones.
std::vector<float> scaleOnes(const ingot_module *m, ingot_context *c) {
  std::vector<float> x(4, 1), y(4);
  ingot_tensor in[1] = {{x.data(), 16, INGOT_F32, 2, {1, 4}}};
  ingot_tensor out[1] = {{y.data(), 16, INGOT_F32, 0, {}}};
  EXPECT_EQ(ingot_run(m, c, 0, in, out), INGOT_OK) << ingot_message(m);
  return y;
}

TEST(Artifact, SharedObjectLoadsAndRuns) {
  Folder folder;
  Model model("net");
  ArtifactFiles files = write(model.spec, {folder / "net.so", folder / "net.h", "", "test"});
  EXPECT_LT(files.outputBytes, 100u << 10);
  EXPECT_EQ(folder.files(), 2u);
  Library lib(files.output);
  const ingot_module *m = lib.module;
  ASSERT_TRUE(m);
  ASSERT_EQ(ingot_check(m), INGOT_OK);
  EXPECT_STREQ(m->name, "net");
  EXPECT_EQ(m, lib.function<const ingot_module *()>("net_module")());
  EXPECT_EQ(m->num_signatures, 3u);
  const ingot_signature &s = m->signatures[0];
  EXPECT_STREQ(s.inputs[0].name, "x");
  EXPECT_EQ(s.inputs[0].rank, 2);
  EXPECT_EQ(s.inputs[0].dims[0], -1);
  EXPECT_EQ(s.inputs[0].dims[1], 4);
  EXPECT_STREQ(s.inputs[0].dim_names[0], "batch");
  EXPECT_EQ(s.inputs[0].dim_names[1], nullptr);
  EXPECT_STREQ(s.sizes[0], "batch");
  EXPECT_EQ(ingot_find_variable(m, "zeros"), 1);
  EXPECT_EQ(m->variables[1].flags, INGOT_VARIABLE_TRAINABLE);

  ingot_context *c = nullptr;
  ASSERT_EQ(ingot_context_create(m, nullptr, &c), INGOT_OK);
  EXPECT_THAT(scaleOnes(m, c), ElementsAre(1, 2, 3, 4));
  int64_t step = 5, now = 0;
  EXPECT_EQ(lib.function<int32_t(const int64_t *, int64_t *)>("net_count")(&step, &now), 0);
  EXPECT_EQ(now, 105);
  EXPECT_EQ((lib.function<int32_t(ingot_context *, const int64_t *, int64_t *)>("net_count_in")(
                c, &step, &now)),
            0);
  EXPECT_EQ(now, 110);
  float zeros[3] = {1, 1, 1};
  EXPECT_EQ(ingot_state_get(m, ingot_context_state(m, c), 1, zeros, 12), 0);
  EXPECT_EQ(zeros[2], 0);
  float x[5] = {-1, 2, 3, 0, 4};
  int64_t indices[5], shape = 0;
  EXPECT_EQ((lib.function<int32_t(int64_t, const float *, int64_t *, int64_t, int64_t *)>(
                "net_positive")(5, x, indices, 5, &shape)),
            0);
  EXPECT_EQ(shape, 3);
  EXPECT_EQ(indices[2], 4);
  ingot_context_destroy(m, c);
}

TEST(Artifact, SharedObjectNeedsLibcAloneAndExportsItsNamesAlone) {
  Folder folder;
  Model model("net");
  write(model.spec, {folder / "net.so"});
  auto file = llvm::object::ObjectFile::createObjectFile(folder / "net.so");
  ASSERT_TRUE(!!file);
  auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(file->getBinary());
  std::vector<std::string> exported;
  for (const auto &symbol : elf->getDynamicSymbolIterators()) {
    std::string name = llvm::cantFail(symbol.getName()).str();
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
      EXPECT_TRUE(name == "expf" || dlsym(RTLD_DEFAULT, name.c_str())) << name;
    else
      exported.push_back(name);
  }
  EXPECT_THAT(exported, testing::UnorderedElementsAre("ingot_module_get", "net_module", "net_scale",
                                                      "net_scale_in", "net_count", "net_count_in",
                                                      "net_positive", "net_positive_in"));
  for (const auto &section : elf->sections())
    EXPECT_NE(llvm::cantFail(section.getName()), ".gnu.version_r");
}

TEST(Artifact, SameSpecSameBytes) {
  Folder a, b;
  for (const char *name : {"net.so", "net.a", "net.o"}) {
    Model first("net"), second("net");
    write(first.spec, {a / name, a / "net.h"});
    write(second.spec, {b / name, b / "net.h"});
    EXPECT_EQ(readFile(a / name), readFile(b / name)) << name;
  }
  EXPECT_EQ(readFile(a / "net.h"), readFile(b / "net.h"));
}

/// Runs a program; its output or why it failed.
std::string runProgram(const std::vector<std::string> &arguments) {
  llvm::SmallString<64> out;
  llvm::sys::fs::createTemporaryFile("ingot-test", "txt", out);
  std::vector<llvm::StringRef> refs(arguments.begin(), arguments.end());
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, out.str(), out.str()};
  int status = llvm::sys::ExecuteAndWait(arguments[0], refs, std::nullopt, redirects);
  std::string text = readFile(out.str().str());
  llvm::sys::fs::remove(out);
  return status == 0 ? text : "status " + llvm::itostr(status) + ": " + text;
}

TEST(Artifact, TwoModelsInOneProgram) {
  for (const char *suffix : {".a", ".o", ".so"}) {
    Folder folder;
    Model first("first", 1), second("second", 10);
    std::string one = folder / ("first" + std::string(suffix)),
                two = folder / ("second" + std::string(suffix));
    write(first.spec, {one, folder / "first.h"});
    write(second.spec, {two, folder / "second.h"});
    EXPECT_EQ(
        runProgram({INGOT_TEST_CC, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I",
                    folder.path.str().str(), INGOT_TEST_TWO_MODELS, one, two, "-o", folder / "app",
                    "-lm", "-lpthread", "-Wl,-rpath," + folder.path.str().str()}),
        "");
    EXPECT_EQ(runProgram({folder / "app"}), "8 80 110 105 8\n"
                                            "first: input 'x' of 'scale': data is null\n")
        << suffix;
  }
}

TEST(Artifact, SanitizedCodeRunsInASanitizedProgram) {
  Folder folder;
  Model model("net");
  model.spec.objects = {readFile(INGOT_TEST_ASAN_OBJECT)};
  model.spec.signatures[0].programSymbol = "wrong_program";
  model.spec.signatures[0].arenaSymbol = "";
  write(model.spec, {folder / "net.so", folder / "net.h"});
  std::ofstream(folder / "app.c") << "#include \"net.h\"\n#include <stdlib.h>\n"
                                     "int main(void) { float *x = malloc(16), y[4];\n"
                                     "return net_scale(1, x, y); }\n";
  EXPECT_EQ(runProgram({INGOT_TEST_CC, "-fsanitize=address", "-I", folder.path.str().str(),
                        folder / "app.c", folder / "net.so", "-o", folder / "app",
                        "-Wl,-rpath," + folder.path.str().str()}),
            "");
  std::string output = runProgram({folder / "app"});
  EXPECT_THAT(output, HasSubstr("heap-buffer-overflow"));
  EXPECT_THAT(output, HasSubstr("scale_kernel_wrong"));
}

TEST(Artifact, HeaderIsCxxToo) {
  Folder folder;
  Model model("class"); // a keyword, and hostile signature names
  model.spec.signatures[0].name = "serving default*/";
  model.spec.signatures[1].name = "module";
  model.spec.signatures[0].inputs[0].name = "double";
  model.spec.signatures[0].outputs[0].name = "batch";
  write(model.spec, {folder / "net.so", folder / "net.h", "", "a */ b"});
  std::ofstream(folder / "app.cpp") << "#include \"net.h\"\n#include <ingot/ingot.h>\n"
                                       "int main() { float x[4] = {1, 1, 1, 1}, y[4];\n"
                                       "return class__serving_default__(1, x, y) || y[3] != 4; }\n";
  EXPECT_EQ(runProgram({INGOT_TEST_CXX, "-std=c++17", "-Wall", "-Werror", "-I", INGOT_TEST_INCLUDE,
                        "-I", folder.path.str().str(), folder / "app.cpp", folder / "net.so", "-o",
                        folder / "app", "-Wl,-rpath," + folder.path.str().str()}),
            "");
  EXPECT_EQ(runProgram({folder / "app"}), "");
}

TEST(Artifact, WeightsInASideFile) {
  Folder folder;
  Model model("net");
  std::string side = folder / "w.safetensors";
  ArtifactFiles files = write(model.spec, {folder / "net.so", "", side});
  EXPECT_EQ(files.weights, side);
  // As the format wants it: a length, JSON, and no holes.
  std::string text = readFile(side);
  EXPECT_EQ(text.size() % 64, 0u);
  EXPECT_THAT(text, HasSubstr("\"w\":{\"dtype\":\"F32\",\"shape\":[4],"
                              "\"data_offsets\":[0,16]}"));
  EXPECT_THAT(text, HasSubstr("\"counter\":{\"dtype\":\"I64\",\"shape\":[]"));
  {
    Library lib(files.output);
    ingot_context *c = nullptr;
    ASSERT_EQ(ingot_context_create(lib.module, nullptr, &c), INGOT_OK) << ingot_message(lib.module);
    EXPECT_THAT(scaleOnes(lib.module, c), ElementsAre(1, 2, 3, 4));
    ingot_context_destroy(lib.module, c);
  }
  llvm::sys::fs::rename(side, folder / "moved");
  Library lib(files.output);
  ingot_context *c = nullptr;
  EXPECT_EQ(ingot_context_create(lib.module, nullptr, &c), INGOT_IO);
  EXPECT_THAT(ingot_message(lib.module), HasSubstr("net: cannot open its weights 'w.safetensors'"));
  ingot_state_options options = {};
  options.struct_size = sizeof options;
  std::string moved = folder / "moved";
  options.weights_path = moved.c_str();
  ingot_state *state = nullptr;
  EXPECT_EQ(ingot_state_create(lib.module, &options, &state), INGOT_OK);
  ingot_state_destroy(lib.module, state);
  // The weights of another model: same size, other content.
  Folder other;
  Model changed("net", 2);
  std::string wrong = other / "w.safetensors";
  write(changed.spec, {other / "net.so", "", wrong});
  options.weights_path = wrong.c_str();
  EXPECT_EQ(ingot_state_create(lib.module, &options, &state), INGOT_IO);
  EXPECT_THAT(ingot_message(lib.module), HasSubstr("is not its weights"));
}

TEST(Artifact, CompleteOrNotAtAll) {
  Folder folder;
  Model model("net");
  model.spec.objects.push_back(readFile(INGOT_TEST_NEEDS_OBJECT));
  auto fails = [&](ArtifactOptions options) {
    auto files = writeArtifact(model.spec, options);
    EXPECT_FALSE(!!files);
    return files ? "" : errorText(files.takeError());
  };
  EXPECT_THAT(fails({folder / "net.so", folder / "net.h", folder / "w"}),
              HasSubstr("someone_elses"));
  EXPECT_THAT(fails({folder / "net.exe"}), HasSubstr(".so, .a or .o"));
  model.spec.externalSymbols = {"someone_elses"};
  EXPECT_THAT(fails({folder / "missing/net.so"}), HasSubstr("cannot write"));
  EXPECT_EQ(folder.files(), 0u);
  write(model.spec, {folder / "net.so"});
  EXPECT_EQ(folder.files(), 1u);
  model.spec.target.triple = "riscv64-unknown-linux-gnu";
  EXPECT_THAT(fails({folder / "net.so"}), HasSubstr("no runtime"));
}

TEST(Artifact, LinksFromSeveralThreads) {
  Folder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Model model("m" + std::to_string(t), (float)t);
      for (int i = 0; i < 3; ++i)
        write(model.spec, {folder / ("m" + std::to_string(t) + ".so")});
    });
  for (auto &t : threads)
    t.join();
  Library lib(folder / "m3.so");
  ingot_context *c = nullptr;
  ASSERT_EQ(ingot_context_create(lib.module, nullptr, &c), INGOT_OK);
  EXPECT_THAT(scaleOnes(lib.module, c), ElementsAre(3, 6, 9, 12));
  ingot_context_destroy(lib.module, c);
}

TEST(Artifact, LinkingKeepsLlvmsOptions) {
  initializeLlvmTargets();
  auto &options = llvm::cl::getRegisteredOptions();
  auto found = options.find("disable-lsr");
  ASSERT_NE(found, options.end());
  auto *option = static_cast<llvm::cl::opt<bool> *>(found->second);
  bool before = option->getValue();
  option->setValue(true);
  Folder folder;
  Model model("net");
  write(model.spec, {folder / "net.so"});
  EXPECT_TRUE(option->getValue());
  option->setValue(before);
}

TEST(Artifact, UnloadingStopsItsThreads) {
  Folder folder;
  Model model("net");
  write(model.spec, {folder / "net.so"});
  for (int i = 0; i < 5; ++i) {
    Library lib(folder / "net.so");
    ingot_context_options o = {};
    o.struct_size = sizeof o;
    o.threads = 3;
    ingot_context *c = nullptr;
    ASSERT_EQ(ingot_context_create(lib.module, &o, &c), INGOT_OK);
    EXPECT_THAT(scaleOnes(lib.module, c), ElementsAre(1, 2, 3, 4));
    ingot_context_destroy(lib.module, c);
    float x[4] = {1, 1, 1, 1}, y[4];
    EXPECT_EQ((lib.function<int32_t(int64_t, const float *, float *)>("net_scale")(1, x, y)), 0);
  }
}

TEST(Artifact, RefusesAProcessorThatLacksSomething) {
  Folder folder;
  Model model("net");
  model.spec.target.cpu = "future";
  model.spec.target.features += ",+amx-tile";
  if (__builtin_cpu_supports("amx-tile"))
    GTEST_SKIP() << "this processor has everything";
  write(model.spec, {folder / "net.so"});
  Library lib(folder / "net.so");
  ingot_context *c = nullptr;
  EXPECT_EQ(ingot_context_create(lib.module, nullptr, &c), INGOT_UNSUPPORTED);
  EXPECT_THAT(ingot_message(lib.module),
              HasSubstr("was compiled for x86_64-unknown-linux-gnu:future; "
                        "this processor lacks AMX"));
}

TEST(LoadedArtifact, RunsFromTheSpecsOwnMemory) {
  Model model("net");
  auto loaded = LoadedArtifact::create(model.spec);
  ASSERT_TRUE(!!loaded) << errorText(loaded.takeError());
  const ingot_module *m = (*loaded)->module();
  ingot_context_options o = {};
  o.struct_size = sizeof o;
  o.threads = 2;
  ingot_context *c = nullptr;
  ASSERT_EQ(ingot_context_create(m, &o, &c), INGOT_OK);
  EXPECT_THAT(scaleOnes(m, c), ElementsAre(1, 2, 3, 4));
  model.w[0] = 7; // not a copy
  EXPECT_EQ(scaleOnes(m, c)[0], 7);
  ingot_context_destroy(m, c);
}

} // namespace
