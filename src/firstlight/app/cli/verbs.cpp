// The table made of the verb list.
#include "firstlight/app/cli/verb.h"

namespace firstlight::app {

#define FL_VERB(name, summary) Action declare_##name(CLI::App& command);
#include "firstlight/app/cli/list.h"
#undef FL_VERB

namespace {

constexpr Verb kVerbs[] = {
#define FL_VERB(name, summary) {#name, summary, declare_##name},
#include "firstlight/app/cli/list.h"
#undef FL_VERB
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace firstlight::app
