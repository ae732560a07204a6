// The state of an open sequence that a forked child must not inherit. It lies on a page of its own
// that reads zero in the child (MADV_WIPEONFORK), so a fork needs no handler and costs the takes
// nothing: the child finds the window empty and the token zero, and starts anew.
#pragma once

#include <essequence/window.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <new>
#include <optional>
#include <type_traits>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/machine.hpp"

namespace essequence::shm {

// A ticket that was claimed and could not be served before its deadline. The next take uses it, if
// that cannot break the order of takes.
class KeptTicket {
 public:
  // False: no room (another thread's ticket is kept, or one is at it). The caller drops his.
  bool keep(const void *counter, std::uint64_t ticket) {
    if (busy_.exchange(1, std::memory_order_acquire) != 0) return false;  // with the releases below
    const bool room = counter_.load(std::memory_order_relaxed) == nullptr;
    if (room) {
      ticket_.store(ticket, std::memory_order_relaxed);
      counter_.store(counter, std::memory_order_relaxed);
    }
    busy_.store(0, std::memory_order_release);
    return room;
  }

  // The kept ticket, if it is of `counter`; one of another ring's counter is forgotten.
  std::optional<std::uint64_t> take(const void *counter) {
    if (!any() || busy_.exchange(1, std::memory_order_acquire) != 0) return std::nullopt;
    std::optional<std::uint64_t> ticket;
    if (counter_.load(std::memory_order_relaxed) == counter) {
      ticket = ticket_.load(std::memory_order_relaxed);
    }
    counter_.store(nullptr, std::memory_order_relaxed);
    busy_.store(0, std::memory_order_release);
    return ticket;
  }

  bool any() const { return counter_.load(std::memory_order_relaxed) != nullptr; }

 private:
  Atomic<std::uint32_t> busy_;
  Atomic<const void *> counter_;
  Atomic<std::uint64_t> ticket_;
};

// All zero is the state of a child, and the state in which it is made.
struct ForkedState {
  essequence_window window;
  KeptTicket kept;
  Atomic<std::uint32_t> process;    // not zero, and another one after a fork: whose a ticket is
  Atomic<std::uint32_t> attaching;  // one thread at a time moves to a new ring
};
static_assert(sizeof(ForkedState) <= 4096);

class ForkedPage {
 public:
  ForkedPage() {
    void *page = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw system_failure("mapping a page", errno);
    // Linux 4.14 and later; without it two processes would share what belongs to one.
    if (madvise(page, kSize, MADV_WIPEONFORK) != 0) {
      const int error = errno;
      munmap(page, kSize);
      throw system_failure("madvise(MADV_WIPEONFORK)", error);
    }
    state_ = new (page) ForkedState{};
  }
  ~ForkedPage() { munmap(state_, kSize); }
  ForkedPage(const ForkedPage &) = delete;
  ForkedPage &operator=(const ForkedPage &) = delete;

  ForkedState &operator*() const { return *state_; }
  ForkedState *operator->() const { return state_; }

 private:
  static constexpr std::size_t kSize = 4096;
  ForkedState *state_;
};

}  // namespace essequence::shm
