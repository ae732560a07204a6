// The machine that the protocol runs on: atomics, fences, the futex, the clock. What shares memory
// with another thread or process uses these and nothing beside them.
//
// With ESSEQUENCE_MACHINE set to a header, the same sources compile onto the machine that it
// defines: tests/protocol/schedule/machine.hpp runs them under a scheduler that decides who goes
// on, how old a value a load returns, and which order, fence or condition is broken on purpose. One
// choice for a whole build, not a template parameter: the parameter would stand in every struct of
// the layout and in every signature, to say the same everywhere.
#pragma once

#ifdef ESSEQUENCE_MACHINE
#include ESSEQUENCE_MACHINE
#else

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <thread>

namespace essequence::shm {

template <class T>
using Atomic = std::atomic<T>;

inline void fence(std::memory_order order) { std::atomic_thread_fence(order); }

// A condition without which an id could be wrong. Named, so that a test can leave it out.
constexpr bool checked(bool condition) { return condition; }

using Clock = std::chrono::steady_clock;

inline void sleep_for(std::chrono::nanoseconds pause) { std::this_thread::sleep_for(pause); }

// The futex between processes. Never FUTEX_PRIVATE_FLAG, which wakes nobody across processes; for
// the same reason not std::atomic::wait. Waiting works on a read-only mapping.
//
// Sleeps while `word` is `expected`, at most `limit`; may also wake for no reason.
inline void futex_wait(const Atomic<std::uint32_t> &word, std::uint32_t expected,
                       std::chrono::nanoseconds limit) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec timeout{seconds.count(), (limit - seconds).count()};
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

inline void futex_wake(const Atomic<std::uint32_t> &word, int waiters = INT_MAX) {
  syscall(SYS_futex, &word, FUTEX_WAKE, waiters, nullptr, nullptr, 0);
}

}  // namespace essequence::shm

#endif
