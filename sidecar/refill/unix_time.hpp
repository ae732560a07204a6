// The time as the journal keeps it: nanoseconds since 1970, by a clock that may be set.
#pragma once

#include <chrono>
#include <cstdint>

namespace essequence::sidecar {

inline std::int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace essequence::sidecar
