// Cases of element-wise ops, reductions and norms.
#include "device/parity/generators.h"
#include "firstlight/op/elementwise.h"
#include "firstlight/op/norm.h"

namespace firstlight::parity {
namespace {

struct RowSize {
  std::int64_t rows, columns;
  bool strided;
};
constexpr RowSize kRowSizes[] = {{1, 1, false},  {1, 64, false}, {3, 17, true},    {0, 32, false},
                                 {33, 5, false}, {2, 96, true},  {5, 1030, false}, {16, 32, false}};

std::string size_name(const RowSize& size) {
  return fmt::format("{}{}", dims({size.rows, size.columns}), size.strided ? "_strided" : "");
}

Operand rows_operand(const RowSize& size, Format format) {
  const Operand operand = activation({size.rows, size.columns}, format);
  const bool blocks = row(format).block_elements > 1;  // a part of a block row is not a view
  return size.strided && !blocks ? operand.wide(7, 2) : operand;
}

// make(size, format) for every size and format.
template <typename Make>
std::vector<Case> sized(const Make& make) {
  std::vector<Case> result;
  for (const RowSize& size : kRowSizes)
    for (const Format format : kMoreFormats) result.push_back(make(size, format, size_name(size) + suffix(format)));
  return result;
}

}  // namespace

std::vector<Case> binary_cases() {
  std::vector<Case> result;
  const char* names[] = {"add_", "subtract_", "multiply_"};
  for (const op::BinaryKind kind : {op::BinaryKind::kAdd, op::BinaryKind::kSubtract, op::BinaryKind::kMultiply}) {
    const std::string prefix = names[static_cast<int>(kind)];
    const op::Binary args{kind};
    std::vector<Case> same = sized([&](const RowSize& size, Format format, const std::string& name) {
      return make_case(prefix + name, op::Op::binary, args, {rows_operand(size, format), rows_operand(size, format)},
                       format);
    });
    result.insert(result.end(), same.begin(), same.end());
    for (const Format format : kActivationFormats) {
      const auto broadcast = [&](const Shape& a, const Shape& b) {
        const std::string of_b = b.rank() == 0 ? "scalar" : dims(b);
        result.push_back(make_case(fmt::format("{}{}_with_{}{}", prefix, dims(a), of_b, suffix(format)), op::Op::binary,
                                   args, {activation(a, format), activation(b, format)}, format));
      };
      broadcast({5, 33}, {33});
      broadcast({5, 33}, {1, 33});
      broadcast({5, 33}, {5, 1});
      broadcast({5, 33}, {1});
      broadcast({5, 33}, {});
      broadcast({2, 3, 17}, {3, 1});
      broadcast({2, 3, 17}, {2, 1, 17});
      broadcast({0, 8}, {8});
    }
  }
  return result;
}

std::vector<Case> unary_cases() {
  std::vector<Case> result;
  using Kind = op::UnaryKind;
  for (const Kind kind : {Kind::kSilu, Kind::kGelu, Kind::kGeluTanh, Kind::kQuickGelu, Kind::kRelu, Kind::kTanh,
                          Kind::kSigmoid, Kind::kExp, Kind::kSquare, Kind::kRsqrt}) {
    const std::string prefix(op::unary_name(kind));
    const Fill fill = kind == Kind::kRsqrt ? Fill::kPositive : Fill::kNormal;
    std::vector<Case> plain = sized([&](const RowSize& size, Format format, const std::string& name) {
      return make_case(fmt::format("{}_{}", prefix, name), op::Op::unary, op::Unary{kind},
                       {rows_operand(size, format).filled(fill)}, format);
    });
    result.insert(result.end(), plain.begin(), plain.end());
    if (kind == Kind::kRsqrt || kind == Kind::kExp) continue;
    Operand tails = activation({2, 19});  // where exp would overflow, and around 0
    for (int i = 0; i < 38; ++i) tails.values.push_back(static_cast<float>((i - 19) * (i < 19 ? 11.0 : 0.06)));
    for (int i = 0; i < 9; ++i) tails.values[static_cast<std::size_t>(20 + 2 * i)] *= 90;
    result.push_back(make_case(prefix + "_tails", op::Op::unary, op::Unary{kind}, {tails}));
  }
  Operand range = activation({1, 101});  // exp over the normal results of f32
  for (int i = 0; i <= 100; ++i) range.values.push_back(static_cast<float>(-87.0 + 1.75 * i));
  result.push_back(make_case("exp_range", op::Op::unary, op::Unary{Kind::kExp}, {range}));
  return result;
}

std::vector<Case> affine_cases() {
  return sized([](const RowSize& size, Format format, const std::string& name) {
    return make_case(name, op::Op::affine, op::Affine{-1.7F, 0.3F}, {rows_operand(size, format)}, format);
  });
}

std::vector<Case> reduce_cases() {
  std::vector<Case> result;
  const char* names[] = {"sum_", "mean_", "max_"};
  for (const op::ReduceKind kind : {op::ReduceKind::kSum, op::ReduceKind::kMean, op::ReduceKind::kMax}) {
    const std::string prefix = names[static_cast<int>(kind)];
    std::vector<Case> plain = sized([&](const RowSize& size, Format format, const std::string& name) {
      return make_case(prefix + name, op::Op::reduce, op::Reduce{kind}, {rows_operand(size, format)}, format);
    });
    result.insert(result.end(), plain.begin(), plain.end());
    result.push_back(make_case(prefix + "2x3x40", op::Op::reduce, op::Reduce{kind}, {activation({2, 3, 40})}));
  }
  result.push_back(make_case("sum_of_nothing", op::Op::reduce, op::Reduce{op::ReduceKind::kSum}, {activation({3, 0})}));
  return result;
}

std::vector<Case> softmax_cases() {
  std::vector<Case> result;
  for (const bool masked : {false, true}) {
    std::vector<Case> plain = sized([&](const RowSize& size, Format format, const std::string& name) {
      std::vector<Operand> in{rows_operand(size, format)};
      if (masked) {
        std::vector<std::int32_t> valid;
        for (std::int64_t r = 0; r < size.rows; ++r) {  // whole, from the middle, empty, short of the end
          valid.push_back(static_cast<std::int32_t>(r % 3 == 2 ? size.columns / 3 : 0));
          valid.push_back(static_cast<std::int32_t>(r % 4 == 1 ? 0 : size.columns - r % 5));
        }
        for (std::size_t i = 1; i < valid.size(); i += 2) valid[i] = std::max(valid[i], 0);
        in.push_back(index({size.rows, 2}, valid));
      }
      return make_case(fmt::format("{}{}", masked ? "masked_" : "", name), op::Op::softmax, op::Softmax{1.5F}, in,
                       format);
    });
    result.insert(result.end(), plain.begin(), plain.end());
  }
  result.push_back(make_case("large_scores", op::Op::softmax, op::Softmax{100.0F}, {activation({4, 65})}));
  result.push_back(make_case("rank3", op::Op::softmax, op::Softmax{}, {activation({2, 3, 33})}));
  return result;
}

std::vector<Case> gated_cases() {
  std::vector<Case> result;
  for (const op::UnaryKind kind : {op::UnaryKind::kSilu, op::UnaryKind::kGelu, op::UnaryKind::kGeluTanh}) {
    std::vector<Case> plain = sized([&](const RowSize& size, Format format, const std::string& name) {
      const bool blocks = row(format).block_elements > 1;
      std::vector<Operand> in{rows_operand(size, format), rows_operand(size, format)};
      if (!blocks) in = {in[0].wide(0, size.columns), in[1].wide(size.columns, 0)};  // the halves of a fused product
      return make_case(fmt::format("{}_{}", op::unary_name(kind), name), op::Op::gated, op::Gated{kind}, in, format);
    });
    result.insert(result.end(), plain.begin(), plain.end());
  }
  return result;
}

std::vector<Case> norm_cases(op::Op op) {
  std::vector<Case> result;
  const auto add = [&](const std::string& name, const Operand& x, Format out, bool variant) {
    const std::int64_t h = x.shape[-1];
    if (op == op::Op::rms_norm) {
      const op::RmsNorm args{.eps = 1e-5F, .weight_offset = variant ? 1.0F : 0.0F};
      result.push_back(make_case(name, op, args, {x, vector_weight(h)}, out));
    } else {
      std::vector<Operand> in{x, vector_weight(h)};
      if (variant) in.push_back(vector_weight(h));
      result.push_back(make_case(name, op, op::LayerNorm{.eps = 1e-5F}, in, out));
    }
  };
  for (const bool variant : {false, true})
    for (const RowSize& size : kRowSizes)
      for (const Format format : kMoreFormats)
        add(fmt::format("{}{}{}", variant ? "variant_" : "", size_name(size), suffix(format)),
            rows_operand(size, format), format, variant);
  add("f32_to_bf16", activation({3, 96}), Format::bf16, true);
  add("bf16_to_f32", activation({3, 96}, Format::bf16), Format::f32, true);
  add("heads_2x3x32", activation({2, 3, 32}).wide(16, 32), Format::f32, false);
  add("positive_4x128", activation({4, 128}).filled(Fill::kPositive), Format::f32, true);
  Operand zeros = activation({2, 40});
  zeros.values.assign(80, 0.0F);
  add("zeros", zeros, Format::f32, true);
  return result;
}

}  // namespace firstlight::parity
