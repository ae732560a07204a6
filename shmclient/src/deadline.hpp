// When a call gives up. Steady clock: a clock that is set does not matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

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

// The deadline of one call, from when somebody first asks for it: a take that finds ids has no need
// of a clock.
class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ns) : timeout_ns_(timeout_ns) {}
  // Of a call that does not wait.
  static Deadline at_once() { return Deadline(std::nullopt); }

  Clock::time_point get() {
    if (!at_) at_ = timeout_ns_ ? deadline_after(*timeout_ns_) : Clock::now();
    return *at_;
  }

 private:
  explicit Deadline(std::nullopt_t) {}
  std::optional<std::int64_t> timeout_ns_;
  std::optional<Clock::time_point> at_;
};

}  // namespace essequence::shm
