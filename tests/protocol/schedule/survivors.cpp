#include "tests/protocol/schedule/survivors.hpp"

namespace essequence::protocol {

std::optional<std::string> why_it_survives(const Mutant &) { return std::nullopt; }

}  // namespace essequence::protocol
