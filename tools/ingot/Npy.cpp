// .npy: a magic number, a Python dictionary as text, the elements.
#include "Npy.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>

namespace ingot::cli {

static const struct {
  ingot_dtype dtype;
  const char *descr;
} kDescr[] = {{INGOT_BOOL, "|b1"}, {INGOT_I8, "|i1"},  {INGOT_I16, "<i2"},  {INGOT_I32, "<i4"},
              {INGOT_I64, "<i8"},  {INGOT_U8, "|u1"},  {INGOT_U16, "<u2"},  {INGOT_U32, "<u4"},
              {INGOT_U64, "<u8"},  {INGOT_F16, "<f2"}, {INGOT_BF16, "|V2"}, {INGOT_F32, "<f4"},
              {INGOT_F64, "<f8"},  {INGOT_C64, "<c8"}, {INGOT_C128, "<c16"}};

[[noreturn]] static void fail(const std::string &path, const std::string &what) {
  throw std::runtime_error(fmt::format("{}: {}", path, what));
}

/// The text after 'key': in the header's dictionary.
static std::string_view field(std::string_view header, std::string_view key) {
  size_t at = header.find(fmt::format("'{}':", key));
  return at == std::string_view::npos ? std::string_view() : header.substr(at + key.size() + 3);
}

Tensor readNpy(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    fail(path, std::strerror(errno));
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (bytes.size() < 10 || bytes.compare(0, 6, "\x93NUMPY") != 0)
    fail(path, "not a .npy file");
  bool wide = bytes[6] > 1;
  if (wide && bytes.size() < 12)
    fail(path, "truncated header");
  size_t length = 0, start = wide ? 12 : 10;
  for (int i = wide ? 3 : 1; i >= 0; --i)
    length = length << 8 | static_cast<uint8_t>(bytes[8 + i]);
  if (length > bytes.size() - start)
    fail(path, "truncated header");
  std::string_view header(bytes.data() + start, length);

  Tensor t;
  std::string_view descr = field(header, "descr");
  size_t open = descr.find('\''),
         close = open == std::string_view::npos ? open : descr.find('\'', open + 1);
  if (close == std::string_view::npos)
    fail(path, "its header names no dtype (structured arrays are not supported)");
  std::string_view code = descr.substr(open + 1, close - open - 1);
  for (auto &d : kDescr)
    if (!code.empty() && code.substr(1) == std::string_view(d.descr + 1) && code[0] != '>')
      t.dtype = d.dtype;
  if (t.dtype == INGOT_INVALID_DTYPE)
    fail(path, fmt::format("dtype '{}' is not supported", code));
  if (field(header, "fortran_order").substr(0, 6).find("True") != std::string_view::npos)
    fail(path, "is in Fortran order; save it with numpy.ascontiguousarray");
  std::string_view shape = field(header, "shape");
  open = shape.find('(');
  close = shape.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos)
    fail(path, "its header has no shape");
  uint64_t count = 1;
  for (std::string list(shape.substr(open + 1, close - open - 1)); !list.empty();) {
    size_t comma = list.find(',');
    std::string item = list.substr(0, comma);
    if (item.find_first_not_of(" L") != std::string::npos) {
      t.shape.push_back(std::strtoll(item.c_str(), nullptr, 10));
      if (t.shape.back() < 0 ||
          __builtin_mul_overflow(count, static_cast<uint64_t>(t.shape.back()), &count))
        fail(path, "its shape is not valid");
    }
    list = comma == std::string::npos ? "" : list.substr(comma + 1);
  }
  if (t.shape.size() > INGOT_MAX_RANK)
    fail(path, fmt::format("has rank {}, at most {} is supported", t.shape.size(), INGOT_MAX_RANK));
  size_t have = bytes.size() - start - length, need;
  if (__builtin_mul_overflow(count, ingot_dtype_size(t.dtype), &need) || need > have)
    fail(path, fmt::format("holds {} bytes of data, its shape needs more", have));
  t.data.assign(bytes.data() + start + length, bytes.data() + start + length + need);
  return t;
}

void writeNpy(const std::string &path, const Tensor &t) {
  const char *code = "|V1";
  for (auto &d : kDescr)
    if (d.dtype == t.dtype)
      code = d.descr;
  std::string shape;
  for (int64_t d : t.shape)
    shape += fmt::format("{},{}", d, t.shape.size() == 1 ? "" : " ");
  if (t.shape.size() > 1)
    shape.resize(shape.size() - 2);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", code, shape);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string temporary = path + ".part";
  {
    std::ofstream out(temporary, std::ios::binary);
    char prefix[10] = {'\x93',
                       'N',
                       'U',
                       'M',
                       'P',
                       'Y',
                       1,
                       0,
                       static_cast<char>(header.size() & 255),
                       static_cast<char>(header.size() >> 8)};
    out.write(prefix, 10);
    out << header;
    out.write(t.data.data(), t.data.size());
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      fail(path, fmt::format("cannot be written: {}", std::strerror(errno)));
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()))
    fail(path, fmt::format("cannot be written: {}", std::strerror(errno)));
}

} // namespace ingot::cli
