// Changing the window of the inline fast path (include/essequence/window.h, whose invariants hold).
//
// THREAD SAFETY: any number of threads; the odd `sequence` is the lock, and nobody waits for it: a
// thread that finds the window in change does without, and resolves its ticket from the ring.
#pragma once

#include <essequence/window.h>

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

// Runs `store` on the window between an odd and an even `sequence`, unless another thread is at it.
template <class Store>
bool change(essequence_window &window, Store store) {
  std::uint32_t even = __atomic_load_n(&window.sequence, __ATOMIC_RELAXED) & ~1u;
  if (!__atomic_compare_exchange_n(&window.sequence, &even, even + 1, false, __ATOMIC_ACQUIRE,
                                   __ATOMIC_RELAXED)) {
    return false;
  }
  // Pairs with the acquire fence of the fast path: who sees a new member sees the odd number too.
  __atomic_thread_fence(__ATOMIC_RELEASE);
  store();
  // Pairs with the acquire load of the fast path. Never zero: that is what a forked child finds.
  const std::uint32_t next = even + 2;
  __atomic_store_n(&window.sequence, next == 0 ? 2 : next, __ATOMIC_RELEASE);
  return true;
}

// Moves the window on to `span`; never back to an earlier one of the same counter.
inline void advance(essequence_window &window, const Span &span) {
  change(window, [&] {
    const std::uint64_t end = __atomic_load_n(&window.begin, __ATOMIC_RELAXED) +
                              __atomic_load_n(&window.length, __ATOMIC_RELAXED);
    const bool same = __atomic_load_n(&window.counter, __ATOMIC_RELAXED) == span.counter;
    if (same && end >= span.begin + span.length) return;
    __atomic_store_n(&window.counter, span.counter, __ATOMIC_RELAXED);
    __atomic_store_n(&window.begin, span.begin, __ATOMIC_RELAXED);
    __atomic_store_n(&window.length, span.length, __ATOMIC_RELAXED);
    __atomic_store_n(&window.base, span.base, __ATOMIC_RELAXED);
    __atomic_store_n(&window.increment, span.increment, __ATOMIC_RELAXED);
  });
}

// The fast path claims nothing until the window is advanced again.
inline void shut(essequence_window &window) {
  change(window, [&] {
    __atomic_store_n(&window.counter, static_cast<std::uint64_t *>(nullptr), __ATOMIC_RELAXED);
  });
}

}  // namespace essequence::shm
