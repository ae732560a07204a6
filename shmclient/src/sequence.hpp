// An open sequence: what stands behind the C interface once the window does not know an id.
//
// THREAD SAFETY: any number of threads at once; only the destructor needs it alone. No thread ever
// waits for another one of the process, except while the handle moves to a new ring.
//
// INVARIANTS (of this process; those of the ring are in block.hpp and layout.hpp)
// 1. A ticket that was claimed is served, kept, or dropped and counted; never two of these.
// 2. A kept ticket is used only by this handle, in this process, for the same ring, and only if it
//    is still unfilled when the take begins, or no later ticket has been claimed, and no cut has
//    passed it. So it cannot return an id below one that an earlier take returned.
// 3. A ticket is matched with blocks of the ring that it was claimed from, and of no other.
#pragma once

#include <essequence/window.h>

#include <memory>
#include <optional>

#include "shmclient/src/block.hpp"
#include "shmclient/src/deadline.hpp"
#include "shmclient/src/forked_state.hpp"
#include "shmclient/src/open_sequence.hpp"

struct essequence_sequence {
 public:
  // Throws Failure.
  essequence_sequence(essequence::shm::Place place, std::int64_t timeout_ns);
  ~essequence_sequence();

  essequence_window &window() { return page_->window; }

  // The id of a ticket that the fast path claimed from the counter at `distance` from the window
  // and could not resolve. Throws Failure.
  std::int64_t resolve(std::uintptr_t distance, std::uint64_t ticket);

  // Tickets of one block, 1 to `wanted` of them, with their ids.
  struct Taken {
    essequence::shm::Block block;
    std::uint64_t ticket;
    std::uint32_t count;
    std::uint32_t token;
  };
  // `may_wait` false: Failure TIMEOUT where the ring is empty. Throws Failure.
  Taken take(std::uint32_t wanted, bool may_wait);

  void reset();

  // Whether its ids are given on request, as far as the ring that was used last says.
  bool on_request() const;

 private:
  using Attached = essequence::shm::Attached;
  using TimePoint = essequence::shm::Clock::time_point;

  void revive();
  std::uint32_t own_token();    // of this process and this ring; never zero
  std::uint32_t own_process();  // of this process; never zero
  Attached &current(essequence::shm::Deadline &deadline);
  void move_to_new_ring(Attached &old, TimePoint deadline);
  std::optional<std::uint64_t> usable_kept(Attached &ring);
  void keep_or_drop(Attached &ring, std::uint64_t ticket);
  void drop(Attached &ring);
  bool is_absurd(const Attached &ring, std::uint64_t ticket) const;
  void open_window(Attached &ring, const essequence::shm::Block &block, std::uint64_t ticket);
  std::optional<Taken> try_claim(Attached &ring, std::uint32_t wanted, std::uint32_t token);
  Taken requested(const Attached &ring, std::uint32_t wanted, std::uint32_t token,
                  TimePoint deadline) const;
  void wait(Attached &ring, std::uint64_t ticket, TimePoint deadline);

  const essequence::shm::Place place_;
  const std::int64_t timeout_ns_;
  essequence::shm::ForkedPage page_;
  essequence::shm::Atomic<Attached *> attached_;
};
