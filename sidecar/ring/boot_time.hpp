// Time since the machine booted, the same for all its processes; nobody can set it, and it runs on
// while the machine sleeps. What lies in the ring and tells a moment tells it by this.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace essequence::sidecar {

inline std::chrono::nanoseconds boot_time() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace essequence::sidecar
