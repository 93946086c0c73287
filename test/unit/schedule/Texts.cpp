// See Texts.h.
#include "test/unit/schedule/Texts.h"

#include "compiler/dialects/Nn/SizeExpr.h"
#include <cctype>

namespace ingot::test {

std::string tensorText(std::vector<std::string> dims, const char *element) {
  std::string t = "tensor<", names;
  for (auto &d : dims) {
    bool known = isdigit(d[0]);
    t += (known ? d : "?") + "x";
    if (!known)
      names += (names.empty() ? "\"" : ", \"") + d + "\"";
  }
  return t + element + (names.empty() ? "" : ", #nn.sizes<" + names + ">") + ">";
}

std::string denseText(const std::string &m, int k, int n, int tile, const char *activation) {
  auto s = [](int v) { return std::to_string(v); };
  std::string X = tensorText({m, s(k)}), W = tensorText({s(k), s(n)}), B = tensorText({s(n)}),
              Y = tensorText({m, s(n)});
  std::string P = tile ? tensorText({s((n + tile - 1) / tile), s(k), s(tile)}) : W;
  return "func.func @f(%x: " + X + ", %w: " + P + ", %b: " + B + ") -> " + Y +
         " {\n%r = nn.kernel \"contraction\" (%x, %w, %b : " + X + ", " + P + ", " + B + ") -> " +
         Y + " {\n^bb0(%0: " + X + ", %1: " + P + ", %2: " + B + "):\n" +
         (tile ? "%u = nn.unpack %1 {dim = 1} : (" + P + ") -> " + W + "\n" : "") +
         "%d = nn.dot_general %0, " + (tile ? "%u" : "%1") +
         " {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = "
         "array<i64: 1>, rhs_contract = array<i64: 0>} : (" +
         X + ", " + W + ") -> " + Y + "\n%bb = nn.broadcast %2 {dims = array<i64: 1>} : (" + B +
         ") -> " + Y + "\n%s = nn.add %d, %bb : " + Y + "\n%t = nn." + activation + " %s : " + Y +
         "\nnn.yield %t : " + Y + "\n}\nreturn %r : " + Y + "\n}";
}

std::vector<float> packed(const std::vector<float> &w, int k, int n, int tile) {
  std::vector<float> p((n + tile - 1) / tile * tile * k);
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < n; ++j)
      p[(j / tile * k + i) * tile + j % tile] = w[i * n + j];
  return p;
}

std::string softmaxText(const std::string &n) {
  std::string X = tensorText({"b", n}), R = tensorText({"b"});
  return "func.func @f(%x: " + X + ") -> " + X + " {\n%r = nn.kernel \"row\" (%x : " + X + ") -> " +
         X + " {\n^bb0(%0: " + X + "):\n%m = nn.reduce max %0 {dims = array<i64: 1>} : (" + X +
         ") -> " + R + "\n%mb = nn.broadcast %m {dims = array<i64: 0>} : (" + R + ") -> " + X +
         "\n%s = nn.sub %0, %mb : " + X + "\n%e = nn.exp %s : " + X +
         "\n%t = nn.reduce sum %e {dims = array<i64: 1>} : (" + X + ") -> " + R +
         "\n%tb = nn.broadcast %t {dims = array<i64: 0>} : (" + R + ") -> " + X +
         "\n%q = nn.div %e, %tb : " + X + "\nnn.yield %q : " + X + "\n}\nreturn %r : " + X + "\n}";
}

std::string Conv::text(bool dynamicImage, int tile) const {
  auto s = [](int v) { return std::to_string(v); };
  // The names that shape inference gives.
  auto size = [&](const std::string &name, int rest, int known) {
    if (!dynamicImage)
      return s(known);
    auto e = nn::SizeExpr::symbol(name) + rest;
    return nn::SizeExpr::max(nn::SizeExpr::floorDiv(e, stride) + 1, 0).str();
  };
  std::string X = tensorText({"batch", dynamicImage ? "h" : s(h), dynamicImage ? "w" : s(w), s(c)});
  std::string F = tensorText({s(kh), s(kw), s(c / groups), s(f)});
  std::string P =
      tile ? tensorText({s((f + tile - 1) / tile), s(kh), s(kw), s(c / groups), s(tile)}) : F;
  std::string Y = tensorText({"batch", size("h", lowH + highH - (kh - 1) * dilation - 1, outH()),
                              size("w", lowW + highW - (kw - 1) * dilation - 1, outW()), s(f)});
  std::string d = s(dilation), b = s(base);
  return "func.func @f(%x: " + X + ", %f: " + P + ") -> " + Y +
         " {\n%r = nn.kernel \"contraction\" (%x, %f : " + X + ", " + P + ") -> " + Y +
         " {\n^bb0(%0: " + X + ", %1: " + P + "):\n" +
         (tile ? "%u = nn.unpack %1 {dim = 3} : (" + P + ") -> " + F + "\n" : "") +
         "%c = \"nn.conv\"(%0, " + (tile ? "%u" : "%1") + ") <{strides = array<i64: " + s(stride) +
         ", " + s(stride) + ">, pad_low = #nn.sizes<" + s(lowH) + ", " + s(lowW) +
         ">, pad_high = #nn.sizes<" + s(highH) + ", " + s(highW) +
         ">, lhs_dilation = array<i64: " + b + ", " + b + ">, rhs_dilation = array<i64: " + d +
         ", " + d + ">, groups = " + s(groups) + " : i64}> : (" + X + ", " + F + ") -> " + Y +
         "\nnn.yield %c : " + Y + "\n}\nreturn %r : " + Y + "\n}";
}

} // namespace ingot::test
