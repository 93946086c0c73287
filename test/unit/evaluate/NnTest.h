// Tests of nn functions written as text: parse, evaluate, compare numbers.
#ifndef INGOT_TEST_UNIT_EVALUATE_NNTEST_H
#define INGOT_TEST_UNIT_EVALUATE_NNTEST_H

#include "compiler/dialects/Nn/Nn.h"
#include "compiler/evaluate/Evaluate.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>

namespace ingot::test {

constexpr double NaN = std::numeric_limits<double>::quiet_NaN();
constexpr double Inf = std::numeric_limits<double>::infinity();

/// A context with the nn dialect and parsed modules that live as long.
class NnTest : public ::testing::Test {
protected:
  NnTest() { context.loadDialect<nn::NnDialect, mlir::func::FuncDialect>(); }

  /// Parses functions and gives the one named `name`.
  mlir::func::FuncOp parse(llvm::StringRef text, llvm::StringRef name = "f") {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    EXPECT_TRUE(modules.back()) << text.str();
    if (!modules.back())
      return {};
    return modules.back()->lookupSymbol<mlir::func::FuncOp>(name);
  }
  mlir::Type type(llvm::StringRef text) { return mlir::parseType(text, &context); }
  /// A tensor of a type such as "2x3xf32".
  evaluate::HostTensor tensor(llvm::StringRef shapeAndType, const std::vector<double> &values) {
    auto t = llvm::cast<mlir::RankedTensorType>(type(("tensor<" + shapeAndType + ">").str()));
    return evaluate::HostTensor::fromValues(t.getElementType(), t.getShape(), values);
  }
  /// Runs the function and gives its results as doubles.
  std::vector<std::vector<double>> run(mlir::func::FuncOp f,
                                       std::vector<evaluate::HostTensor> inputs) {
    auto r = evaluate::evaluate(f, inputs);
    EXPECT_TRUE(bool(r)) << r.message;
    std::vector<std::vector<double>> values;
    for (auto &t : r.outputs)
      values.push_back(t.read<double>());
    return values;
  }

  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

inline void expectNear(const std::vector<double> &got, const std::vector<double> &expected,
                       double tolerance, const std::string &what = "") {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(got[i])) << what << "[" << i << "] = " << got[i];
    else if (std::isinf(expected[i]))
      EXPECT_EQ(got[i], expected[i]) << what << "[" << i << "]";
    else
      EXPECT_NEAR(got[i], expected[i], tolerance * std::max(1.0, std::fabs(expected[i])))
          << what << "[" << i << "]";
  }
}

} // namespace ingot::test

#endif // INGOT_TEST_UNIT_EVALUATE_NNTEST_H
