// Whole training steps against Keras 3 in float64: each loss and optimizer,
// three steps of a dense layer, then the loss and every weight.
#include "compiler/passes/train/BuildTraining.h"
#include "test/unit/evaluate/NnTest.h"
#include "mlir/IR/Verifier.h"

using namespace ingot;
using namespace ingot::test;
using evaluate::HostTensor;

namespace {

/// One way to train, and what Keras has after three steps.
struct Case {
  const char *loss, *activation; ///< which makes what the loss takes; "" for none
  double lossAfter;
  std::vector<double> weights;
  const char *optimizer = "adam";
  double momentum = 0;
  bool nesterov = false;
};
const std::vector<Case> kCases = {
    {"mse",
     "",
     0.4782320178692607,
     {0.10299933508704309, -0.1970006769515461, 0.2970077739689062, 0.3970006314539042,
      0.4970008298571277, -0.5970007940427229, 0.012999707825237907, -0.022997321890525765,
      0.03299982314662068}},
    {"sparse_categorical_crossentropy",
     "softmax",
     0.540211913077618,
     {0.102999588755146, -0.20299959998152453, 0.3029879133586772, 0.39700082341578025,
      0.5029994381350154, -0.6029998226834422, 0.01300049780170765, -0.017510617969906786,
      0.027000369216847894}},
    {"categorical_crossentropy",
     "softmax",
     0.5549313087017053,
     {0.10299943452112569, -0.20299945165700753, 0.3029991721946274, 0.3970008981066648,
      0.5029993419645815, -0.6029997567035871, 0.0070024503522535825, -0.0170013573582979,
      0.02700032736310879}},
    {"binary_crossentropy",
     "sigmoid",
     0.4740267508849825,
     {0.10299843929681657, -0.20299968691640305, 0.3029996717965033, 0.3970005687664046,
      0.5029995937281032, -0.6029995260889232, 0.012999640630317943, -0.02299976241487349,
      0.03299976055709218}},
    {"sparse_categorical_crossentropy",
     "softmax",
     0.536757698869615,
     {0.10574868622893466, -0.2057614588634167, 0.300012772634482, 0.39291698083434873,
      0.5112649273616957, -0.6041819081960444, 0.011898228950185153, -0.020014051139673802,
      0.02811582218948865},
     "sgd"},
    {"sparse_categorical_crossentropy",
     "softmax",
     0.5340946950209693,
     {0.1107649408115079, -0.21078916664886732, 0.3000242258373594, 0.3867130268901777,
      0.5211093299242285, -0.6078223568144063, 0.013538831877030097, -0.020014514981359276,
      0.026475683104329177},
     "sgd",
     0.9},
    {"sparse_categorical_crossentropy",
     "softmax",
     0.5292206263732008,
     {0.11531735412183837, -0.21534976658373653, 0.30003241246189816, 0.38129379183380097,
      0.529911657067929, -0.6112054489017298, 0.015169755740174607, -0.020121673397907068,
      0.024951917657732456},
     "sgd",
     0.9,
     true},
};

class BuildTraining : public NnTest {
protected:
  /// A dense layer with an activation. "* 1" stands between the activation and
  /// the output, so that the loss does not look through it.
  mlir::ModuleOp model(const std::string &activation, bool lookThrough) {
    std::string act = activation.empty() ? "" : "  %a = nn." + activation + " %z : !y\n";
    std::string last = activation.empty() ? "%z" : "%a";
    parse(R"(
!x = tensor<?x2xf64, #nn.sizes<"batch">>
!y = tensor<?x3xf64, #nn.sizes<"batch">>
nn.variable @w {value = dense<[[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]> : tensor<2x3xf64>, trainable}
nn.variable @b {value = dense<[0.01, -0.02, 0.03]> : tensor<3xf64>, trainable}
func.func @f(%x: !x {ingot.input = "x"}, %w: tensor<2x3xf64> {ingot.variable = @w}, %b: tensor<3xf64> {ingot.variable = @b})
    -> (!y {ingot.output = "out"}) attributes {ingot.signature = "serving_default"} {
  %m = nn.dot_general %x, %w {lhs_batch = array<i64>, rhs_batch = array<i64>, lhs_contract = array<i64: 1>, rhs_contract = array<i64: 0>} : (!x, tensor<2x3xf64>) -> !y
  %c = nn.broadcast %b {dims = array<i64: 1>} : (tensor<3xf64>) -> !y
  %z = nn.add %m, %c : !y
)" + act + R"(  %o = nn.constant dense<1.0> : tensor<f64>
  %p = nn.broadcast %o {dims = array<i64>} : (tensor<f64>) -> !y
  %q = nn.mul )" +
          last + R"(, %p : !y
  return )" +
          (lookThrough ? last : "%q") + R"( : !y
})");
    return *modules.back();
  }
  HostTensor labels(const std::string &loss) {
    if (loss[0] == 's')
      return tensor("3xi32", {2, 0, 1});
    if (loss[0] == 'c')
      return tensor("3x3xf64", {0, 0, 1, 0.7, 0.2, 0.1, 0, 1, 0});
    if (loss[0] == 'b')
      return tensor("3x3xf64", {1, 0, 1, 0, 0, 1, 1, 1, 0});
    return tensor("3x3xf64", {0.5, -1, 2, 0, 0.3, 1, 1, 1, -1});
  }
  mlir::func::FuncOp signature(mlir::ModuleOp m, llvm::StringRef name) {
    for (auto f : m.getOps<mlir::func::FuncOp>())
      if (auto s = f->getAttrOfType<mlir::StringAttr>(nn::kSignatureAttr);
          s && s.getValue() == name)
        return f;
    return {};
  }
  using State = std::map<std::string, HostTensor>;
  State initial(mlir::ModuleOp m) {
    State state;
    for (auto v : m.getOps<nn::VariableOp>())
      state[v.getSymName().str()] = *HostTensor::fromAttribute(v.getValue());
    return state;
  }
  /// Calls a signature; variables come from and go to `state`.
  std::map<std::string, HostTensor>
  call(mlir::func::FuncOp f, const std::map<std::string, HostTensor> &inputs, State &state) {
    std::vector<HostTensor> arguments;
    for (unsigned i = 0; i < f.getNumArguments(); ++i) {
      if (auto name = f.getArgAttrOfType<mlir::StringAttr>(i, nn::kInputAttr))
        arguments.push_back(inputs.at(name.str()));
      else
        arguments.push_back(state.at(
            f.getArgAttrOfType<mlir::FlatSymbolRefAttr>(i, nn::kVariableAttr).getValue().str()));
    }
    auto r = evaluate::evaluate(f, arguments);
    EXPECT_TRUE(bool(r)) << r.message;
    std::map<std::string, HostTensor> outputs;
    for (unsigned i = 0; r && i < f.getNumResults(); ++i) {
      if (auto name = f.getResultAttrOfType<mlir::StringAttr>(i, nn::kOutputAttr))
        outputs[name.str()] = r.outputs[i];
      else
        state[f.getResultAttrOfType<mlir::FlatSymbolRefAttr>(i, nn::kVariableAttr)
                  .getValue()
                  .str()] = r.outputs[i];
    }
    return outputs;
  }
  std::vector<double> weights(const State &state) {
    auto w = state.at("w").read<double>(), b = state.at("b").read<double>();
    w.insert(w.end(), b.begin(), b.end());
    return w;
  }
  HostTensor points() { return tensor("3x2xf64", {1, -2, 0.5, 0.25, -1, 3}); }
  /// The model of a case with its training functions.
  mlir::ModuleOp trained(const Case &c, bool fromLogits, bool lookThrough = false) {
    mlir::ModuleOp m = model(fromLogits ? "" : c.activation, lookThrough);
    EXPECT_TRUE(succeeded(train::buildTraining(m, optionsOf(c, fromLogits))));
    EXPECT_TRUE(succeeded(mlir::verify(m)));
    return m;
  }
  train::TrainOptions optionsOf(const Case &c, bool fromLogits) {
    train::TrainOptions o;
    o.loss = c.loss;
    o.fromLogits = fromLogits;
    o.optimizer = c.optimizer;
    o.hyper.momentum = c.momentum;
    o.hyper.nesterov = c.nesterov;
    return o;
  }
};

TEST_F(BuildTraining, StepsAsKeras) {
  for (const Case &c : kCases)
    for (auto [fromLogits, lookThrough] :
         {std::pair(false, false), {false, true}, {true, false}, {true, true}}) {
      if (fromLogits && !*c.activation)
        continue;
      mlir::ModuleOp m = trained(c, fromLogits, lookThrough);
      auto f = signature(m, "train");
      State state = initial(m);
      std::map<std::string, HostTensor> inputs{{"x", points()}, {"y", labels(c.loss)}};
      double loss = 0;
      for (int i = 0; i < 3; ++i)
        loss = call(f, inputs, state).at("loss").read<double>()[0];
      EXPECT_NEAR(loss, c.lossAfter, 1e-13) << c.loss;
      expectNear(weights(state), c.weights, 1e-13, std::string(c.loss) + " " + c.optimizer);
      EXPECT_EQ(state.at(std::string(c.optimizer) + "/iterations").read<int64_t>()[0], 3);
    }
}
TEST_F(BuildTraining, GradsAndApplyAreTrain) {
  const Case &c = kCases[1];
  mlir::ModuleOp m = trained(c, /*fromLogits=*/true);
  State fused = initial(m), apart = fused;
  std::map<std::string, HostTensor> inputs{{"x", points()}, {"y", labels(c.loss)}};
  for (int i = 0; i < 2; ++i) {
    call(signature(m, "train"), inputs, fused);
    auto grads = call(signature(m, "grads"), inputs, apart);
    call(signature(m, "apply"), grads, apart);
  }
  for (auto &[name, value] : fused)
    EXPECT_EQ(value.bytes, apart.at(name).bytes) << name;
  // Back to the first values.
  call(signature(m, "init"), {}, fused);
  for (auto &[name, value] : initial(m))
    EXPECT_EQ(value.bytes, fused.at(name).bytes) << name;
}
TEST_F(BuildTraining, EvaluateGivesLossAndAccuracy) {
  const Case &c = kCases[1];
  mlir::ModuleOp m = trained(c, /*fromLogits=*/true);
  State state = initial(m);
  std::map<std::string, HostTensor> inputs{{"x", points()}, {"y", labels(c.loss)}};
  auto out = call(signature(m, "evaluate"), inputs, state);
  // Logits: [-0.69, -1.22, 1.53], [0.16, 0.005, 0.03], [1.11, 1.68, -2.07].
  EXPECT_DOUBLE_EQ(out.at("accuracy").read<double>()[0], 1);
  EXPECT_TRUE(signature(m, "infer"));
  inputs["y"] = tensor("3xi32", {2, 1, 3});
  out = call(signature(m, "evaluate"), inputs, state);
  EXPECT_NEAR(out.at("accuracy").read<double>()[0], 1.0 / 3, 1e-15);
  EXPECT_TRUE(std::isnan(out.at("loss").read<double>()[0])); // 3 is no class
}
TEST_F(BuildTraining, SaysWhatIsWrong) {
  std::string text;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
    text += d.str() + "\n";
    return mlir::success();
  });
  train::TrainOptions o;
  o.loss = "huber";
  EXPECT_TRUE(failed(train::buildTraining(model("", false), o)));
  EXPECT_NE(text.find("no loss 'huber'; there are mse, sparse_categorical_crossentropy"),
            std::string::npos)
      << text;
  o.loss = "mse";
  o.optimizer = "lion";
  EXPECT_TRUE(failed(train::buildTraining(model("", false), o)));
  EXPECT_NE(text.find("no optimizer 'lion'; there are sgd, adam"), std::string::npos) << text;
}

} // namespace
