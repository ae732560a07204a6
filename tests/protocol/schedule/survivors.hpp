// Mutants that no schedule catches, with the reason why their line stays.
#pragma once

#include <optional>
#include <string>

#include "tests/protocol/schedule/mutation.hpp"

namespace essequence::protocol {

std::optional<std::string> why_it_survives(const Mutant &mutant);

}  // namespace essequence::protocol
