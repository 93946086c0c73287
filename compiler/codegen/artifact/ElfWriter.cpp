#include "compiler/codegen/artifact/ElfWriter.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/MathExtras.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace llvm;
using namespace llvm::ELF;

namespace ingot {

Error writeAt(int file, uint64_t offset, ArrayRef<char> bytes) {
  while (!bytes.empty()) {
    ssize_t n = pwrite(file, bytes.data(), bytes.size(), off_t(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return createStringError("cannot write: " + sys::StrError(errno));
    bytes = bytes.drop_front(size_t(n));
    offset += uint64_t(n);
  }
  return Error::success();
}

namespace {

template <typename T> ArrayRef<char> asBytes(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof value};
}
template <typename T> ArrayRef<char> asBytes(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}
ArrayRef<char> asBytes(const std::string &text) { return {text.data(), text.size()}; }

/// Strings one after the other, each with its offset.
struct StringTable {
  std::string bytes = std::string(1, '\0');
  uint32_t add(StringRef text) {
    uint32_t offset = uint32_t(bytes.size());
    bytes += text;
    bytes += '\0';
    return offset;
  }
};

Elf64_Ehdr makeHeader(uint16_t type, uint16_t machine, uint64_t sections, uint16_t count) {
  Elf64_Ehdr h = {};
  memcpy(h.e_ident, ElfMagic, 4);
  h.e_ident[EI_CLASS] = ELFCLASS64;
  h.e_ident[EI_DATA] = ELFDATA2LSB;
  h.e_ident[EI_VERSION] = EV_CURRENT;
  h.e_type = type;
  h.e_machine = machine;
  h.e_version = EV_CURRENT;
  h.e_shoff = sections;
  h.e_ehsize = sizeof(Elf64_Ehdr);
  h.e_shentsize = sizeof(Elf64_Shdr);
  h.e_shnum = count;
  h.e_shstrndx = uint16_t(count - 1);
  return h;
}

Elf64_Shdr makeSection(uint32_t name, uint32_t type, uint64_t flags, uint64_t offset, uint64_t size,
                       uint64_t align) {
  Elf64_Shdr s = {};
  s.sh_name = name;
  s.sh_type = type;
  s.sh_flags = flags;
  s.sh_offset = offset;
  s.sh_size = size;
  s.sh_addralign = align;
  return s;
}

} // namespace

Error writeWeightsObject(int file, const WeightsLayout &layout, StringRef symbol,
                         uint16_t machine) {
  StringTable strings, names;
  std::vector<Elf64_Sym> symbols(2);
  memset(symbols.data(), 0, symbols.size() * sizeof(Elf64_Sym));
  symbols[1].st_name = strings.add(symbol);
  symbols[1].st_info = STB_GLOBAL << 4 | STT_OBJECT;
  symbols[1].st_other = STV_HIDDEN;
  symbols[1].st_shndx = 1;
  symbols[1].st_size = layout.bytes;

  uint64_t dataAt = 4096;
  uint64_t symbolsAt = alignTo(dataAt + layout.bytes, 8);
  uint64_t stringsAt = symbolsAt + symbols.size() * sizeof(Elf64_Sym);
  uint64_t namesAt = stringsAt + strings.bytes.size();
  std::vector<Elf64_Shdr> sections(1);
  memset(sections.data(), 0, sizeof(Elf64_Shdr));
  sections.push_back(
      makeSection(names.add(".rodata.weights"), SHT_PROGBITS, SHF_ALLOC, dataAt, layout.bytes, 64));
  sections.push_back(makeSection(names.add(".symtab"), SHT_SYMTAB, 0, symbolsAt,
                                 symbols.size() * sizeof(Elf64_Sym), 8));
  sections.back().sh_link = 3;
  sections.back().sh_info = 1; // first global symbol
  sections.back().sh_entsize = sizeof(Elf64_Sym);
  sections.push_back(
      makeSection(names.add(".strtab"), SHT_STRTAB, 0, stringsAt, strings.bytes.size(), 1));
  sections.push_back(makeSection(names.add(".note.GNU-stack"), SHT_PROGBITS, 0, namesAt, 0, 1));
  uint32_t ownName = names.add(".shstrtab");
  sections.push_back(makeSection(ownName, SHT_STRTAB, 0, namesAt, names.bytes.size(), 1));
  uint64_t sectionsAt = alignTo(namesAt + names.bytes.size(), 8);

  auto write = [&](uint64_t offset, ArrayRef<char> bytes, Error &error) {
    if (!error)
      error = writeAt(file, offset, bytes);
  };
  Error error = Error::success();
  write(0, asBytes(makeHeader(ET_REL, machine, sectionsAt, uint16_t(sections.size()))), error);
  for (const WeightsPiece &piece : layout.pieces)
    write(dataAt + piece.offset, piece.data, error);
  write(symbolsAt, asBytes(symbols), error);
  write(stringsAt, asBytes(strings.bytes), error);
  write(namesAt, asBytes(names.bytes), error);
  write(sectionsAt, asBytes(sections), error);
  return error;
}

std::string makeStubLibrary(StringRef soname, ArrayRef<StringRef> symbolNames, uint16_t machine) {
  StringTable strings, names;
  std::vector<Elf64_Sym> symbols(1);
  memset(symbols.data(), 0, sizeof(Elf64_Sym));
  for (StringRef name : symbolNames) {
    Elf64_Sym s = {};
    s.st_name = strings.add(name);
    s.st_info = STB_GLOBAL << 4 | STT_FUNC;
    s.st_shndx = 1; // any section: it only must be defined
    symbols.push_back(s);
  }
  std::vector<Elf64_Dyn> dynamic(2);
  memset(dynamic.data(), 0, dynamic.size() * sizeof(Elf64_Dyn));
  dynamic[0].d_tag = DT_SONAME;
  dynamic[0].d_un.d_val = strings.add(soname);
  dynamic[1].d_tag = DT_NULL;

  uint64_t symbolsAt = sizeof(Elf64_Ehdr);
  uint64_t dynamicAt = symbolsAt + symbols.size() * sizeof(Elf64_Sym);
  uint64_t stringsAt = dynamicAt + dynamic.size() * sizeof(Elf64_Dyn);
  uint64_t namesAt = stringsAt + strings.bytes.size();
  std::vector<Elf64_Shdr> sections(1);
  memset(sections.data(), 0, sizeof(Elf64_Shdr));
  sections.push_back(makeSection(names.add(".dynsym"), SHT_DYNSYM, SHF_ALLOC, symbolsAt,
                                 symbols.size() * sizeof(Elf64_Sym), 8));
  sections.back().sh_link = 3;
  sections.back().sh_info = 1;
  sections.back().sh_entsize = sizeof(Elf64_Sym);
  sections.push_back(makeSection(names.add(".dynamic"), SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE,
                                 dynamicAt, dynamic.size() * sizeof(Elf64_Dyn), 8));
  sections.back().sh_link = 3;
  sections.back().sh_entsize = sizeof(Elf64_Dyn);
  sections.push_back(
      makeSection(names.add(".dynstr"), SHT_STRTAB, SHF_ALLOC, stringsAt, strings.bytes.size(), 1));
  uint32_t ownName = names.add(".shstrtab");
  sections.push_back(makeSection(ownName, SHT_STRTAB, 0, namesAt, names.bytes.size(), 1));
  uint64_t sectionsAt = alignTo(namesAt + names.bytes.size(), 8);

  std::string out;
  auto append = [&](ArrayRef<char> bytes) { out.append(bytes.data(), bytes.size()); };
  append(asBytes(makeHeader(ET_DYN, machine, sectionsAt, uint16_t(sections.size()))));
  append(asBytes(symbols));
  append(asBytes(dynamic));
  append(asBytes(strings.bytes));
  append(asBytes(names.bytes));
  out.resize(sectionsAt, '\0');
  append(asBytes(sections));
  return out;
}

} // namespace ingot
