// The syntax tree of a template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/text/jinja/value.h"

namespace firstlight::text::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  kConstant,     // constant
  kName,         // name
  kList,         // children
  kTuple,        // children
  kDict,         // children: key, value, key, value, ...
  kAttribute,    // children[0].name
  kItem,         // children[0][children[1]]
  kSlice,        // children[0][children[1]:children[2]:children[3]]; absent ones are null
  kCall,         // children[0](call)
  kFilter,       // children[0] | name(call); children[0] is null where a filter block fills it in
  kTest,         // children[0] is name(call)
  kNot,          // children[0]
  kNegate,       // children[0]
  kPlus,         // children[0]
  kAnd,          // children[0], children[1]
  kOr,           // children[0], children[1]
  kBinary,       // children[0] name children[1]; name is + - * / // % **
  kConcatenate,  // children[0] ~ children[1] ~ ...
  kCompare,      // children[0] operators[0] children[1] operators[1] ...
  kConditional,  // children[0] if children[1] else children[2] (may be null)
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star, star_star;  // *sequence, **mapping; may be null
};

struct Expression {
  ExpressionKind kind;
  int line;
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> children;
  std::vector<std::string> operators;
  CallArguments call;
  int depth = 1;  // of the tree below
};

// What an assignment writes: a name, a namespace's attribute, or a tuple of targets.
struct Target {
  std::string name;
  std::string attribute;      // of namespace `name`; empty for a plain name
  std::vector<Target> parts;  // not empty: a tuple
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

enum class StatementKind {
  kData,    // text
  kOutput,  // expressions
  kIf,      // expressions[i] -> blocks[i]; one more block is the else
  kFor,     // target in expressions[0] if expressions[1] (may be null): blocks[0], else blocks[1]
  kBreak,
  kContinue,
  kSet,          // target = expressions[0]
  kSetBlock,     // target = blocks[0], through the filters expressions[0] (may be null)
  kMacro,        // name(parameters): blocks[0]
  kCallBlock,    // expressions[0] (a call) with blocks[0] as caller(parameters)
  kFilterBlock,  // blocks[0] through expressions[0]
  kWith,         // parameters (name = value): blocks[0]
  kGroup,        // blocks[0] as it is (transformers' {% generation %})
};

struct Parameter {
  std::string name;
  ExpressionPtr value;  // a default; may be null
};

struct Statement {
  StatementKind kind;
  int line;
  std::string text;  // data, or a macro's name
  std::vector<ExpressionPtr> expressions;
  std::vector<Block> blocks;
  Target target;
  std::vector<Parameter> parameters;
};

}  // namespace firstlight::text::jinja
