// The part of the conformance runner that knows the compiler: a case's graph
// in, a loaded module out.
#ifndef INGOT_TEST_CONFORMANCE_ENGINE_H
#define INGOT_TEST_CONFORMANCE_ENGINE_H

#include "CaseFile.h"
#include <memory>

namespace ingot::conform {

/// A compiled case in memory; gone with this object.
class Compiled {
public:
  virtual ~Compiled() = default;
  virtual const ingot_module *module() const = 0;
};

/// Compiles a case. Null on failure, with what the compiler says in `message`.
std::unique_ptr<Compiled> compile(const Case &test, std::string &message);

} // namespace ingot::conform

#endif
