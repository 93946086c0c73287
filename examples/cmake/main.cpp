// The same as main.c with the C++ wrapper.
#include "net.h"
#include <ingot/ingot.hpp>

#include <cstdio>

int main() try {
  ingot::Module module(net_module());
  ingot::Context context(module);
  const ingot_signature &s = module.get()->signatures[0];
  std::vector<std::vector<float>> data(s.num_inputs);
  std::vector<ingot_tensor> inputs;
  for (uint32_t i = 0; i < s.num_inputs; ++i) {
    std::vector<int64_t> shape;
    size_t n = 1;
    for (int d = 0; d < s.inputs[i].rank; ++d) {
      shape.push_back(s.inputs[i].dims[d] < 0 ? 2 : s.inputs[i].dims[d]);
      n *= size_t(shape.back());
    }
    data[i].assign(n, 0.5f);
    inputs.push_back(ingot::view(data[i], shape));
  }
  std::vector<ingot::Array> outputs = context.run(s.name, inputs);
  std::printf("%s:", s.outputs[0].name);
  for (int64_t d : outputs[0].shape())
    std::printf(" %lld", static_cast<long long>(d));
  std::printf(" first %.6g\n", outputs[0].data<float>()[0]);
} catch (const ingot::Error &e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
