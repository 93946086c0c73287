// Batches are gathered row by row into buffers that live as long as the pass.
#include "loop.h"
#include <algorithm>
#include <cstring>
#include <numeric>

namespace ingot::training {

namespace {

/// splitmix64: the same order everywhere for one seed.
uint64_t nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}
void shuffle(std::vector<int64_t> &order, uint64_t seed) {
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[nextRandom(seed) % i]);
}

double scalarOf(const char *data, ingot_dtype dtype) {
  if (dtype == INGOT_F64) {
    double v;
    std::memcpy(&v, data, sizeof v);
    return v;
  }
  float v;
  std::memcpy(&v, data, sizeof v);
  return v;
}
std::string declared(const ingot_value &v) {
  std::string text;
  for (int32_t d = 0; d < v.rank; ++d)
    text +=
        (d ? "x" : "") + (v.dims[d] < 0 ? std::string(v.dim_names[d]) : std::to_string(v.dims[d]));
  return text;
}
std::string namesOf(const Arrays &arrays) {
  std::string text;
  for (auto &entry : arrays)
    text += (text.empty() ? "" : ", ") + entry.first;
  return text;
}

} // namespace

bool Dataset::make(const ingot_module *module, uint32_t signature, Arrays arrays, Dataset &dataset,
                   std::string &error) {
  const ingot_signature &s = module->signatures[signature];
  std::vector<const ingot_value *> missing;
  for (uint32_t i = 0; i < s.num_inputs; ++i)
    if (!arrays.count(s.inputs[i].name))
      missing.push_back(&s.inputs[i]);
  Arrays spare = arrays;
  for (uint32_t i = 0; i < s.num_inputs; ++i)
    spare.erase(s.inputs[i].name);
  if (missing.size() == 1 && spare.size() == 1) {
    arrays[missing[0]->name] = spare.begin()->second;
    missing.clear();
  }
  if (!missing.empty()) {
    error = "the data has no array '" + std::string(missing[0]->name) + "' (" +
            declared(*missing[0]) + "); it has " + namesOf(arrays);
    return false;
  }
  dataset.inputs.clear();
  for (uint32_t i = 0; i < s.num_inputs; ++i) {
    const ingot_value &v = s.inputs[i];
    Array array = std::move(arrays[v.name]);
    // Labels as [n, 1] and images without their one channel are common.
    while (static_cast<int32_t>(array.shape.size()) > v.rank && array.shape.back() == 1)
      array.shape.pop_back();
    while (static_cast<int32_t>(array.shape.size()) < v.rank && v.dims[array.shape.size()] == 1)
      array.shape.push_back(1);
    bool fits = static_cast<int32_t>(array.shape.size()) == v.rank && v.rank > 0;
    for (int32_t d = 1; fits && d < v.rank; ++d)
      fits = v.dims[d] < 0 || v.dims[d] == array.shape[d];
    if (!fits) {
      error = "array '" + std::string(v.name) + "' is " + array.describe() + ", the model takes " +
              declared(v);
      return false;
    }
    if (i && array.shape[0] != dataset.examples) {
      error = "array '" + std::string(v.name) + "' has " + std::to_string(array.shape[0]) +
              " examples, others have " + std::to_string(dataset.examples);
      return false;
    }
    dataset.examples = array.shape[0];
    if (!convertArray(array, v.dtype)) {
      error = "array '" + std::string(v.name) +
              "' has another element type than the model, without a conversion";
      return false;
    }
    dataset.inputs.push_back(std::move(array));
  }
  if (dataset.examples == 0) {
    error = "the data has no examples";
    return false;
  }
  return true;
}

bool Trainer::make(const ingot_module *module, ingot_context *context, Trainer &trainer,
                   std::string &error) {
  int32_t train = ingot_find_signature(module, "train"),
          evaluate = ingot_find_signature(module, "evaluate");
  if (train < 0 || evaluate < 0) {
    error = "the artifact has no signature 'train'; compile the model with --train --loss ...";
    return false;
  }
  trainer.module = module;
  trainer.context = context;
  trainer.train = train;
  trainer.evaluate = evaluate;
  return true;
}

/// Runs the signature on batches; `means` are its (scalar) outputs, each batch
/// weighted by its examples.
bool Trainer::run(uint32_t signature, const Dataset &data, const std::vector<int64_t> &order,
                  int64_t batch, std::vector<double> &means, std::string &error) {
  const ingot_signature &s = module->signatures[signature];
  std::vector<std::vector<char>> buffers(s.num_inputs);
  std::vector<ingot_tensor> inputs(s.num_inputs), outputs(s.num_outputs);
  std::vector<size_t> rowBytes;
  for (uint32_t i = 0; i < s.num_inputs; ++i) {
    const Array &a = data.inputs[i];
    rowBytes.push_back(a.data.size() / data.examples);
    buffers[i].resize(rowBytes[i] * batch + 1);
    inputs[i].data = buffers[i].data();
    inputs[i].dtype = a.dtype;
    inputs[i].rank = a.shape.size();
    std::copy(a.shape.begin(), a.shape.end(), inputs[i].shape);
  }
  std::vector<char> values(16 * s.num_outputs);
  for (uint32_t i = 0; i < s.num_outputs; ++i) {
    outputs[i].data = values.data() + 16 * i;
    outputs[i].capacity = 16;
    outputs[i].dtype = s.outputs[i].dtype;
  }
  int64_t fixed = s.inputs[0].dims[0]; // a model of one batch size: no smaller batch at the end
  means.assign(s.num_outputs, 0);
  int64_t seen = 0, examples = order.size();
  for (int64_t begin = 0; begin < examples; begin += batch) {
    int64_t n = std::min(batch, examples - begin);
    if (fixed >= 0 && n != fixed) {
      if (begin == 0) {
        error = "the model takes batches of " + std::to_string(fixed) +
                " examples only; give --batch " + std::to_string(fixed);
        return false;
      }
      break;
    }
    for (uint32_t i = 0; i < s.num_inputs; ++i) {
      for (int64_t r = 0; r < n; ++r)
        std::memcpy(buffers[i].data() + r * rowBytes[i],
                    data.inputs[i].data.data() + order[begin + r] * rowBytes[i], rowBytes[i]);
      inputs[i].shape[0] = n;
      inputs[i].capacity = n * rowBytes[i];
    }
    if (ingot_run(module, context, signature, inputs.data(), outputs.data()) != INGOT_OK) {
      error = ingot_message(module);
      return false;
    }
    for (uint32_t i = 0; i < s.num_outputs; ++i)
      means[i] += n * scalarOf(values.data() + 16 * i, outputs[i].dtype);
    seen += n;
  }
  for (double &v : means)
    v /= seen;
  return true;
}

bool Trainer::epoch(const Dataset &data, int64_t batch, std::optional<uint64_t> seed,
                    Metrics &metrics, std::string &error) {
  std::vector<int64_t> order(data.examples);
  std::iota(order.begin(), order.end(), 0);
  if (seed)
    shuffle(order, *seed);
  std::vector<double> means;
  if (!run(train, data, order, batch, means, error))
    return false;
  metrics.loss = means[0];
  metrics.accuracy.reset();
  return true;
}
bool Trainer::measure(const Dataset &data, int64_t batch, Metrics &metrics, std::string &error) {
  std::vector<int64_t> order(data.examples);
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> means;
  if (!run(evaluate, data, order, batch, means, error))
    return false;
  metrics.loss = means[0];
  metrics.accuracy.reset();
  if (means.size() > 1)
    metrics.accuracy = means[1];
  return true;
}

bool Trainer::variables(Arrays &arrays, std::string &error) {
  ingot_state *state = ingot_context_state(module, context);
  for (uint32_t i = 0; i < module->num_variables; ++i) {
    const ingot_variable &v = module->variables[i];
    Array &a = arrays[v.name];
    a.dtype = v.dtype;
    a.shape.assign(v.dims, v.dims + v.rank);
    a.data.resize(a.elements() * ingot_dtype_size(v.dtype));
    if (ingot_state_get(module, state, i, a.data.data(), a.data.size()) != INGOT_OK) {
      error = ingot_message(module);
      return false;
    }
  }
  return true;
}
bool Trainer::setVariables(const Arrays &arrays, std::string &error) {
  ingot_state *state = ingot_context_state(module, context);
  for (auto &[name, a] : arrays) {
    int32_t i = ingot_find_variable(module, name.c_str());
    if (i < 0) {
      error = "the artifact has no variable '" + name + "'";
      return false;
    }
    const ingot_variable &v = module->variables[i];
    if (a.dtype != v.dtype || a.shape != std::vector<int64_t>(v.dims, v.dims + v.rank)) {
      error = "variable '" + name + "' has another shape or element type (" + a.describe() + ")";
      return false;
    }
    if (ingot_state_set(module, state, i, a.data.data(), a.data.size()) != INGOT_OK) {
      error = ingot_message(module);
      return false;
    }
  }
  return true;
}

} // namespace ingot::training
