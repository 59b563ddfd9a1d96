// What a search may choose: a format and fidelity for each group in each band of layers, for the head and the cache.
#pragma once

#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/run/key.h"

namespace firstlight::harness::tune {

struct Option {
  std::string format;    // "bfp4"
  std::string fidelity;  // the stack's setting, "" where the group has none
  std::string str() const { return fidelity.empty() ? format : format + " " + fidelity; }
};

// One thing to choose. Option 0 is where the search starts: the most accurate.
struct Knob {
  run::Group group = run::Group::kWqkv;
  int band = -1;  // of layers; -1: of the whole model
  std::vector<Option> options;
  std::string name(int bands) const;  // "ff1_3, layers band 2 of 3"
};

// The option of each knob.
using Choice = std::vector<int>;

struct Space {
  int bands = 1;
  std::vector<Knob> knobs;
  Choice start() const { return Choice(knobs.size(), 0); }
};

// `fidelities`: whether the device's results depend on fidelity settings, so that they can be judged apart from
// formats.
Space make_space(int bands, bool fidelities);

// A policy file of a choice for a model of `layers` layers: layer i stands in band i * bands / layers.
Json policy_json(const Space& space, const Choice& choice, std::int64_t layers, std::string_view name);
// The stack's decoder JSON of the same (head and cache have no place in it, and keep the base's formats there).
Json decoder_json(const Space& space, const Choice& choice, std::int64_t layers);
// The stack's string where all bands agree, else "".
std::string stack_string(const Space& space, const Choice& choice);

}  // namespace firstlight::harness::tune
