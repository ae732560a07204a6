// Changing the window of the inline fast path (include/essequence/window.h, whose invariants hold).
//
// THREAD SAFETY: any number of threads; who has raised `begun` above `ended` holds the lock, and
// nobody waits for it: a thread that finds the window in change does without, and resolves its
// ticket from the ring.
#pragma once

#include <essequence/window.h>

#include <algorithm>
#include <cstdint>

namespace essequence::shm {

// What a window may be set to: tickets [begin, begin + length) of `counter`.
struct Span {
  std::uint64_t *counter;
  std::uint64_t begin;
  std::uint64_t length;
  std::int64_t base;
  std::int64_t increment;
};

// `begun` and `ended` of a window that was ever set; zero is what a forked child finds.
constexpr std::uint64_t kSet = std::uint64_t{1} << 63;

constexpr std::uint64_t kLongest = (std::uint64_t{1} << 62) - 1;

// Runs `store` on the window between a new `begun` and the same `ended`, unless another thread is
// at it.
template <class Store>
void change(essequence_window &window, Store store) {
  // With the release below: the members are as the last change left them.
  std::uint64_t begun = __atomic_load_n(&window.ended, __ATOMIC_ACQUIRE);
  const std::uint64_t next = (begun + 1) | kSet;
  if (!__atomic_compare_exchange_n(&window.begun, &begun, next, false, __ATOMIC_RELAXED,
                                   __ATOMIC_RELAXED)) {
    return;
  }
  // Pairs with the acquire fence of the fast path: who sees a new member sees the new `begun` too.
  __atomic_thread_fence(__ATOMIC_RELEASE);
  store();
  // Pairs with the acquire loads of the fast path and above.
  __atomic_store_n(&window.ended, next, __ATOMIC_RELEASE);
}

// Moves the window on to `span`; never back to an earlier one of the same counter.
inline void advance(essequence_window &window, const Span &span) {
  change(window, [&] {
    const std::uintptr_t distance =
        reinterpret_cast<std::uintptr_t>(span.counter) - reinterpret_cast<std::uintptr_t>(&window);
    const std::uint64_t end = __atomic_load_n(&window.begin, __ATOMIC_RELAXED) +
                              __atomic_load_n(&window.length, __ATOMIC_RELAXED);
    const bool same = __atomic_load_n(&window.distance, __ATOMIC_RELAXED) == distance;
    if (same && end >= span.begin + span.length) return;
    __atomic_store_n(&window.distance, distance, __ATOMIC_RELAXED);
    __atomic_store_n(&window.begin, span.begin, __ATOMIC_RELAXED);
    __atomic_store_n(&window.length, std::min(span.length, kLongest), __ATOMIC_RELAXED);
    __atomic_store_n(&window.base, span.base, __ATOMIC_RELAXED);
    __atomic_store_n(&window.increment, span.increment, __ATOMIC_RELAXED);
  });
}

// The fast path claims nothing until the window is advanced again.
inline void shut(essequence_window &window) {
  change(window, [&] {
    __atomic_store_n(&window.distance, std::uintptr_t{0}, __ATOMIC_RELAXED);
    __atomic_store_n(&window.length, std::uint64_t{0}, __ATOMIC_RELAXED);
  });
}

}  // namespace essequence::shm
