// Puts an artifact together; see Artifact.h.
#include "compiler/codegen/artifact/Artifact.h"
#include "compiler/codegen/artifact/Descriptor.h"
#include "compiler/codegen/artifact/ElfWriter.h"
#include "compiler/codegen/artifact/Linker.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Triple.h"

#include <unistd.h>

using namespace llvm;

namespace ingot {

/// Above this the weights go to a side file by themselves.
static constexpr uint64_t autoSideFileBytes = 1ull << 30;

namespace {

/// A file that gets its name only when all is done.
class PendingFile {
public:
  static Expected<PendingFile> create(StringRef path) {
    SmallString<128> temporary;
    int fd = -1;
    if (std::error_code ec =
            sys::fs::createUniqueFile(path + ".tmp-%%%%%%", fd, temporary, sys::fs::OF_None, 0666))
      return createStringError(ec, "cannot write '" + path.str() + "': " + ec.message());
    return PendingFile(path.str(), temporary.str().str(), fd);
  }
  PendingFile(PendingFile &&other)
      : path(std::move(other.path)), temporary(std::move(other.temporary)), fd(other.fd) {
    other.temporary.clear();
    other.fd = -1;
  }
  PendingFile &operator=(PendingFile &&) = delete;
  ~PendingFile() {
    closeDescriptor();
    if (!temporary.empty())
      sys::fs::remove(temporary);
  }

  int descriptor() const { return fd; }
  const std::string &temporaryPath() const { return temporary; }
  void closeDescriptor() {
    if (fd >= 0)
      close(fd);
    fd = -1;
  }
  Error commit() {
    closeDescriptor();
    if (std::error_code ec = sys::fs::rename(temporary, path))
      return createStringError(ec, "cannot write '" + path + "': " + ec.message());
    temporary.clear();
    return Error::success();
  }

private:
  PendingFile(std::string path, std::string temporary, int fd)
      : path(std::move(path)), temporary(std::move(temporary)), fd(fd) {}
  std::string path, temporary;
  int fd;
};

enum class OutputKind { SharedObject, Archive, Object };

/// One artifact on its way to the disk.
class Writer {
public:
  Writer(const ArtifactSpec &spec, const ArtifactOptions &options) : spec(spec), options(options) {}
  Expected<ArtifactFiles> write();

private:
  Error prepare();
  Error writeHeader();
  Error writeSideFile();
  Error collectObjects();
  Error writeSharedObject();
  Error writeRelocatable();
  Expected<MemoryFile> weightsObject();
  Expected<PendingFile *> addFile(StringRef path);

  const ArtifactSpec &spec;
  const ArtifactOptions &options;
  OutputKind kind = OutputKind::SharedObject;
  uint16_t machine = ELF::EM_X86_64;
  WeightsLayout layout;
  std::string weightsPath; ///< empty: embedded
  DescriptorOptions descriptorOptions;
  std::string descriptor;
  SmallVector<StringRef> objects;
  Undefined undefined;
  std::vector<std::unique_ptr<PendingFile>> files;
};

} // namespace

Expected<PendingFile *> Writer::addFile(StringRef path) {
  auto file = PendingFile::create(path);
  if (!file)
    return file.takeError();
  files.push_back(std::make_unique<PendingFile>(std::move(*file)));
  return files.back().get();
}

Error Writer::prepare() {
  StringRef extension = sys::path::extension(options.output);
  if (extension == ".so")
    kind = OutputKind::SharedObject;
  else if (extension == ".a")
    kind = OutputKind::Archive;
  else if (extension == ".o")
    kind = OutputKind::Object;
  else
    return createStringError("output '" + options.output + "' must end in .so, .a or .o");
  Triple triple(spec.target.triple);
  StringRef arch = Triple::getArchTypeName(triple.getArch());
  if (!triple.isOSLinux() || runtimeObject(arch).empty())
    return createStringError("no runtime for '" + spec.target.triple +
                             "': artifacts are made for x86_64 Linux");
  if (triple.getArch() == Triple::aarch64)
    machine = ELF::EM_AARCH64;
  auto checkRank = [&](size_t rank, StringRef what, StringRef name) {
    return rank <= INGOT_MAX_RANK
               ? Error::success()
               : createStringError(what.str() + " '" + name.str() + "' has rank " + utostr(rank) +
                                   "; the C ABI takes up to 8");
  };
  for (const ArtifactSignature &s : spec.signatures) {
    for (const ArtifactValue &v : s.inputs)
      if (Error e = checkRank(v.shape.size(), "input", v.name))
        return e;
    for (const ArtifactValue &v : s.outputs)
      if (Error e = checkRank(v.shape.size(), "output", v.name))
        return e;
  }
  for (const ArtifactVariable &v : spec.variables)
    if (Error e = checkRank(v.shape.size(), "variable", v.name))
      return e;
  layout = layoutWeights(spec);
  weightsPath = options.weights;
  if (weightsPath.empty() && layout.bytes > autoSideFileBytes) {
    SmallString<128> path(options.output);
    sys::path::replace_extension(path, ".safetensors");
    weightsPath = path.str().str();
  }
  if (layout.bytes == 0)
    weightsPath.clear();
  return Error::success();
}

Error Writer::writeSideFile() {
  if (weightsPath.empty())
    return Error::success();
  std::string header = makeSafetensorsHeader(spec, layout);
  descriptorOptions.weightsFile = sys::path::filename(weightsPath).str();
  descriptorOptions.weightsFileOffset = header.size();
  descriptorOptions.weightsFileCheck = hashHeader(header);
  auto file = addFile(weightsPath);
  if (!file)
    return file.takeError();
  int fd = (*file)->descriptor();
  if (Error e = writeAt(fd, 0, {header.data(), header.size()}))
    return e;
  for (const WeightsPiece &piece : layout.pieces)
    if (Error e = writeAt(fd, header.size() + piece.offset, piece.data))
      return e;
  // The padding after the last piece.
  if (ftruncate(fd, off_t(header.size() + layout.bytes)) != 0)
    return createStringError("cannot write '" + weightsPath + "'");
  return Error::success();
}

Error Writer::writeHeader() {
  if (options.header.empty())
    return Error::success();
  auto file = addFile(options.header);
  if (!file)
    return file.takeError();
  std::string text = makeHeader(spec, options.command);
  return writeAt((*file)->descriptor(), 0, {text.data(), text.size()});
}

Error Writer::collectObjects() {
  descriptorOptions.genericEntry = kind == OutputKind::SharedObject;
  auto made = makeDescriptor(spec, layout, descriptorOptions);
  if (!made)
    return made.takeError();
  descriptor = std::move(*made);
  objects.push_back(descriptor);
  for (const std::string &object : spec.objects)
    objects.push_back(object);
  objects.push_back(runtimeObject(Triple::getArchTypeName(Triple(spec.target.triple).getArch())));
  if (!spec.deviceSymbol.empty())
    objects.push_back(
        cudaRuntimeObject(Triple::getArchTypeName(Triple(spec.target.triple).getArch())));
  std::vector<std::string> provided = spec.externalSymbols;
  provided.push_back(weightsSymbol(spec));
  auto found = findUndefined(objects, provided);
  if (!found)
    return found.takeError();
  undefined = std::move(*found);
  if (undefined.unknown.empty())
    return Error::success();
  return createStringError("the generated code needs symbols that no system library has: " +
                           join(undefined.unknown, ", ") +
                           "; this is a defect of Ingot unless they are custom ops");
}

Expected<MemoryFile> Writer::weightsObject() {
  auto file = MemoryFile::create();
  if (!file)
    return file.takeError();
  if (Error e = writeWeightsObject(file->descriptor(), layout, weightsSymbol(spec), machine))
    return std::move(e);
  return std::move(*file);
}

Error Writer::writeSharedObject() {
  // Custom ops and AddressSanitizer come from the program that loads it.
  bool selfContained = spec.externalSymbols.empty() && undefined.sanitizer.empty();
  std::vector<std::string> arguments = {"-shared",
                                        "-soname",
                                        sys::path::filename(options.output).str(),
                                        "-z",
                                        "now",
                                        "-z",
                                        "relro",
                                        "-z",
                                        "noexecstack",
                                        "-z",
                                        selfContained ? "defs" : "undefs",
                                        "--hash-style=gnu",
                                        "--gc-sections",
                                        "--build-id=none",
                                        "-O1",
                                        "--threads=1",
                                        "--no-undefined-version"};
  std::vector<MemoryFile> inputs;
  auto add = [&](StringRef bytes, StringRef prefix = "") -> Error {
    auto file = MemoryFile::create(bytes);
    if (!file)
      return file.takeError();
    arguments.push_back(prefix.str() + file->path());
    inputs.push_back(std::move(*file));
    return Error::success();
  };
  std::string script = "{ global: ";
  for (const std::string &name : publicSymbols(spec, true))
    script += name + "; ";
  script += "local: *; };\n";
  if (Error e = add(script, "--version-script="))
    return e;
  for (StringRef object : objects)
    if (Error e = add(object))
      return e;
  if (weightsPath.empty() && layout.bytes) {
    auto weights = weightsObject();
    if (!weights)
      return weights.takeError();
    arguments.push_back(weights->path());
    inputs.push_back(std::move(*weights));
  }
  arguments.push_back("--as-needed");
  auto addStub = [&](StringRef soname, const std::vector<std::string> &names) {
    SmallVector<StringRef> refs(names.begin(), names.end());
    return add(makeStubLibrary(soname, refs, machine));
  };
  if (Error e = addStub("libm.so.6", undefined.libm))
    return e;
  if (Error e = addStub("libpthread.so.0", undefined.libpthread))
    return e;
  if (Error e = addStub("libdl.so.2", undefined.libdl))
    return e;
  if (Error e = addStub("libc.so.6", undefined.libc))
    return e;
  auto file = addFile(options.output);
  if (!file)
    return file.takeError();
  (*file)->closeDescriptor();
  arguments.push_back("-o");
  arguments.push_back((*file)->temporaryPath());
  return runLld(arguments);
}

Error Writer::writeRelocatable() {
  auto core = mergeObjects(objects, publicSymbols(spec, false));
  if (!core)
    return core.takeError();
  bool embedded = weightsPath.empty() && layout.bytes;
  auto file = addFile(options.output);
  if (!file)
    return file.takeError();
  if (kind == OutputKind::Object && !embedded)
    return writeAt((*file)->descriptor(), 0, {core->data(), core->size()});
  std::unique_ptr<MemoryBuffer> weightsBuffer;
  if (kind == OutputKind::Object) {
    auto weights = weightsObject();
    if (!weights)
      return weights.takeError();
    auto coreFile = MemoryFile::create(*core);
    if (!coreFile)
      return coreFile.takeError();
    (*file)->closeDescriptor();
    return runLld(
        {"-r", "--threads=1", "-o", (*file)->temporaryPath(), coreFile->path(), weights->path()});
  }
  std::string prefix = moduleFunctionName(spec);
  std::vector<NewArchiveMember> members;
  std::string coreName = prefix + ".o", weightsName = prefix + "_weights.o";
  members.emplace_back(MemoryBufferRef(*core, coreName));
  if (embedded) {
    auto weights = weightsObject();
    if (!weights)
      return weights.takeError();
    auto buffer =
        MemoryBuffer::getOpenFile(weights->descriptor(), weightsName, uint64_t(-1), false);
    if (!buffer)
      return createStringError(buffer.getError(), "cannot read the weights");
    weightsBuffer = std::move(*buffer);
    members.emplace_back(weightsBuffer->getMemBufferRef());
  }
  raw_fd_ostream os((*file)->descriptor(), false);
  if (Error e = writeArchiveToStream(os, members, SymtabWritingMode::NormalSymtab,
                                     object::Archive::K_GNU, true, false))
    return e;
  os.flush();
  if (os.has_error()) {
    std::error_code ec = os.error();
    os.clear_error();
    return createStringError(ec, "cannot write '" + options.output + "'");
  }
  return Error::success();
}

Expected<ArtifactFiles> Writer::write() {
  if (Error e = prepare())
    return std::move(e);
  if (Error e = writeSideFile())
    return std::move(e);
  if (Error e = writeHeader())
    return std::move(e);
  if (Error e = collectObjects())
    return std::move(e);
  if (Error e = kind == OutputKind::SharedObject ? writeSharedObject() : writeRelocatable())
    return std::move(e);
  // Whatever could fail has been done; the artifact gets its name last.
  for (auto &file : files)
    if (Error e = file->commit())
      return std::move(e);
  ArtifactFiles result;
  result.output = options.output;
  result.header = options.header;
  result.weights = weightsPath;
  result.weightsBytes = layout.bytes;
  uint64_t size = 0;
  if (!sys::fs::file_size(options.output, size))
    result.outputBytes = size;
  return std::move(result);
}

Expected<ArtifactFiles> writeArtifact(const ArtifactSpec &spec, const ArtifactOptions &options) {
  return Writer(spec, options).write();
}

} // namespace ingot
