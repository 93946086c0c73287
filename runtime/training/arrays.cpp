// The zip format as far as NumPy writes it: a directory at the end, members
// stored or deflated, sizes in zip64 fields where they are large.
#include "arrays.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#ifdef INGOT_HAS_ZLIB
#include <zlib.h>
#endif

namespace ingot::training {

namespace {

const struct {
  ingot_dtype dtype;
  const char *descr;
} kDescr[] = {{INGOT_BOOL, "|b1"}, {INGOT_I8, "|i1"},  {INGOT_I16, "<i2"},  {INGOT_I32, "<i4"},
              {INGOT_I64, "<i8"},  {INGOT_U8, "|u1"},  {INGOT_U16, "<u2"},  {INGOT_U32, "<u4"},
              {INGOT_U64, "<u8"},  {INGOT_F16, "<f2"}, {INGOT_BF16, "|V2"}, {INGOT_F32, "<f4"},
              {INGOT_F64, "<f8"},  {INGOT_C64, "<c8"}, {INGOT_C128, "<c16"}};

uint64_t little(const char *p, int bytes) {
  uint64_t v = 0;
  for (int i = bytes - 1; i >= 0; --i)
    v = v << 8 | static_cast<uint8_t>(p[i]);
  return v;
}
void put(std::string &out, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(i < 8 ? v >> 8 * i : 0));
}

/// The text after 'key': in a .npy header.
std::string_view field(std::string_view header, const char *key) {
  std::string quoted = "'" + std::string(key) + "':";
  size_t at = header.find(quoted);
  return at == std::string_view::npos ? std::string_view() : header.substr(at + quoted.size());
}

bool parseShape(std::string_view text, std::vector<int64_t> &shape, uint64_t &count) {
  size_t open = text.find('('), close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return false;
  std::string list(text.substr(open + 1, close - open - 1));
  count = 1;
  for (const char *p = list.c_str(); *p;) {
    char *end;
    long long v = std::strtoll(p, &end, 10);
    if (end == p) {
      ++p;
      continue;
    }
    if (v < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(v), &count))
      return false;
    shape.push_back(v);
    p = end;
  }
  return shape.size() <= INGOT_MAX_RANK;
}

/// Parses the bytes of a .npy; a text is what is wrong with them.
std::string parseNpy(std::string_view bytes, Array &array) {
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0)
    return "is not a .npy file";
  bool wide = bytes[6] > 1;
  size_t start = wide ? 12 : 10, length = little(bytes.data() + 8, wide ? 4 : 2);
  if (length > bytes.size() - start)
    return "has a truncated header";
  std::string_view header = bytes.substr(start, length), descr = field(header, "descr");
  for (auto &d : kDescr) {
    size_t quote = descr.find('\'');
    if (quote != std::string_view::npos &&
        descr.compare(quote + 1, std::strlen(d.descr) + 1, std::string(d.descr) + "'") == 0)
      array.dtype = d.dtype;
  }
  if (array.dtype == INGOT_INVALID_DTYPE)
    return "has a dtype that is not supported: " + std::string(descr.substr(0, descr.find(',')));
  if (field(header, "fortran_order").substr(0, 6).find("True") != std::string_view::npos)
    return "is in Fortran order; save it with numpy.ascontiguousarray";
  uint64_t count = 0, need = 0;
  if (!parseShape(field(header, "shape"), array.shape, count) ||
      __builtin_mul_overflow(count, ingot_dtype_size(array.dtype), &need))
    return "has a shape that is not valid";
  std::string_view data = bytes.substr(start + length);
  if (data.size() < need)
    return "holds " + std::to_string(data.size()) + " bytes of data, its shape needs " +
           std::to_string(need);
  array.data.assign(data.begin(), data.begin() + need);
  return "";
}

std::string printNpy(const Array &array) {
  std::string shape, header;
  for (int64_t d : array.shape)
    shape += std::to_string(d) + ",";
  if (array.shape.size() > 1)
    shape.pop_back();
  for (auto &d : kDescr)
    if (d.dtype == array.dtype)
      header = "{'descr': '" + std::string(d.descr) + "', 'fortran_order': False, 'shape': (" +
               shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\0", 8);
  put(out, header.size(), 2);
  out += header;
  out.append(array.data.begin(), array.data.end());
  return out;
}

uint32_t crc32Of(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i)
      crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
  }
  return ~crc;
}

bool inflateMember(std::string_view packed, std::string &out) {
#ifdef INGOT_HAS_ZLIB
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
    return false;
  z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
  z.avail_in = packed.size();
  z.next_out = reinterpret_cast<Bytef *>(out.data());
  z.avail_out = out.size();
  int r = inflate(&z, Z_FINISH);
  inflateEnd(&z);
  return r == Z_STREAM_END && z.avail_out == 0;
#else
  (void)packed, (void)out;
  return false;
#endif
}

struct Member {
  std::string name;
  uint64_t method, packed, size, offset;
};
/// Members from the directory at the end of the archive.
bool listMembers(std::string_view zip, std::vector<Member> &members) {
  if (zip.size() < 22)
    return false;
  size_t end = std::string_view::npos;
  for (size_t i = zip.size() - 22 + 1; i-- > 0 && zip.size() - i < 66000;)
    if (zip.compare(i, 4, "PK\5\6") == 0) {
      end = i;
      break;
    }
  if (end == std::string_view::npos)
    return false;
  uint64_t count = little(zip.data() + end + 10, 2), at = little(zip.data() + end + 16, 4);
  if (end >= 20 && zip.compare(end - 20, 4, "PK\6\7") == 0) { // zip64
    uint64_t record = little(zip.data() + end - 12, 8);
    if (record > zip.size() || zip.size() - record < 56 || zip.compare(record, 4, "PK\6\6") != 0)
      return false;
    count = little(zip.data() + record + 32, 8);
    at = little(zip.data() + record + 48, 8);
  }
  for (; count; --count) {
    if (at > zip.size() || zip.size() - at < 46 || zip.compare(at, 4, "PK\1\2") != 0)
      return false;
    const char *p = zip.data() + at;
    uint64_t name = little(p + 28, 2), extra = little(p + 30, 2), comment = little(p + 32, 2);
    if (zip.size() - at < 46 + name + extra + comment)
      return false;
    Member m{std::string(p + 46, name), little(p + 10, 2), little(p + 20, 4), little(p + 24, 4),
             little(p + 42, 4)};
    for (uint64_t e = 0; e + 4 <= extra;) {
      const char *x = p + 46 + name + e;
      uint64_t id = little(x, 2), length = little(x + 2, 2), used = 4;
      auto wide = [&](uint64_t &v) {
        if (v == 0xffffffffu && used + 8 <= length + 4 && e + used + 8 <= extra) {
          v = little(x + used, 8);
          used += 8;
        }
      };
      if (id == 1) {
        wide(m.size);
        wide(m.packed);
        wide(m.offset);
      }
      e += 4 + length;
    }
    members.push_back(m);
    at += 46 + name + extra + comment;
  }
  return true;
}
/// The bytes of a member; a text is what is wrong.
std::string memberBytes(std::string_view zip, const Member &m, std::string &out) {
  if (m.offset > zip.size() || zip.size() - m.offset < 30 ||
      zip.compare(m.offset, 4, "PK\3\4") != 0)
    return "is damaged";
  uint64_t start =
      m.offset + 30 + little(zip.data() + m.offset + 26, 2) + little(zip.data() + m.offset + 28, 2);
  if (start > zip.size() || zip.size() - start < m.packed)
    return "is truncated";
  std::string_view packed = zip.substr(start, m.packed);
  if (m.method == 0) {
    out = packed;
    return "";
  }
  if (m.method != 8 || m.size > (uint64_t(1) << 40) || m.size > 1040 * (m.packed + 64))
    return "is packed in a way that is not supported; save it with numpy.savez";
  out.resize(m.size);
  return inflateMember(packed, out) ? "" : "cannot be unpacked; save it with numpy.savez";
}

template <typename To, typename From> void convertTo(Array &array) {
  std::vector<char> out(array.elements() * sizeof(To));
  for (int64_t i = 0, n = array.elements(); i < n; ++i) {
    From v;
    std::memcpy(&v, array.data.data() + i * sizeof(From), sizeof(From));
    To r = static_cast<To>(v);
    std::memcpy(out.data() + i * sizeof(To), &r, sizeof(To));
  }
  array.data = std::move(out);
}
template <typename To> bool convertFrom(Array &array) {
  switch (array.dtype) {
  case INGOT_BOOL:
  case INGOT_U8:
    return convertTo<To, uint8_t>(array), true;
  case INGOT_I8:
    return convertTo<To, int8_t>(array), true;
  case INGOT_I16:
    return convertTo<To, int16_t>(array), true;
  case INGOT_U16:
    return convertTo<To, uint16_t>(array), true;
  case INGOT_I32:
    return convertTo<To, int32_t>(array), true;
  case INGOT_U32:
    return convertTo<To, uint32_t>(array), true;
  case INGOT_I64:
    return convertTo<To, int64_t>(array), true;
  case INGOT_U64:
    return convertTo<To, uint64_t>(array), true;
  case INGOT_F32:
    return convertTo<To, float>(array), true;
  case INGOT_F64:
    return convertTo<To, double>(array), true;
  default:
    return false;
  }
}

} // namespace

int64_t Array::elements() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}
std::string Array::describe() const {
  std::string text;
  for (int64_t d : shape)
    text += (text.empty() ? "" : "x") + std::to_string(d);
  return (text.empty() ? "a single value" : text) + " of " +
         std::to_string(ingot_dtype_size(dtype)) + "-byte elements";
}

bool readArrays(const std::string &path, Arrays &arrays, std::string &error) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    error = path + ": " + std::strerror(errno);
    return false;
  }
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (bytes.compare(0, 6, "\x93NUMPY") == 0) {
    std::string wrong = parseNpy(bytes, arrays["x"]);
    error = wrong.empty() ? "" : path + ": " + wrong;
    return wrong.empty();
  }
  std::vector<Member> members;
  if (bytes.compare(0, 2, "PK") != 0 || !listMembers(bytes, members)) {
    error = path + ": is neither a .npz nor a .npy file";
    return false;
  }
  for (const Member &m : members) {
    std::string name = m.name, content, wrong;
    if (name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0)
      name.resize(name.size() - 4);
    wrong = memberBytes(bytes, m, content);
    if (wrong.empty())
      wrong = parseNpy(content, arrays[name]);
    if (!wrong.empty()) {
      error = path + ": its array '" + name + "' " + wrong;
      return false;
    }
  }
  return true;
}

bool writeArrays(const std::string &path, const Arrays &arrays, std::string &error) {
  std::string out, directory;
  for (auto &[name, array] : arrays) {
    std::string file = name + ".npy", content = printNpy(array);
    uint64_t offset = out.size();
    if (content.size() >= 0xffffffffu || offset >= 0xffffffffu) {
      error = path + ": is larger than a .npz of 4 GB";
      return false;
    }
    std::string common; // what the local header and the directory share
    put(common, 0, 2);  // flags
    put(common, 0, 2);  // stored
    put(common, 0, 2);
    put(common, 0x21, 2); // 1980-01-01: the same bytes for the same values
    put(common, crc32Of(content), 4);
    put(common, content.size(), 4);
    put(common, content.size(), 4);
    put(common, file.size(), 2);
    put(common, 0, 2);
    out += "PK\3\4";
    put(out, 20, 2);
    out += common + file + content;
    directory += "PK\1\2";
    put(directory, 20, 2);
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 10); // comment, disk, attributes
    put(directory, offset, 4);
    directory += file;
  }
  uint64_t start = out.size();
  out += directory;
  out += "PK\5\6";
  put(out, 0, 4);
  put(out, arrays.size(), 2);
  put(out, arrays.size(), 2);
  put(out, directory.size(), 4);
  put(out, start, 4);
  put(out, 0, 2);
  std::string temporary = path + ".part";
  {
    std::ofstream file(temporary, std::ios::binary);
    file.write(out.data(), out.size());
    file.flush();
    if (!file || std::rename(temporary.c_str(), path.c_str())) {
      error = path + ": cannot be written: " + std::strerror(errno);
      std::remove(temporary.c_str());
      return false;
    }
  }
  return true;
}

bool convertArray(Array &array, ingot_dtype dtype) {
  if (array.dtype == dtype)
    return true;
  bool ok = false;
  switch (dtype) {
  case INGOT_F32:
    ok = convertFrom<float>(array);
    break;
  case INGOT_F64:
    ok = convertFrom<double>(array);
    break;
  case INGOT_I32:
    ok = convertFrom<int32_t>(array);
    break;
  case INGOT_I64:
    ok = convertFrom<int64_t>(array);
    break;
  case INGOT_U8:
    ok = convertFrom<uint8_t>(array);
    break;
  default:
    break;
  }
  if (ok)
    array.dtype = dtype;
  return ok;
}

} // namespace ingot::training
