// --timeout: seconds as people type them, as a duration.
#pragma once

#include <chrono>

namespace essequence::ctl {

constexpr double kLongestTimeout = 1e9;  // seconds; some thirty years

// `seconds`: 0 to kLongestTimeout.
inline std::chrono::nanoseconds time_limit(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace essequence::ctl
