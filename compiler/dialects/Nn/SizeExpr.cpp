// Canonical polynomials of named sizes: arithmetic, text, evaluation.
#include "compiler/dialects/Nn/SizeExpr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;

namespace ingot::nn {

enum AtomKind { kSymbol, kFloorDiv, kMax, kMin, kBcast };
static const char *const kAtomNames[] = {"", "floordiv", "max", "min", "bcast"};

struct SizeExpr::Atom {
  int kind;
  std::vector<SizeExpr> args;
  std::string text; // the symbol's name, or the canonical call
};

bool SizeExpr::AtomLess::operator()(const AtomRef &a, const AtomRef &b) const {
  return a->text < b->text;
}
bool SizeExpr::MonomialLess::operator()(const Monomial &a, const Monomial &b) const {
  if (a.size() != b.size())
    return a.size() > b.size(); // higher degree first, the constant last
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i]->text != b[i]->text)
      return a[i]->text < b[i]->text;
  return false;
}

SizeExpr::SizeExpr(int64_t value) {
  if (value)
    terms[{}] = value;
}
SizeExpr SizeExpr::symbol(llvm::StringRef name) {
  SizeExpr e;
  e.terms[{std::make_shared<const Atom>(Atom{kSymbol, {}, name.str()})}] = 1;
  return e;
}
SizeExpr SizeExpr::atom(int kind, std::vector<SizeExpr> args) {
  std::string text = std::string(kAtomNames[kind]) + "(";
  for (size_t i = 0; i < args.size(); ++i)
    text += (i ? ", " : "") + args[i].str();
  SizeExpr e;
  e.terms[{std::make_shared<const Atom>(Atom{kind, std::move(args), text + ")"})}] = 1;
  return e;
}
void SizeExpr::addTerm(const Monomial &m, int64_t c) {
  auto [it, isNew] = terms.try_emplace(m, 0);
  it->second += c;
  if (!it->second)
    terms.erase(it);
}

std::optional<int64_t> SizeExpr::constant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

bool SizeExpr::isNonNegative() const {
  for (auto &[m, c] : terms) {
    if (c < 0)
      return false;
    for (const AtomRef &a : m) {
      if (a->kind == kSymbol)
        continue;
      bool any = false, all = true;
      for (const SizeExpr &x : a->args) {
        any |= x.isNonNegative();
        all &= x.isNonNegative();
      }
      if (a->kind == kMax ? !any : !all)
        return false;
    }
  }
  return true;
}

SizeExpr SizeExpr::roundedUp(int64_t multiple) const {
  SizeExpr r;
  for (auto &[m, c] : terms) {
    SizeExpr factor;
    factor.terms[m] = 1;
    if (!factor.isNonNegative())
      return ceilDiv(*this, multiple) * multiple;
    r.addTerm(m, llvm::divideCeilSigned(c, multiple) * multiple);
  }
  return r;
}

std::string SizeExpr::str() const {
  if (terms.empty())
    return "0";
  std::string s;
  for (auto &[m, c] : terms) {
    uint64_t mag = c < 0 ? 0 - uint64_t(c) : uint64_t(c);
    if (s.empty())
      s = c < 0 ? "-" : "";
    else
      s += c < 0 ? " - " : " + ";
    std::string product;
    for (const AtomRef &a : m)
      product += (product.empty() ? "" : "*") + a->text;
    if (product.empty())
      s += std::to_string(mag);
    else
      s += (mag == 1 ? "" : std::to_string(mag) + "*") + product;
  }
  return s;
}

void SizeExpr::symbols(std::set<std::string> &out) const {
  for (auto &[m, c] : terms)
    for (const AtomRef &a : m) {
      if (a->kind == kSymbol)
        out.insert(a->text);
      for (const SizeExpr &x : a->args)
        x.symbols(out);
    }
}

SizeExpr SizeExpr::operator+(const SizeExpr &o) const {
  SizeExpr r = *this;
  for (auto &[m, c] : o.terms)
    r.addTerm(m, c);
  return r;
}
SizeExpr SizeExpr::operator-(const SizeExpr &o) const {
  SizeExpr r = *this;
  for (auto &[m, c] : o.terms)
    r.addTerm(m, -c);
  return r;
}
SizeExpr SizeExpr::operator*(const SizeExpr &o) const {
  SizeExpr r;
  for (auto &[m, c] : terms)
    for (auto &[n, d] : o.terms) {
      Monomial p = m;
      p.insert(p.end(), n.begin(), n.end());
      std::sort(p.begin(), p.end(), AtomLess());
      r.addTerm(p, c * d);
    }
  return r;
}

std::optional<SizeExpr> SizeExpr::exactDiv(const SizeExpr &a, const SizeExpr &b) {
  if (b.terms.size() != 1)
    return a == b ? std::optional<SizeExpr>(1) : std::nullopt;
  auto &[divisor, coef] = *b.terms.begin();
  SizeExpr r;
  for (auto &[m, c] : a.terms) {
    if (c % coef)
      return std::nullopt;
    Monomial left = m;
    for (const AtomRef &f : divisor) {
      auto it = std::find_if(left.begin(), left.end(),
                             [&](const AtomRef &x) { return x->text == f->text; });
      if (it == left.end())
        return std::nullopt;
      left.erase(it);
    }
    r.addTerm(left, c / coef);
  }
  return r;
}

SizeExpr SizeExpr::floorDiv(const SizeExpr &a, const SizeExpr &b) {
  if (auto exact = b.isConstant(0) ? std::nullopt : exactDiv(a, b))
    return *exact;
  auto c = b.constant();
  if (!c || *c <= 0)
    return atom(kFloorDiv, {a, b});
  // floor((c*Q + R) / c) = Q + floor(R / c)
  SizeExpr whole, rest;
  for (auto &[m, k] : a.terms) {
    int64_t q = llvm::divideFloorSigned(k, *c);
    whole.addTerm(m, q);
    if (k - q * *c)
      rest.addTerm(m, k - q * *c);
  }
  if (rest.constant())
    return whole + SizeExpr(llvm::divideFloorSigned(*rest.constant(), *c));
  // floor((floor(x / d) + k) / c) = floor((x + k*d) / (d*c))
  SizeExpr k = 0;
  const Monomial *only = nullptr;
  for (auto &[m, v] : rest.terms)
    if (m.empty())
      k = v;
    else
      only = !only && v == 1 && m.size() == 1 && m[0]->kind == kFloorDiv ? &m : nullptr;
  if (only && rest.terms.size() == (k.isConstant(0) ? 1 : 2)) {
    const Atom &inner = *(*only)[0];
    if (auto d = inner.args[1].constant(); d && *d > 0)
      return whole + floorDiv(inner.args[0] + k * *d, SizeExpr(*d * *c));
  }
  return whole + atom(kFloorDiv, {rest, b});
}
SizeExpr SizeExpr::ceilDiv(const SizeExpr &a, const SizeExpr &b) { return floorDiv(a + b - 1, b); }
SizeExpr SizeExpr::mod(const SizeExpr &a, const SizeExpr &b) { return a - b * floorDiv(a, b); }

SizeExpr SizeExpr::max(const SizeExpr &a, const SizeExpr &b) {
  if (auto d = (a - b).constant())
    return *d >= 0 ? a : b;
  if ((a - b).isNonNegative())
    return a;
  if ((b - a).isNonNegative())
    return b;
  return a.str() < b.str() ? atom(kMax, {a, b}) : atom(kMax, {b, a});
}
SizeExpr SizeExpr::min(const SizeExpr &a, const SizeExpr &b) {
  if (auto d = (a - b).constant())
    return *d <= 0 ? a : b;
  if ((a - b).isNonNegative())
    return b;
  if ((b - a).isNonNegative())
    return a;
  return a.str() < b.str() ? atom(kMin, {a, b}) : atom(kMin, {b, a});
}
SizeExpr SizeExpr::bcast(const SizeExpr &a, const SizeExpr &b) {
  if (a == b || b.isConstant(1))
    return a;
  if (a.isConstant(1) || b.constant())
    return b;
  if (a.constant())
    return a;
  return a.str() < b.str() ? atom(kBcast, {a, b}) : atom(kBcast, {b, a});
}

std::optional<int64_t>
SizeExpr::evaluate(llvm::function_ref<std::optional<int64_t>(llvm::StringRef)> value) const {
  int64_t sum = 0;
  for (auto &[m, c] : terms) {
    int64_t product = c;
    for (const AtomRef &a : m) {
      std::optional<int64_t> v;
      if (a->kind == kSymbol) {
        v = value(a->text);
      } else {
        auto x = a->args[0].evaluate(value), y = a->args[1].evaluate(value);
        if (!x || !y)
          return std::nullopt;
        if (a->kind == kFloorDiv) {
          if (!*y)
            return std::nullopt;
          v = llvm::divideFloorSigned(*x, *y);
        } else if (a->kind == kMax) {
          v = std::max(*x, *y);
        } else if (a->kind == kMin) {
          v = std::min(*x, *y);
        } else {
          v = *x == 1 ? *y : *x;
        }
      }
      if (!v || llvm::MulOverflow(product, *v, product))
        return std::nullopt;
    }
    if (llvm::AddOverflow(sum, product, sum))
      return std::nullopt;
  }
  return sum;
}

SizeExpr
SizeExpr::substitute(llvm::function_ref<std::optional<SizeExpr>(llvm::StringRef)> with) const {
  SizeExpr sum;
  for (auto &[m, c] : terms) {
    SizeExpr product = c;
    for (const AtomRef &a : m) {
      SizeExpr v;
      if (a->kind == kSymbol) {
        auto r = with(a->text);
        v = r ? *r : symbol(a->text);
      } else {
        SizeExpr x = a->args[0].substitute(with), y = a->args[1].substitute(with);
        v = a->kind == kFloorDiv ? floorDiv(x, y)
            : a->kind == kMax    ? max(x, y)
            : a->kind == kMin    ? min(x, y)
                                 : bcast(x, y);
      }
      product = product * v;
    }
    sum = sum + product;
  }
  return sum;
}

Value SizeExpr::materialize(OpBuilder &b, Location loc, Type type,
                            llvm::function_ref<Value(llvm::StringRef)> symbol) const {
  auto literal = [&](int64_t v) -> Value {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, v));
  };
  Value sum;
  for (auto &[m, c] : terms) {
    Value product;
    for (const AtomRef &a : m) {
      Value v;
      if (a->kind == kSymbol) {
        v = symbol(a->text);
      } else {
        Value x = a->args[0].materialize(b, loc, type, symbol);
        Value y = a->args[1].materialize(b, loc, type, symbol);
        if (a->kind == kFloorDiv) {
          if (!a->args[1].constant()) { // a size of 0 must not end the process
            Value zero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, y, literal(0));
            y = arith::SelectOp::create(b, loc, zero, literal(1), y);
          }
          v = arith::FloorDivSIOp::create(b, loc, x, y);
        } else if (a->kind == kMax) {
          v = arith::MaxSIOp::create(b, loc, x, y);
        } else if (a->kind == kMin) {
          v = arith::MinSIOp::create(b, loc, x, y);
        } else {
          Value one = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, literal(1));
          v = arith::SelectOp::create(b, loc, one, y, x);
        }
      }
      product = product ? arith::MulIOp::create(b, loc, product, v) : v;
    }
    if (!product)
      product = literal(c);
    else if (c != 1)
      product = arith::MulIOp::create(b, loc, product, literal(c));
    sum = sum ? arith::AddIOp::create(b, loc, sum, product) : product;
  }
  return sum ? sum : literal(0);
}

namespace {
/// Recursive descent over: sum := ['-'] product {('+'|'-') product}.
struct Parser {
  llvm::StringRef s;
  bool ok = true;
  int depth = 0;

  bool eat(char c) {
    s = s.ltrim();
    return s.consume_front(llvm::StringRef(&c, 1));
  }
  SizeExpr fail() {
    ok = false;
    return {};
  }
  SizeExpr sum() {
    if (++depth > 200)
      return fail();
    SizeExpr r = eat('-') ? SizeExpr(0) - product() : product();
    while (ok) {
      if (eat('+'))
        r = r + product();
      else if (eat('-'))
        r = r - product();
      else
        break;
    }
    --depth;
    return r;
  }
  SizeExpr product() {
    SizeExpr r = factor();
    while (ok && eat('*'))
      r = r * factor();
    return r;
  }
  SizeExpr factor() {
    s = s.ltrim();
    if (eat('(')) {
      SizeExpr r = sum();
      return eat(')') ? r : fail();
    }
    if (!s.empty() && llvm::isDigit(s[0])) {
      int64_t v;
      if (s.consumeInteger(10, v))
        return fail();
      return v;
    }
    llvm::StringRef name =
        s.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$'; });
    if (name.empty())
      return fail();
    s = s.drop_front(name.size());
    if (!eat('('))
      return SizeExpr::symbol(name);
    SizeExpr x = sum();
    if (!eat(','))
      return fail();
    SizeExpr y = sum();
    if (!eat(')'))
      return fail();
    if (name == "floordiv")
      return SizeExpr::floorDiv(x, y);
    if (name == "mod")
      return SizeExpr::mod(x, y);
    if (name == "max")
      return SizeExpr::max(x, y);
    if (name == "min")
      return SizeExpr::min(x, y);
    if (name == "bcast")
      return SizeExpr::bcast(x, y);
    return fail();
  }
};
} // namespace

std::optional<SizeExpr> SizeExpr::parse(llvm::StringRef text) {
  Parser p{text};
  SizeExpr e = p.sum();
  if (!p.ok || !p.s.trim().empty())
    return std::nullopt;
  return e;
}

} // namespace ingot::nn
