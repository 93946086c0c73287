// Texts of the kernels that several tests run.
#ifndef INGOT_TEST_UNIT_SCHEDULE_TEXTS_H
#define INGOT_TEST_UNIT_SCHEDULE_TEXTS_H

#include <string>
#include <vector>

namespace ingot::test {

/// A tensor type; entries that are no number name a size.
std::string tensorText(std::vector<std::string> dims, const char *element = "f32");
/// x [M, K] times w [K, N] (packed in panels of `tile` columns if not 0), plus
/// bias, then `activation`; M may be a name.
std::string denseText(const std::string &m, int k, int n, int tile,
                      const char *activation = "relu");
std::vector<float> packed(const std::vector<float> &w, int k, int n, int tile);
/// Row softmax of [b, n]; n may be a name.
std::string softmaxText(const std::string &n);

/// One convolution, NHWC.
struct Conv {
  int n, h, w, c, kh, kw, f, stride, dilation, lowH, highH, lowW, highW, groups = 1, base = 1;
  int outH() const { return out(h, kh, lowH + highH); }
  int outW() const { return out(w, kw, lowW + highW); }
  int out(int size, int k, int pad) const {
    return ((size - 1) * base + 1 + pad - ((k - 1) * dilation + 1)) / stride + 1;
  }
  /// With a packed filter if tile is not 0.
  std::string text(bool dynamicImage, int tile = 0) const;
};

} // namespace ingot::test

#endif // INGOT_TEST_UNIT_SCHEDULE_TEXTS_H
