// When a call gives up. Steady clock: a clock that is set does not matter.
#pragma once

#include <chrono>
#include <cstdint>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

constexpr std::chrono::nanoseconds kDefaultTimeout = std::chrono::seconds(5);

// `timeout_ns` as in essequence_options: 0 is the default, negative is never.
inline Clock::time_point deadline_after(std::int64_t timeout_ns) {
  if (timeout_ns < 0) return Clock::time_point::max();
  const auto timeout = timeout_ns == 0 ? kDefaultTimeout : std::chrono::nanoseconds(timeout_ns);
  const Clock::time_point now = Clock::now();
  return timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
}

}  // namespace essequence::shm
