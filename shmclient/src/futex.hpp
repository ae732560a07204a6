// The futex between processes. Never FUTEX_PRIVATE_FLAG, which wakes nobody across processes; for
// the same reason not std::atomic::wait. Waiting works on a read-only mapping.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

namespace essequence::shm {

// Sleeps while `word` is `expected`, at most `limit`; may also wake for no reason.
inline void futex_wait(const std::atomic<std::uint32_t> &word, std::uint32_t expected,
                       std::chrono::nanoseconds limit) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec timeout{seconds.count(), (limit - seconds).count()};
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

inline void futex_wake(const std::atomic<std::uint32_t> &word, int waiters = INT_MAX) {
  syscall(SYS_futex, &word, FUTEX_WAKE, waiters, nullptr, nullptr, 0);
}

}  // namespace essequence::shm
