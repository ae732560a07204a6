// How long a call may still wait: until its deadline, and for as long as its caller has patience
// (include/essequence/waiting.h).
//
// THREAD SAFETY: everything is the calling thread's own.
#pragma once

#include <essequence/waiting.h>

#include <algorithm>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

struct Patience {
  essequence_patience ask = nullptr;
  void *context = nullptr;
};
inline thread_local Patience patience;

// Longest sleep between two looks: the backstop against a lost kick, how soon a waiter finds a ring
// that was replaced without being retired, and how often a caller is asked.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(100);

// Zero where the wait is over. Whoever is about to wait calls it each time, and then waits no
// longer than that and kLongestSleep.
inline std::chrono::nanoseconds time_left(Clock::time_point deadline) {
  const Clock::time_point now = Clock::now();
  std::chrono::nanoseconds left = std::max<std::chrono::nanoseconds>(deadline - now, {});
  if (left.count() > 0 && patience.ask != nullptr) {
    left = std::clamp<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(patience.ask(patience.context)), {}, left);
  }
  return left;
}

}  // namespace essequence::shm
