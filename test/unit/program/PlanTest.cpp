// Planning against a simulator: random functions with loops, branches,
// variables and in-place kernels are run twice, as nn on values and as rt on a
// memory of bytes. A wrong liveness, a lost copy or an overlap gives other
// results.
#include "compiler/dialects/Rt/Rt.h"
#include "compiler/passes/program/Program.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"
#include <map>
#include <set>

using namespace ingot;
using namespace mlir;

namespace {

/// A tensor's content: one number stands for all bytes of a buffer.
using Content = uint64_t;
constexpr int64_t batch = 3;

Content mix(Content a, Content b) {
  a ^= b + 0x9e3779b97f4a7c15 + (a << 12) + (a >> 4);
  return a * 0xbf58476d1ce4e5b9;
}
/// What a kernel computes: of its name, its operands and the result's number.
Content kernelResult(StringRef callee, ArrayRef<Content> operands, unsigned result) {
  Content c = callee.size() * 1000 + callee.back() + result;
  for (Content operand : operands)
    c = mix(c, operand);
  return c;
}
bool flagOf(Content c) { return c & 4; }

//===-- nn on values ------------------------------------------------------===//

class ValueRun {
public:
  std::vector<Content> run(func::FuncOp f) {
    for (BlockArgument arg : f.getArguments())
      values[arg] = 100 + arg.getArgNumber();
    return block(f.getBody().front());
  }

private:
  std::vector<Content> block(Block &b) {
    for (Operation &op : b.without_terminator())
      operation(op);
    std::vector<Content> out;
    for (Value v : b.getTerminator()->getOperands())
      out.push_back(values[v]);
    return out;
  }
  void bind(ValueRange targets, ArrayRef<Content> contents) {
    for (auto [target, content] : llvm::zip(targets, contents))
      values[target] = content;
  }
  std::vector<Content> get(ValueRange range) {
    std::vector<Content> out;
    for (Value v : range)
      out.push_back(values[v]);
    return out;
  }
  void operation(Operation &op) {
    if (auto d = dyn_cast<nn::DispatchOp>(op)) {
      auto operands = get(d.getInputs());
      for (auto [i, r] : llvm::enumerate(d.getResults()))
        values[r] = kernelResult(d.getCallee().getLeafReference(), operands, i);
    } else if (isa<nn::ReshapeOp, nn::CopyOp>(op)) {
      values[op.getResult(0)] = values[op.getOperand(0)];
    } else if (auto c = dyn_cast<nn::ConstantOp>(op)) {
      values[c] = cast<DenseElementsAttr>(c.getValue()).getSplatValue<APInt>().getZExtValue();
    } else if (auto loop = dyn_cast<nn::ForOp>(op)) {
      std::vector<Content> carried = get(loop.getInits());
      Block &body = loop.getBody().front();
      for (Content i = 0; i < 3; ++i) {
        values[body.getArgument(0)] = i;
        bind(body.getArguments().drop_front(), carried);
        carried = block(body);
      }
      bind(loop.getResults(), carried);
    } else if (auto loop = dyn_cast<nn::WhileOp>(op)) {
      std::vector<Content> carried = get(loop.getInits());
      for (int i = 0; i < 20; ++i) {
        bind(loop.getCond().getArguments(), carried);
        if (!flagOf(block(loop.getCond().front())[0]))
          break;
        bind(loop.getBody().getArguments(), carried);
        carried = block(loop.getBody().front());
      }
      bind(loop.getResults(), carried);
    } else if (auto branch = dyn_cast<nn::IfOp>(op)) {
      Region &region =
          flagOf(values[branch.getPred()]) ? branch.getThenRegion() : branch.getElseRegion();
      bind(branch.getResults(), block(region.front()));
    }
  }
  llvm::DenseMap<Value, Content> values;
};

//===-- rt on memory ------------------------------------------------------===//

/// An address space: spaces (arena, each input...) of bytes, each byte holding
/// the content of the buffer it was written as.
class MemoryRun {
public:
  explicit MemoryRun(ModuleOp module) {
    for (rt::DataOp data : module.getOps<rt::DataOp>())
      constants[data.getSymName().str()] =
          cast<DenseElementsAttr>(data.getValue()).getSplatValue<APInt>().getZExtValue();
  }
  /// `initial` by space name ("input0", "variable:v").
  void set(const std::string &space, Content content) { memory[space].assign(maxBytes, content); }
  Content get(const std::string &space) { return at(space, 0); }
  bool bad = false, guarded = false;

  void run(Block &block) {
    for (Operation &op : block)
      operation(op);
  }

private:
  struct Place {
    std::string space;
    int64_t offset = 0;
  };
  Content &at(const std::string &space, int64_t offset) {
    std::vector<Content> &bytes = memory[space];
    if (int64_t(bytes.size()) <= offset)
      bytes.resize(offset + maxBytes);
    return bytes[offset];
  }
  int64_t size(nn::SizesAttr attr) {
    return *attr.expr(0).evaluate([](StringRef) -> std::optional<int64_t> { return batch; });
  }
  Content read(Value buffer) {
    Place &p = places[buffer];
    touch(p, 1);
    return at(p.space, p.offset);
  }
  /// With --debug-arena a byte of the arena may be touched between rt.begin and
  /// rt.free only.
  void allow(Value buffer, int64_t bytes, bool open) {
    Place &p = places[buffer];
    for (int64_t i = p.offset; i < p.offset + bytes; ++i)
      if (open)
        allowed.insert(i);
      else
        bad |= !allowed.erase(i);
  }
  void touch(const Place &p, int64_t bytes) {
    for (int64_t i = p.offset; guarded && p.space == "arena" && i < p.offset + bytes; ++i)
      bad |= !allowed.count(i);
  }
  /// Also the last byte: half overwritten is wrong.
  Content readWhole(Value buffer, int64_t bytes) {
    Place &p = places[buffer];
    touch(p, bytes);
    Content first = at(p.space, p.offset);
    return first == at(p.space, p.offset + bytes - 1) ? first : 0xbad;
  }
  void write(Value buffer, int64_t bytes, Content content) {
    Place &p = places[buffer];
    if (p.space.rfind("input", 0) == 0 || p.space.rfind("constant", 0) == 0)
      bad = true;
    touch(p, bytes);
    for (int64_t i = 0; i < bytes; ++i)
      at(p.space, p.offset + i) = content;
  }
  void operation(Operation &op) {
    if (auto slice = dyn_cast<rt::SliceOp>(op)) {
      places[slice] = {"arena", size(slice.getOffset())};
    } else if (auto input = dyn_cast<rt::InputOp>(op)) {
      places[input] = {"input" + std::to_string(input.getIndex())};
    } else if (auto output = dyn_cast<rt::OutputOp>(op)) {
      places[output] = {"output" + std::to_string(output.getIndex())};
    } else if (auto variable = dyn_cast<rt::VariableOp>(op)) {
      places[variable] = {"variable:" + variable.getVariable().str()};
    } else if (auto constant = dyn_cast<rt::ConstantOp>(op)) {
      places[constant] = {"constant:" + constant.getData().str()};
      set("constant:" + constant.getData().str(), constants[constant.getData().str()]);
    } else if (auto d = dyn_cast<rt::DispatchOp>(op)) {
      dispatch(d);
    } else if (auto copy = dyn_cast<rt::CopyOp>(op)) {
      write(copy.getTarget(), size(copy.getBytes()),
            readWhole(copy.getSource(), size(copy.getBytes())));
    } else if (auto begin = dyn_cast<rt::BeginOp>(op)) {
      allow(begin.getBuffer(), size(begin.getBytes()), true);
    } else if (auto free = dyn_cast<rt::FreeOp>(op)) {
      write(free.getBuffer(), size(free.getBytes()), 0xdead);
      allow(free.getBuffer(), size(free.getBytes()), false);
    } else if (auto loop = dyn_cast<rt::ForOp>(op)) {
      for (Content i = 0; i < 3; ++i) {
        if (loop.getCounter())
          allow(loop.getCounter(), 4, true), write(loop.getCounter(), 4, i);
        run(loop.getBody().front());
      }
    } else if (auto loop = dyn_cast<rt::WhileOp>(op)) {
      for (int i = 0; i < 20; ++i) {
        run(loop.getCond().front());
        if (!flagOf(read(cast<rt::ConditionOp>(loop.getCond().front().back()).getFlag())))
          break;
        run(loop.getBody().front());
      }
    } else if (auto branch = dyn_cast<rt::IfOp>(op)) {
      run(flagOf(read(branch.getFlag())) ? branch.getThenRegion().front()
                                         : branch.getElseRegion().front());
    }
  }
  /// Buffers: operands, then results; `tag` says how many and their bytes. A
  /// result that shares a place with an operand that it may not replace is an
  /// error.
  void dispatch(rt::DispatchOp d) {
    auto bytes = d->getAttrOfType<DenseI64ArrayAttr>("test.bytes").asArrayRef();
    auto pairs = d->getAttrOfType<DenseI64ArrayAttr>("test.inplace").asArrayRef();
    unsigned operands = d->getAttrOfType<IntegerAttr>("test.operands").getInt();
    std::vector<Content> contents;
    for (unsigned i = 0; i < operands; ++i)
      contents.push_back(readWhole(d.getBuffers()[i], bytes[i]));
    for (unsigned r = operands; r < d.getBuffers().size(); ++r) {
      for (unsigned o = 0; o < operands; ++o) {
        bool allowed = false;
        for (size_t p = 0; p + 1 < pairs.size(); p += 2)
          allowed |= pairs[p] == r - operands && pairs[p + 1] == o;
        Place &a = places[d.getBuffers()[r]], &b = places[d.getBuffers()[o]];
        if (!allowed && a.space == b.space && a.offset < b.offset + bytes[o] &&
            b.offset < a.offset + bytes[r])
          bad = true;
      }
      write(d.getBuffers()[r], bytes[r],
            kernelResult(d.getCallee().getLeafReference(), contents, r - operands));
    }
  }

  static constexpr int64_t maxBytes = 64; // of a buffer here
  std::map<std::string, std::vector<Content>> memory;
  llvm::DenseMap<Value, Place> places;
  std::map<std::string, Content> constants;
  std::set<int64_t> allowed; // bytes of the arena
};

//===-- Random functions --------------------------------------------------===//

class Generator {
public:
  Generator(MLIRContext &context, uint32_t seed) : b(&context), seed(seed) {}

  OwningOpRef<ModuleOp> module() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
    b.setInsertionPointToEnd(module->getBody());
    types = {type(8), type(16), nn::tensorType({nn::SizeExpr::symbol("batch"), 2}, b.getI32Type())};
    flag = RankedTensorType::get({}, b.getI1Type());
    SmallVector<Type> args{types[2], types[0], types[1], types[0], types[1]};
    SmallVector<Type> results{types[random(3)], types[random(3)], types[random(3)], types[0],
                              types[1]};
    auto f = func::FuncOp::create(b, b.getUnknownLoc(), "f", b.getFunctionType(args, results));
    for (unsigned i = 0; i < 5; ++i) {
      StringRef kind = i < 3 ? nn::kInputAttr : nn::kVariableAttr;
      Attribute name = i < 3 ? Attribute(b.getStringAttr("x" + std::to_string(i)))
                             : FlatSymbolRefAttr::get(b.getContext(), i == 3 ? "u" : "v");
      f.setArgAttr(i, kind, name);
      f.setResultAttr(i, i < 3 ? nn::kOutputAttr : nn::kVariableAttr, name);
    }
    Block *entry = f.addEntryBlock();
    b.setInsertionPointToStart(entry);
    SmallVector<Value> scope(entry->getArguments());
    fill(scope, 3 + random(8), 2);
    SmallVector<Value> out;
    for (Type t : results)
      out.push_back(pick(scope, t));
    func::ReturnOp::create(b, b.getUnknownLoc(), out);
    return module;
  }

private:
  RankedTensorType type(int64_t n) { return RankedTensorType::get({n}, b.getI32Type()); }
  uint32_t random(uint32_t n) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 10) % n;
  }
  Value pick(SmallVectorImpl<Value> &scope, Type t) {
    SmallVector<Value> fitting;
    for (Value v : scope)
      if (v.getType() == t)
        fitting.push_back(v);
    if (fitting.empty() || random(12) == 0)
      return constant(t);
    return fitting[random(fitting.size())];
  }
  Value constant(Type t) {
    auto shaped = cast<RankedTensorType>(t);
    if (!shaped.hasStaticShape())
      return dispatch({constant(types[0])}, {t});
    Attribute value = shaped.getElementType().isInteger(1)
                          ? Attribute(b.getBoolAttr(false))
                          : Attribute(b.getI32IntegerAttr(random(50)));
    return nn::ConstantOp::create(b, b.getUnknownLoc(), shaped,
                                  DenseElementsAttr::get(shaped, value));
  }
  Value dispatch(ArrayRef<Value> operands, ArrayRef<Type> results) {
    SmallVector<int64_t> inplace, bytes;
    for (auto [r, t] : llvm::enumerate(results))
      for (auto [o, v] : llvm::enumerate(operands))
        if (v.getType() == t && random(2))
          inplace.append({int64_t(r), int64_t(o)});
    auto add = [&](Type t) {
      auto shaped = cast<RankedTensorType>(t);
      int64_t count = shaped.hasStaticShape() ? shaped.getNumElements() : 2 * batch;
      bytes.push_back(count * nn::elementBytes(shaped.getElementType()));
    };
    for (Value v : operands)
      add(v.getType());
    for (Type t : results)
      add(t);
    auto sizes = nn::SizesAttr::get(b.getContext(), ArrayRef<int64_t>{});
    auto one = nn::SizesAttr::get(b.getContext(), ArrayRef<int64_t>{1});
    auto callee = SymbolRefAttr::get(
        b.getContext(), "kernels",
        {FlatSymbolRefAttr::get(b.getContext(), "k" + std::to_string(random(1000)))});
    auto op = nn::DispatchOp::create(b, b.getUnknownLoc(), results, operands, callee, sizes, one, 1,
                                     one, inplace, ArrayAttr(), false);
    op->setAttr("test.bytes", b.getDenseI64ArrayAttr(bytes));
    op->setAttr("test.inplace", b.getDenseI64ArrayAttr(inplace));
    op->setAttr("test.operands", b.getI64IntegerAttr(operands.size()));
    last = op;
    return op.getResult(0);
  }
  void fill(SmallVectorImpl<Value> &scope, unsigned count, unsigned depth) {
    for (unsigned i = 0; i < count; ++i) {
      unsigned choice = random(depth ? 10 : 6);
      if (choice < 6) {
        SmallVector<Value> operands;
        for (unsigned o = 0; o <= random(3); ++o)
          operands.push_back(pick(scope, types[random(3)]));
        SmallVector<Type> results{types[random(3)]};
        if (random(4) == 0)
          results.push_back(types[random(3)]);
        dispatch(operands, results);
        scope.append(last->result_begin(), last->result_end());
        if (random(5) == 0)
          scope.push_back(nn::CopyOp::create(b, b.getUnknownLoc(), pick(scope, types[1])));
      } else if (choice < 8) {
        loop(scope, depth, choice == 6);
      } else {
        branch(scope, depth);
      }
    }
  }
  Value flagFrom(SmallVectorImpl<Value> &scope) {
    return dispatch({pick(scope, types[random(3)])}, {flag});
  }
  void yield(SmallVectorImpl<Value> &scope, ArrayRef<Type> wanted) {
    SmallVector<Value> out;
    for (Type t : wanted)
      out.push_back(pick(scope, t));
    nn::YieldOp::create(b, b.getUnknownLoc(), out);
  }
  SmallVector<Value> enter(Region &region, SmallVectorImpl<Value> &scope, ArrayRef<Type> args,
                           bool counter) {
    SmallVector<Type> all;
    if (counter)
      all.push_back(RankedTensorType::get({}, b.getI32Type()));
    all.append(args.begin(), args.end());
    region.getBlocks().clear();
    Block *block = b.createBlock(&region, region.end(), all,
                                 SmallVector<Location>(all.size(), b.getUnknownLoc()));
    SmallVector<Value> inner(scope.begin(), scope.end());
    // Carried values more than once: they are what loops go wrong with.
    for (int i = 0; i < 3; ++i)
      inner.append(block->args_begin(), block->args_end());
    if (counter)
      dispatch({block->getArgument(0)}, {types[0]}), inner.push_back(last->getResult(0));
    return inner;
  }
  void loop(SmallVectorImpl<Value> &scope, unsigned depth, bool counted) {
    SmallVector<Value> inits;
    SmallVector<Type> carried;
    for (unsigned i = 0; i <= random(3); ++i) {
      carried.push_back(types[random(3)]);
      inits.push_back(pick(scope, carried.back()));
    }
    Operation *op;
    {
      OpBuilder::InsertionGuard guard(b);
      if (counted) {
        auto made = nn::ForOp::create(b, b.getUnknownLoc(), TypeRange(carried), inits,
                                      nn::SizesAttr::get(b.getContext(), ArrayRef<int64_t>{3}));
        op = made;
        auto inner = enter(made.getBody(), scope, carried, true);
        fill(inner, 1 + random(4), depth - 1);
        yield(inner, carried);
      } else {
        auto made = nn::WhileOp::create(b, b.getUnknownLoc(), TypeRange(carried), inits);
        op = made;
        auto inner = enter(made.getCond(), scope, carried, false);
        fill(inner, random(2), 0);
        nn::YieldOp::create(b, b.getUnknownLoc(), ValueRange(flagFrom(inner)));
        inner = enter(made.getBody(), scope, carried, false);
        fill(inner, 1 + random(4), depth - 1);
        yield(inner, carried);
      }
    }
    scope.append(op->result_begin(), op->result_end());
  }
  void branch(SmallVectorImpl<Value> &scope, unsigned depth) {
    SmallVector<Type> results{types[random(3)], types[random(3)]};
    auto op = nn::IfOp::create(b, b.getUnknownLoc(), TypeRange(results), flagFrom(scope));
    for (Region *region : {&op.getThenRegion(), &op.getElseRegion()}) {
      OpBuilder::InsertionGuard guard(b);
      auto inner = enter(*region, scope, {}, false);
      fill(inner, random(4), depth - 1);
      yield(inner, results);
    }
    scope.append(op->result_begin(), op->result_end());
  }

  OpBuilder b;
  uint32_t seed;
  SmallVector<Type> types;
  Type flag;
  Operation *last = nullptr;
};

void check(bool debugArena, int rounds) {
  MLIRContext context;
  context.loadDialect<nn::NnDialect, rt::RtDialect, func::FuncDialect>();
  unsigned copies = 0;
  for (int round = 0; round < rounds; ++round) {
    OwningOpRef<ModuleOp> module = Generator(context, round * 2654435761u + 17).module();
    ASSERT_TRUE(succeeded(verify(*module))) << round;
    func::FuncOp f = *module->getOps<func::FuncOp>().begin();
    std::vector<Content> want = ValueRun().run(f);
    PlanOptions options;
    options.debugArena = debugArena;
    std::string text;
    llvm::raw_string_ostream(text) << f;
    ASSERT_TRUE(succeeded(planPrograms(*module, options)) && succeeded(verify(*module))) << text;
    rt::ProgramOp program = *module->getOps<rt::ProgramOp>().begin();
    MemoryRun memory(*module);
    memory.guarded = debugArena;
    for (int i = 0; i < 3; ++i)
      memory.set("input" + std::to_string(i), 100 + i);
    memory.set("variable:u", 103);
    memory.set("variable:v", 104);
    memory.run(program.getBody().front());
    std::vector<Content> got = {memory.get("output0"), memory.get("output1"), memory.get("output2"),
                                memory.get("variable:u"), memory.get("variable:v")};
    program.walk([&](rt::CopyOp) { ++copies; });
    std::string planned;
    llvm::raw_string_ostream(planned) << program;
    ASSERT_EQ(got, want) << "round " << round << "\n" << text << "\n" << planned;
    ASSERT_FALSE(memory.bad) << "round " << round << "\n" << text << "\n" << planned;
  }
  printf("%.2f copies a program\n", double(copies) / rounds);
}

TEST(Plan, RandomProgramsKeepTheirValues) { check(false, 1000); }
TEST(Plan, RandomProgramsWithDebugArena) { check(true, 200); }

} // namespace
