// One sequence's place in the ring, as its only writer sees it: laying in blocks, cutting, and the
// accounts of promise 7.
//
// Thread rules: the event loop only. One Slot for an entry.
//
// INVARIANTS (those of shmclient/src/block.hpp hold, and)
// 1. Every change of what the ring holds comes into force by one store to filled_end, with the copy
//    of the ledger that is tagged with the new value. After a kill at any instruction adopt() finds
//    either the old state or the new one, accounts included.
// 2. A cut jumps the counter by compare-and-swap, at least kCutGap past every filled and every
//    claimed ticket; what it jumped from was written to `intent` before. So after a kill it can be
//    told whether the jump was made, and how many ids it burnt, exactly.
// 3. Blocks are contiguous in tickets from stretch_begin (the last cut) to filled_end.
// 4. A record is written only over a block whose tickets are all claimed, or burnt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shmclient/src/block.hpp"
#include "sidecar/ring/ring_file.hpp"

namespace essequence::sidecar {

enum class CutReason : std::uint64_t { reset = 1, raise = 2, fence = 3, ring = 4 };

class Slot {
 public:
  // Takes over entry `number`, finishing what a killed sidecar began. damage() says what it found.
  Slot(const RingFile &ring, std::uint32_t number);

  // What contradicts the invariants, in words; empty: nothing. A damaged slot is to be fenced; the
  // cut of the fence ends the damage.
  const std::string &damage() const { return damage_; }

  std::uint32_t number() const { return entry_.number; }
  std::uint64_t epoch() const { return ledger().epoch; }
  std::int64_t floor() const { return ledger().floor; }
  shm::State state() const {
    return static_cast<shm::State>(entry_.state.load(std::memory_order_relaxed));
  }

  // The number that the next block will have.
  std::uint64_t next_number() const { return ledger().next_number; }
  // Blocks with a smaller number are all claimed.
  std::uint64_t oldest_unclaimed_number() const;

  // Ids that are ready to be taken, and tickets that wait for ids.
  std::uint64_t ready() const;
  std::uint64_t waiting() const;
  std::optional<std::int64_t> next_id() const;
  // The largest id that this ring was given in its epoch, taken or not.
  std::optional<std::int64_t> last_id() const;

  // Whether the record that the next block needs is free (invariant 4).
  bool has_room() const;

  // Lays a block of `count` ids into the ring and wakes who waits. `low_water`: how many ready ids
  // are left when takers ask for the next one.
  void publish(std::int64_t first, std::uint64_t count, std::int64_t increment,
               std::uint64_t low_water);

  // Burns what is ready; no ticket claimed so far is served afterwards. The blocks that
  // follow are of `epoch`, and all their ids above `floor`. Returns how many ids were burnt.
  std::uint64_t cut(CutReason reason, std::uint64_t epoch, std::int64_t floor);

  void set_state(shm::State state);
  void set_min_block(std::uint64_t ids) { entry_.min_block.store(ids, std::memory_order_relaxed); }

  // The source is about to be asked for `ids`; they count as lost (unknown_reply) until they are
  // published or refused. Survives a kill.
  void ask(std::uint64_t ids) { add(entry_.asked, ids); }
  void refused(std::uint64_t ids) { add(entry_.refused, ids); }
  // `ids` of what was asked for were given to a taker past the ring.
  void hand_out(std::uint64_t ids) { add(entry_.handed_out, ids); }
  void count_refill() { add(entry_.refills, 1); }
  void count_stall() { add(entry_.stalls, 1); }

  // Looks at the counter. Returns how many tickets were claimed since the last look. A counter that
  // fell, or jumped absurdly far, becomes damage().
  std::uint64_t look();

  struct Accounts {
    std::uint64_t granted, taken, ready;
    std::uint64_t unknown_reply, burnt_reset, burnt_raise, burnt_fence, burnt_ring;
    std::uint64_t dropped, refills, stalls;
  };
  // `in_flight`: of what was asked, ids whose outcome is still to come.
  Accounts accounts(std::uint64_t in_flight) const;

 private:
  const shm::Ledger &ledger() const { return entry_.ledgers[in_force_]; }
  // Of a counter that nobody else writes.
  static void add(shm::Atomic<std::uint64_t> &counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void commit(shm::Ledger changed);
  std::uint64_t finish_cut();
  void adopt();
  bool find_ledger();
  void follow_up_cut();
  void forget_unpublished();
  void check_records();
  void wake();
  std::uint64_t next() const { return counter_.next.load(std::memory_order_relaxed); }
  std::uint64_t claimed_end() const;
  std::optional<shm::Block> block_with(std::uint64_t ticket) const;

  shm::SequenceEntry &entry_;
  shm::CounterLine &counter_;
  std::size_t in_force_ = 0;
  std::string damage_;
};

}  // namespace essequence::sidecar
