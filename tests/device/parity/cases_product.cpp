// Cases of embedding, linear and matmul.
#include "device/parity/generators.h"
#include "firstlight/op/linear.h"

namespace firstlight::parity {

std::vector<Case> embedding_cases() {
  std::vector<Case> result;
  for (const Format weight : kWeightFormats)
    for (const Format out : kActivationFormats)
      for (const bool tied : {false, true}) {
        const std::string kind = fmt::format("{}{}", tied ? "_tied" : "", suffix(weight, out));
        const auto table = [&](std::int64_t v, std::int64_t h) {
          return tied ? linear_weight(h, v, weight).filled(Fill::kWide)
                      : table_weight(v, h, weight).filled(Fill::kWide);
        };
        const op::Embedding args{.tied = tied};
        result.push_back(make_case("one" + kind, op::Op::embedding, args, {table(1, 1), index({1}, {0})}, out));
        result.push_back(make_case("odd" + kind, op::Op::embedding, args,
                                   {table(37, 51), index({7}, {0, 36, 5, 16, 15, 31, 5})}, out));
        result.push_back(
            make_case("tiles" + kind, op::Op::embedding, args, {table(96, 64), index({5}, {95, 32, 31, 64, 0})}, out));
        result.push_back(make_case("empty" + kind, op::Op::embedding, args, {table(37, 32), index({0}, {})}, out));
      }
  return result;
}

std::vector<Case> linear_cases() {
  struct Size {
    std::int64_t rows, depth, outputs;
    bool bias, strided;
  };
  constexpr Size kSizes[] = {
      {1, 1, 1, false, false},    {1, 64, 48, true, false},   {3, 33, 17, true, true},
      {0, 16, 16, true, false},   {7, 100, 130, false, true}, {33, 48, 16, false, false},
      {32, 128, 96, true, false}, {5, 17, 257, false, false}, {2, 320, 40, true, true},
  };
  std::vector<Case> result;
  for (const Size& size : kSizes)
    for (const Format weight : kWeightFormats)
      for (const Format x : kActivationFormats) {
        std::vector<Operand> in{activation({size.rows, size.depth}, x),
                                linear_weight(size.depth, size.outputs, weight).filled(Fill::kWide)};
        if (size.strided) in[0] = in[0].wide(8, 5);
        if (size.bias) in.push_back(vector_weight(size.outputs));
        const std::string name =
            fmt::format("{}{}{}{}", dims({size.rows, size.depth, size.outputs}), size.bias ? "_bias" : "",
                        size.strided ? "_strided" : "", suffix(weight, x));
        result.push_back(make_case(name, op::Op::linear, op::Linear{}, in, x));
      }
  for (const Format weight : {Format::bf16, Format::bfp8, Format::bfp4})
    result.push_back(make_case("f32_out_of_bf16" + suffix(weight), op::Op::linear, op::Linear{},
                               {activation({4, 96}, Format::bf16), linear_weight(96, 80, weight)}, Format::f32));
  result.push_back(make_case("batched_2x3", op::Op::linear, op::Linear{},
                             {activation({2, 3, 40}), linear_weight(40, 24, Format::f32)}));
  for (const Format x : {Format::f16, Format::bfp8})
    result.push_back(make_case("7x64x48" + suffix(x), op::Op::linear, op::Linear{},
                               {activation({7, 64}, x), linear_weight(64, 48, Format::bf16)}, x));
  return result;
}

std::vector<Case> matmul_cases() {
  struct Size {
    std::int64_t batch_a, batch_b, m, k, n;
    bool strided;
  };
  constexpr Size kSizes[] = {
      {1, 1, 1, 1, 1, false},   {2, 1, 3, 17, 5, false},   {6, 2, 5, 33, 40, true}, {4, 4, 33, 16, 31, false},
      {1, 1, 0, 16, 16, false}, {2, 2, 2, 200, 130, true}, {0, 1, 2, 8, 8, false},
  };
  std::vector<Case> result;
  for (const Size& size : kSizes)
    for (const Format x : kActivationFormats)
      for (const bool transposed : {false, true}) {
        const Shape b = transposed ? Shape{size.batch_b, size.n, size.k} : Shape{size.batch_b, size.k, size.n};
        std::vector<Operand> in{activation({size.batch_a, size.m, size.k}, x), activation(b, x)};
        if (size.strided) in = {in[0].wide(3, 16), in[1].wide(16, 0)};
        const std::string name =
            fmt::format("{}{}{}{}", dims({size.batch_a, size.batch_b, size.m, size.k, size.n}),
                        transposed ? "_transposed" : "", size.strided ? "_strided" : "", suffix(x));
        result.push_back(make_case(name, op::Op::matmul, op::Matmul{.transpose_b = transposed}, in, x));
      }
  return result;
}

}  // namespace firstlight::parity
