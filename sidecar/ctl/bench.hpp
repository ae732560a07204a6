// essequencectl bench: how many ids it may be given to use up.
#pragma once

#include <cstdint>

namespace essequence::ctl {

constexpr std::uint64_t kFewestIds = 100'000;  // fewer and the laps measure the clock
constexpr std::uint64_t kMostIds = 1'000'000'000'000;

}  // namespace essequence::ctl
