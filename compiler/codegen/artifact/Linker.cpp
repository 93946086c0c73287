#include "compiler/codegen/artifact/Linker.h"
#include "compiler/codegen/artifact/ElfWriter.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <mutex>
#include <shared_mutex>
#include <sys/mman.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace ingot {

Expected<MemoryFile> MemoryFile::create(StringRef bytes) {
  int file = memfd_create("ingot", MFD_CLOEXEC);
  if (file < 0)
    return createStringError("cannot make a file in memory: " + sys::StrError(errno));
  MemoryFile result(file);
  if (Error e = writeAt(file, 0, {bytes.data(), bytes.size()}))
    return std::move(e);
  return std::move(result);
}

MemoryFile::~MemoryFile() {
  if (file >= 0)
    close(file);
}

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(file); }

Error runLld(const std::vector<std::string> &arguments) {
  std::unique_lock<std::shared_mutex> lock(llvmOptionsMutex());
  // lld sets every option of LLVM back to its default. Of those that code
  // generation changes keep the value.
  auto &registered = cl::getRegisteredOptions();
  auto found = registered.find("disable-lsr");
  auto *option = found == registered.end() ? nullptr : static_cast<cl::opt<bool> *>(found->second);
  bool value = option && option->getValue();
  std::vector<const char *> argv = {"ld.lld"};
  for (const std::string &a : arguments)
    argv.push_back(a.c_str());
  std::string out, err;
  raw_string_ostream outStream(out), errStream(err);
  lld::Result result = lld::lldMain(argv, outStream, errStream, {{lld::Gnu, &lld::elf::link}});
  if (option)
    option->setValue(value);
  if (result.retCode == 0)
    return Error::success();
  return createStringError("linking failed: " + StringRef(err).trim().str());
}

/// Functions of glibc's libm that generated code may call (of these also the
/// float forms).
static bool isInLibm(StringRef name) {
  static const StringSet<> functions = {
      "acos", "acosh", "asin",   "asinh", "atan",      "atan2",     "atanh",
      "cbrt", "ceil",  "cos",    "cosh",  "copysign",  "erf",       "erfc",
      "exp",  "exp10", "exp2",   "expm1", "fabs",      "floor",     "fma",
      "fmax", "fmin",  "fmod",   "frexp", "hypot",     "ldexp",     "lgamma",
      "log",  "log10", "log1p",  "log2",  "modf",      "nearbyint", "nextafter",
      "pow",  "rint",  "round",  "sin",   "sincos",    "sinh",      "sqrt",
      "tan",  "tanh",  "tgamma", "trunc", "remainder", "roundeven", "lgamma_r"};
  return functions.contains(name) ||
         (name.ends_with("f") && functions.contains(name.drop_back())) || name == "lgammaf_r";
}

/// Functions of glibc's libc that the runtime uses or LLVM inserts.
static bool isInLibc(StringRef name) {
  static const StringSet<> functions = {"__isoc99_sscanf",
                                        "atoi",
                                        "bcmp",
                                        "calloc",
                                        "clock_gettime",
                                        "close",
                                        "dl_iterate_phdr",
                                        "fclose",
                                        "fgets",
                                        "fopen",
                                        "free",
                                        "fread",
                                        "ftruncate",
                                        "fwrite",
                                        "getenv",
                                        "getpid",
                                        "lseek",
                                        "malloc",
                                        "memchr",
                                        "memcmp",
                                        "memcpy",
                                        "memmove",
                                        "memset",
                                        "mmap",
                                        "munmap",
                                        "open",
                                        "posix_memalign",
                                        "pread",
                                        "pwrite",
                                        "qsort",
                                        "read",
                                        "realloc",
                                        "rename",
                                        "sched_getaffinity",
                                        "sched_yield",
                                        "snprintf",
                                        "strchr",
                                        "strcmp",
                                        "strlen",
                                        "strncmp",
                                        "strrchr",
                                        "strtol",
                                        "syscall",
                                        "sysconf",
                                        "unlink",
                                        "vsnprintf",
                                        "write"};
  return functions.contains(name);
}

Expected<Undefined> findUndefined(ArrayRef<StringRef> objects, ArrayRef<std::string> provided) {
  StringSet<> defined, undefined;
  for (const std::string &name : provided)
    defined.insert(name);
  for (StringRef bytes : objects) {
    auto file = object::ObjectFile::createELFObjectFile(MemoryBufferRef(bytes, "object"));
    if (!file)
      return file.takeError();
    for (const object::SymbolRef &symbol : (*file)->symbols()) {
      Expected<uint32_t> flags = symbol.getFlags();
      Expected<StringRef> name = symbol.getName();
      if (!flags)
        return flags.takeError();
      if (!name)
        return name.takeError();
      if (*flags & object::SymbolRef::SF_Undefined)
        undefined.insert(*name);
      else if (*flags & object::SymbolRef::SF_Global)
        defined.insert(*name);
    }
  }
  Undefined result;
  for (const auto &entry : undefined) {
    StringRef name = entry.getKey();
    // The linker itself makes some: the bounds of sections among them.
    if (name.empty() || defined.contains(name) || name == "_GLOBAL_OFFSET_TABLE_" ||
        name.starts_with("__start_") || name.starts_with("__stop_"))
      continue;
    if (isInLibm(name))
      result.libm.push_back(name.str());
    else if (name.starts_with("pthread_"))
      result.libpthread.push_back(name.str());
    else if (name == "dlopen" || name == "dlsym")
      result.libdl.push_back(name.str());
    else if (isInLibc(name))
      result.libc.push_back(name.str());
    else if (name.starts_with("__asan_") || name.starts_with("__sanitizer_"))
      result.sanitizer.push_back(name.str());
    else
      result.unknown.push_back(name.str());
  }
  for (auto *list : {&result.libc, &result.libm, &result.libpthread, &result.libdl,
                     &result.sanitizer, &result.unknown})
    llvm::sort(*list);
  return std::move(result);
}

/// Makes every defined symbol of an object local but `globals`.
static Expected<std::string> localize(StringRef object, ArrayRef<std::string> globals) {
  auto binary = object::createBinary(MemoryBufferRef(object, "model"));
  if (!binary)
    return binary.takeError();
  objcopy::ConfigManager config;
  for (const std::string &name : globals)
    if (Error e = config.Common.SymbolsToKeepGlobal.addMatcher(objcopy::NameOrPattern::create(
            name, objcopy::MatchStyle::Literal, [](Error e) { return e; })))
      return std::move(e);
  SmallString<0> out;
  raw_svector_ostream os(out);
  if (Error e = objcopy::executeObjcopyOnBinary(config, **binary, os))
    return std::move(e);
  return out.str().str();
}

Expected<std::string> mergeObjects(ArrayRef<StringRef> objects, ArrayRef<std::string> globals) {
  std::vector<MemoryFile> files;
  SmallString<128> merged;
  if (std::error_code ec = sys::fs::createTemporaryFile("ingot-merge", "o", merged))
    return createStringError(ec, "cannot make a temporary file");
  std::vector<std::string> arguments = {"-r", "-o", merged.str().str(), "--threads=1"};
  Error error = Error::success();
  for (StringRef bytes : objects) {
    auto file = MemoryFile::create(bytes);
    if (!file) {
      error = joinErrors(std::move(error), file.takeError());
      break;
    }
    files.push_back(std::move(*file));
    arguments.push_back(files.back().path());
  }
  if (!error)
    error = runLld(arguments);
  std::string bytes;
  if (!error) {
    if (auto buffer = MemoryBuffer::getFile(merged))
      bytes = (*buffer)->getBuffer().str();
    else
      error = createStringError(buffer.getError(), "cannot read back " + merged.str().str());
  }
  sys::fs::remove(merged);
  if (error)
    return std::move(error);
  return localize(bytes, globals);
}

} // namespace ingot
