// The parser: one statement after the other, operands resolved to register
// slots, labels to instruction numbers.
#include "Ptx.h"

#include <cstdlib>
#include <cstring>
#include <sstream>

namespace ingot::emulator {

unsigned bytesOf(Type type) {
  switch (type) {
  case Type::none:
    return 0;
  case Type::pred:
  case Type::b8:
  case Type::u8:
  case Type::s8:
    return 1;
  case Type::b16:
  case Type::u16:
  case Type::s16:
  case Type::f16:
  case Type::bf16:
    return 2;
  case Type::b32:
  case Type::u32:
  case Type::s32:
  case Type::f32:
    return 4;
  default:
    return 8;
  }
}

namespace {

const std::map<std::string, Type> typeNames = {
    {"pred", Type::pred}, {"b8", Type::b8},   {"b16", Type::b16},   {"b32", Type::b32},
    {"b64", Type::b64},   {"u8", Type::u8},   {"u16", Type::u16},   {"u32", Type::u32},
    {"u64", Type::u64},   {"s8", Type::s8},   {"s16", Type::s16},   {"s32", Type::s32},
    {"s64", Type::s64},   {"f16", Type::f16}, {"bf16", Type::bf16}, {"f32", Type::f32},
    {"f64", Type::f64}};
const std::map<std::string, Op> opNames = {{"mov", Op::mov},
                                           {"ld", Op::ld},
                                           {"st", Op::st},
                                           {"cvta", Op::cvta},
                                           {"add", Op::add},
                                           {"sub", Op::sub},
                                           {"mul", Op::mul},
                                           {"mad", Op::mad},
                                           {"fma", Op::fma},
                                           {"div", Op::div},
                                           {"rem", Op::rem},
                                           {"min", Op::min},
                                           {"max", Op::max},
                                           {"neg", Op::neg},
                                           {"abs", Op::abs},
                                           {"and", Op::bitAnd},
                                           {"or", Op::bitOr},
                                           {"xor", Op::bitXor},
                                           {"not", Op::bitNot},
                                           {"shl", Op::shl},
                                           {"shr", Op::shr},
                                           {"setp", Op::setp},
                                           {"selp", Op::selp},
                                           {"cvt", Op::cvt},
                                           {"bra", Op::bra},
                                           {"bar", Op::bar},
                                           {"barrier", Op::bar},
                                           {"shfl", Op::shfl},
                                           {"ret", Op::ret},
                                           {"ex2", Op::ex2},
                                           {"lg2", Op::lg2},
                                           {"rcp", Op::rcp},
                                           {"sqrt", Op::sqrt},
                                           {"rsqrt", Op::rsqrt},
                                           {"copysign", Op::copysign},
                                           {"clz", Op::clz},
                                           {"popc", Op::popc},
                                           {"bfe", Op::bfe},
                                           {"bfi", Op::bfi},
                                           {"prmt", Op::prmt}};
const std::map<std::string, Compare> compareNames = {
    {"eq", Compare::eq},   {"ne", Compare::ne},   {"lt", Compare::lt},   {"le", Compare::le},
    {"gt", Compare::gt},   {"ge", Compare::ge},   {"equ", Compare::equ}, {"neu", Compare::neu},
    {"ltu", Compare::ltu}, {"leu", Compare::leu}, {"gtu", Compare::gtu}, {"geu", Compare::geu},
    {"num", Compare::num}, {"nan", Compare::nan}, {"lo", Compare::lt},   {"ls", Compare::le},
    {"hi", Compare::gt},   {"hs", Compare::ge}};
const std::map<std::string, Special> specialNames = {
    {"%tid.x", Special::tidX},       {"%tid.y", Special::tidY},
    {"%tid.z", Special::tidZ},       {"%ntid.x", Special::ntidX},
    {"%ntid.y", Special::ntidY},     {"%ntid.z", Special::ntidZ},
    {"%ctaid.x", Special::ctaidX},   {"%ctaid.y", Special::ctaidY},
    {"%ctaid.z", Special::ctaidZ},   {"%nctaid.x", Special::nctaidX},
    {"%nctaid.y", Special::nctaidY}, {"%nctaid.z", Special::nctaidZ},
    {"%laneid", Special::laneid}};

std::string trim(const std::string &s) {
  size_t a = s.find_first_not_of(" \t\n\r"), b = s.find_last_not_of(" \t\n\r");
  return a == std::string::npos ? "" : s.substr(a, b - a + 1);
}
std::vector<std::string> split(const std::string &s, char by) {
  std::vector<std::string> parts;
  std::stringstream stream(s);
  for (std::string part; std::getline(stream, part, by);)
    parts.push_back(part);
  return parts;
}
/// Operands: commas inside braces do not separate.
std::vector<std::string> splitOperands(const std::string &s) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : s) {
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (c == ',' && !depth)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  for (std::string &p : parts)
    p = trim(p);
  if (parts.size() == 1 && parts[0].empty())
    parts.clear();
  return parts;
}

class Parser {
public:
  Parser(const std::string &text, std::string &error)
      : text(text), error(error), module(new Module) {}

  std::unique_ptr<Module> run() {
    size_t at = 0;
    while (next(at))
      ;
    return error.empty() ? std::move(module) : nullptr;
  }

private:
  const std::string &text;
  std::string &error;
  std::unique_ptr<Module> module;
  Kernel kernel;
  std::map<std::string, uint32_t> registers, shared, params, labels;
  std::vector<std::pair<uint32_t, std::string>> branches;
  uint32_t line = 1;

  bool fail(const std::string &what) {
    if (error.empty())
      error = "line " + std::to_string(line) + ": " + what;
    return false;
  }
  /// The text up to one of `ends`, comments left out; counts lines.
  std::string take(size_t &at, const char *ends, char &end) {
    std::string s;
    for (end = 0; at < text.size(); ++at) {
      if (text.compare(at, 2, "//") == 0) {
        at = std::min(text.find('\n', at), text.size() - 1);
        --at;
        continue;
      }
      line += text[at] == '\n';
      if (std::strchr(ends, text[at])) {
        end = text[at++];
        break;
      }
      s += text[at];
    }
    return trim(s);
  }
  /// Directives in front of kernels, then one kernel.
  bool next(size_t &at) {
    char end;
    std::string word = take(at, " \t\n", end);
    if (at >= text.size())
      return false;
    if (word.empty())
      return true;
    if (word == ".version")
      module->version = take(at, "\n", end);
    else if (word == ".target")
      module->target = take(at, "\n", end);
    else if (word == ".address_size")
      take(at, "\n", end);
    else if (word == ".visible")
      return parseKernel(at);
    else if (word == ".shared" || word == ".global" || word == ".extern" || word == ".func")
      return fail("'" + word + "' at module level");
    else
      return fail("'" + word + "' is unknown");
    return true;
  }

  bool parseKernel(size_t &at) {
    char end;
    kernel = Kernel();
    registers.clear(), shared.clear(), params.clear(), labels.clear(), branches.clear();
    std::string head = take(at, "(", end);
    kernel.name = trim(head.substr(head.find_last_of(" \t") + 1));
    for (const std::string &p : splitOperands(take(at, ")", end))) {
      // .param .u64 .ptr .global .align 64 NAME
      auto words = split(p, ' ');
      std::string name = words.back();
      Type type = Type::none;
      for (const std::string &w : words)
        if (w.size() > 1 && typeNames.count(w.substr(1)))
          type = typeNames.at(w.substr(1));
      if (type == Type::none)
        return fail("parameter '" + p + "'");
      uint32_t n = bytesOf(type);
      kernel.paramBytes = (kernel.paramBytes + n - 1) / n * n;
      params[name] = kernel.paramBytes;
      kernel.params.push_back({kernel.paramBytes, n});
      kernel.paramBytes += n;
    }
    std::string limits = take(at, "{", end);
    if (size_t i = limits.find(".maxntid"); i != std::string::npos)
      kernel.maxThreads = std::atoi(limits.c_str() + i + 8);
    int scopes = 0;
    for (;;) {
      size_t begin = at;
      uint32_t firstLine = line;
      std::string statement = take(at, ";}:", end);
      if (end == '}' && statement.find('{') != std::string::npos) { // a vector operand
        at = begin;
        line = firstLine;
        statement = takeStatement(at);
        end = ';';
      }
      if (end == '}' && scopes) {
        --scopes;
        continue;
      }
      if (end == '}')
        break;
      if (!statement.empty() && statement[0] == '{') { // registers of its own
        ++scopes;
        statement = trim(statement.substr(1));
        if (size_t name = statement.find_last_of(" \t"); statement.compare(0, 4, ".reg") == 0)
          registerOf(statement.substr(name + 1));
      }
      if (!end)
        return fail("the kernel does not end");
      if (end == ':')
        labels[statement] = kernel.code.size();
      else if (!parseStatement(statement))
        return false;
    }
    for (auto &[i, label] : branches) {
      if (!labels.count(label))
        return fail("label '" + label + "' is missing");
      kernel.code[i].target = labels[label];
    }
    kernel.registers = registers.size();
    module->kernels[kernel.name] = kernel;
    return true;
  }
  std::string takeStatement(size_t &at) {
    char end;
    std::string s = take(at, ";", end);
    return s;
  }

  bool parseStatement(const std::string &s) {
    if (s.empty() || s.compare(0, 4, ".reg") == 0 || s.compare(0, 7, ".pragma") == 0)
      return true;
    if (s.compare(0, 7, ".shared") == 0)
      return parseShared(s);
    if (s[0] == '.')
      return fail("'" + s + "' is unknown");
    return parseInstruction(s);
  }
  bool parseShared(const std::string &s) { // .shared .align 4 .b8 NAME[128]
    size_t open = s.find('['), name = s.find_last_of(" \t", open), align = s.find(".align");
    if (open == std::string::npos || align == std::string::npos ||
        s.find(".b8") == std::string::npos)
      return fail("'" + s + "'");
    uint32_t a = std::atoi(s.c_str() + align + 6), n = std::atoi(s.c_str() + open + 1);
    // Not more aligned than promised.
    kernel.sharedBytes = (kernel.sharedBytes + a - 1) / a * a;
    if (a < 16 && kernel.sharedBytes % (2 * a) == 0)
      kernel.sharedBytes += a;
    shared[s.substr(name + 1, open - name - 1)] = kernel.sharedBytes;
    kernel.sharedBytes += n;
    return true;
  }

  uint32_t registerOf(const std::string &name) {
    return registers.emplace(name, registers.size()).first->second;
  }
  bool parseOperand(std::string s, Operand &o) {
    if (s.empty())
      return fail("an operand is missing");
    if (s[0] == '[')
      s = trim(s.substr(1, s.size() - 2));
    if (s[0] == '%' || registers.count(s)) {
      if (auto it = specialNames.find(s); it != specialNames.end()) {
        o.kind = Operand::special;
        o.index = uint32_t(it->second);
        return true;
      }
      size_t plus = s.find('+');
      o.kind = Operand::reg;
      o.index = registerOf(s.substr(0, plus));
      if (plus != std::string::npos)
        o.value = std::strtoll(s.c_str() + plus + 1, nullptr, 0);
      return true;
    }
    o.kind = Operand::immediate;
    size_t plus = s.find('+');
    std::string symbol = s.substr(0, plus);
    int64_t add = plus == std::string::npos ? 0 : std::strtoll(s.c_str() + plus + 1, nullptr, 0);
    if (params.count(symbol)) {
      o.value = params[symbol] + add;
      return true;
    }
    if (shared.count(symbol)) {
      o.value = shared[symbol] + add;
      return true;
    }
    if (s.compare(0, 2, "0f") == 0 || s.compare(0, 2, "0d") == 0) {
      o.value = std::strtoull(s.c_str() + 2, nullptr, 16);
      return true;
    }
    char *rest;
    o.value = s[0] == '-' ? std::strtoll(s.c_str(), &rest, 0) : std::strtoull(s.c_str(), &rest, 0);
    rest += *rest == 'U';
    return *rest ? fail("operand '" + s + "'") : true;
  }
  /// One operand or a list in braces.
  bool parseOperands(const std::string &s, std::vector<Operand> &to) {
    if (s[0] != '{') {
      to.emplace_back();
      return parseOperand(s, to.back());
    }
    for (const std::string &p : splitOperands(s.substr(1, s.size() - 2))) {
      to.emplace_back();
      if (!parseOperand(p, to.back()))
        return false;
    }
    return true;
  }

  bool parseInstruction(std::string s) {
    Instruction in;
    in.line = line;
    if (s[0] == '@') {
      size_t space = s.find_first_of(" \t");
      in.guarded = true;
      in.guardNegated = s[1] == '!';
      in.guard = registerOf(s.substr(1 + in.guardNegated, space - 1 - in.guardNegated));
      s = trim(s.substr(space));
    }
    size_t space = s.find_first_of(" \t");
    std::string name = s.substr(0, space),
                rest = space == std::string::npos ? "" : trim(s.substr(space));
    auto words = split(name, '.');
    auto op = opNames.find(words[0]);
    if (op == opNames.end())
      return fail("instruction '" + name + "' is unknown");
    in.op = op->second;
    for (size_t i = 1; i < words.size(); ++i)
      if (!parseModifier(in, words[i]))
        return fail("'" + words[i] + "' of instruction '" + name + "' is unknown");
    auto operands = splitOperands(rest);
    if (in.op == Op::bra) {
      branches.push_back({uint32_t(kernel.code.size()), operands.at(0)});
    } else if (in.op == Op::st) {
      if (!parseOperands(operands.at(0), in.to) || !parseOperands(operands.at(1), in.args))
        return false;
    } else {
      for (size_t i = 0; i < operands.size(); ++i) {
        std::string o = operands[i];
        if (size_t bar = o.find('|'); bar != std::string::npos) { // a second result
          if (!parseOperands(o.substr(0, bar), in.to) || !parseOperands(o.substr(bar + 1), in.to))
            return false;
          continue;
        }
        if (!parseOperands(o, i == 0 && in.op != Op::bar ? in.to : in.args))
          return false;
      }
    }
    kernel.code.push_back(std::move(in));
    return true;
  }

  static bool parseModifier(Instruction &in, const std::string &w) {
    if (auto t = typeNames.find(w); t != typeNames.end()) {
      (in.type == Type::none ? in.type : in.from) = t->second;
      return true;
    }
    if (in.op == Op::setp)
      if (auto c = compareNames.find(w); c != compareNames.end()) {
        in.compare = c->second;
        return true;
      }
    if (w == "v2" || w == "v4")
      in.vector = w[1] - '0';
    else if (w == "global")
      in.space = Space::global;
    else if (w == "shared")
      in.space = Space::shared;
    else if (w == "param")
      in.space = Space::param;
    else if (w == "wide")
      in.wide = true;
    else if (w == "hi")
      in.high = true;
    else if (w == "NaN")
      in.nan = true;
    else if (w == "rn" || w == "rz" || w == "rm" || w == "rp" || w == "rni" || w == "rzi" ||
             w == "rmi" || w == "rpi") {
      in.round = w[1] == 'n'   ? Round::nearest
                 : w[1] == 'z' ? Round::zero
                 : w[1] == 'm' ? Round::down
                               : Round::up;
      in.integerRound = w.size() == 3;
    } else
      return w == "lo" || w == "sync" || w == "bfly" || w == "to" || w == "uni" || w == "nc" ||
             w == "approx" || w == "aligned" || w == "cta";
    return true;
  }
};

} // namespace

std::unique_ptr<Module> parse(const std::string &text, std::string &error) {
  error.clear();
  return Parser(text, error).run();
}

} // namespace ingot::emulator
