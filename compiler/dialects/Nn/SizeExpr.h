// Named sizes: integer polynomials over symbols in one canonical text.
//
// Two sizes are equal exactly when their texts are equal as far as the algebra
// here can see; types therefore compare by pointer. Atoms of a polynomial are
// symbols and floordiv/max/min/bcast of other expressions.
#ifndef INGOT_DIALECTS_NN_SIZEEXPR_H
#define INGOT_DIALECTS_NN_SIZEEXPR_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ingot::nn {

/// A size known at compile time, or a formula of sizes known at run time.
class SizeExpr {
public:
  struct Atom;
  using AtomRef = std::shared_ptr<const Atom>;
  struct AtomLess {
    bool operator()(const AtomRef &a, const AtomRef &b) const;
  };
  /// Sorted factors of one product; the empty product is the constant term.
  using Monomial = std::vector<AtomRef>;
  struct MonomialLess {
    bool operator()(const Monomial &a, const Monomial &b) const;
  };

  SizeExpr(int64_t value = 0);
  static SizeExpr symbol(llvm::StringRef name);
  /// Parses the text of `str()` (and any formula of + - * and the functions).
  static std::optional<SizeExpr> parse(llvm::StringRef text);

  std::optional<int64_t> constant() const;
  bool isConstant(int64_t v) const { return constant() == v; }
  /// No term can be negative when every symbol is at least 0.
  bool isNonNegative() const;
  std::string str() const;
  /// Names of all symbols in the expression, atoms' arguments included.
  void symbols(std::set<std::string> &out) const;

  SizeExpr operator+(const SizeExpr &o) const;
  SizeExpr operator-(const SizeExpr &o) const;
  SizeExpr operator*(const SizeExpr &o) const;
  bool operator==(const SizeExpr &o) const { return str() == o.str(); }
  bool operator!=(const SizeExpr &o) const { return !(*this == o); }

  static SizeExpr floorDiv(const SizeExpr &a, const SizeExpr &b);
  static SizeExpr ceilDiv(const SizeExpr &a, const SizeExpr &b);
  static SizeExpr mod(const SizeExpr &a, const SizeExpr &b);
  static SizeExpr max(const SizeExpr &a, const SizeExpr &b);
  static SizeExpr min(const SizeExpr &a, const SizeExpr &b);
  /// The broadcast of two sizes: b where a is 1, else a.
  static SizeExpr bcast(const SizeExpr &a, const SizeExpr &b);
  /// a / b when that is exact whatever the symbols are.
  static std::optional<SizeExpr> exactDiv(const SizeExpr &a, const SizeExpr &b);

  /// An upper bound that is a multiple of `multiple` whatever the symbols are, by
  /// rounding up coefficients, so that bounds stay comparable.
  SizeExpr roundedUp(int64_t multiple) const;

  /// The value, given the symbols' values; none if one is unknown, a division
  /// is by zero or the result does not fit 64 bits.
  std::optional<int64_t>
  evaluate(llvm::function_ref<std::optional<int64_t>(llvm::StringRef)> value) const;
  /// Replaces symbols; symbols for which `with` gives nothing stay.
  SizeExpr substitute(llvm::function_ref<std::optional<SizeExpr>(llvm::StringRef)> with) const;
  /// Arith operations that compute the value in `type` (index or an integer).
  mlir::Value materialize(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type,
                          llvm::function_ref<mlir::Value(llvm::StringRef)> symbol) const;

private:
  std::map<Monomial, int64_t, MonomialLess> terms; // no zero coefficients
  static SizeExpr atom(int kind, std::vector<SizeExpr> args);
  void addTerm(const Monomial &m, int64_t c);
};

} // namespace ingot::nn

#endif // INGOT_DIALECTS_NN_SIZEEXPR_H
