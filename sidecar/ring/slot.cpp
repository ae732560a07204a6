#include "sidecar/ring/slot.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "shmclient/src/machine.hpp"

namespace essequence::sidecar {

using shm::Block;
using shm::checked;
using shm::Ledger;

// Even 2^32 takes per second for a day do not carry a counter this far past its blocks.
constexpr std::uint64_t kFarthest = std::uint64_t{1} << 48;

Slot::Slot(const RingFile &ring, std::uint32_t number)
    : entry_(ring.entry(number)), counter_(ring.counter(number)) {
  adopt();
}

// ---- publishing ----

void Slot::publish(std::int64_t first, std::uint64_t count, std::int64_t increment,
                   std::uint64_t low_water) {
  const std::optional<std::int64_t> last = last_id();
  if (last && first <= *last) {  // whatever led to it: no id comes into the ring twice
    throw std::logic_error("a block that begins with id " + std::to_string(first) +
                           " does not follow id " + std::to_string(*last) + " of the ring");
  }
  const Block block{ledger().filled_end, ledger().filled_end + count, first, increment, epoch(),
                    next_number()};
  shm::write(entry_.records[block.number % shm::kMaxBlocks], block, number());
  const std::uint64_t left = std::min(low_water, block.end - shm::kFirstTicket);
  entry_.low_water.store(block.end - left, std::memory_order_relaxed);
  Ledger changed = ledger();
  changed.filled_end = block.end;
  changed.published += count;
  changed.next_number += 1;
  commit(changed);
}

// Invariant 1.
void Slot::commit(Ledger changed) {
  changed.checksum = shm::checksum_of(changed);
  entry_.ledgers[1 - in_force_] = changed;
  // The commit point. Pairs with the acquire load of filled_end in takers: who sees it sees the
  // record, the cut and the low-water mark.
  entry_.filled_end.store(changed.filled_end, std::memory_order_release);
  in_force_ = 1 - in_force_;
  wake();
}

void Slot::wake() {
  // Release: see the picture in waiting.hpp.
  entry_.wake.fetch_add(1, std::memory_order_release);
  shm::futex_wake(entry_.wake);
}

void Slot::set_state(shm::State state) {
  if (this->state() == state) return;
  entry_.state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
  wake();
}

// ---- cutting ----

std::uint64_t Slot::cut(CutReason reason, std::uint64_t epoch, std::int64_t floor) {
  const std::uint64_t filled_end = ledger().filled_end;
  std::uint64_t from = next();
  std::uint64_t to = 0;
  do {
    // Past every ticket that was claimed, also where the counter fell since. A counter that is no
    // counter any more is put back; whoever claimed out there is refused (kAbsurdOvershoot),
    // however many cuts follow.
    const bool is_counter = from < filled_end + kFarthest;
    const std::uint64_t last_seen = entry_.last_seen.load(std::memory_order_relaxed);
    to = std::max({is_counter ? from : 0, filled_end, last_seen}) + shm::kCutGap;
    entry_.intent.to.store(0, std::memory_order_release);  // as at the end of finish_cut
    entry_.intent.from = std::max(from, last_seen);        // what was claimed once stays claimed
    entry_.intent.reason = static_cast<std::uint64_t>(reason);
    entry_.intent.epoch = epoch;
    entry_.intent.floor = floor;
    // Release: a kill leaves no `to` without the fields that it stands for.
    entry_.intent.to.store(to, std::memory_order_release);
    // Every take that begins after this gets a ticket at or above `to`: read-modify-writes of one
    // word have one order. Release: who gets one sees the intent, and so why (is_absurd).
  } while (!counter_.next.compare_exchange_strong(from, to, std::memory_order_release));
  const std::uint64_t burnt = finish_cut();
  damage_.clear();  // nothing of what was damaged is served or looked at any more
  return burnt;
}

// The counter has jumped as `intent` says; now the ring follows. Returns how many ids are burnt.
std::uint64_t Slot::finish_cut() {
  const std::uint64_t to = entry_.intent.to.load(std::memory_order_relaxed);
  Ledger changed = ledger();
  const std::uint64_t claimed_end =
      std::clamp(entry_.intent.from, changed.stretch_begin, changed.filled_end);
  const std::uint64_t burnt = changed.filled_end - claimed_end;
  changed.taken_before += claimed_end - changed.stretch_begin;
  changed.filled_end = changed.stretch_begin = to;
  changed.epoch = entry_.intent.epoch;
  changed.floor = entry_.intent.floor;
  switch (static_cast<CutReason>(entry_.intent.reason)) {
    case CutReason::reset:
      changed.burnt_reset += burnt;
      break;
    case CutReason::raise:
      changed.burnt_raise += burnt;
      break;
    case CutReason::fence:
      changed.burnt_fence += burnt;
      break;
    case CutReason::ring:
      changed.burnt_ring += burnt;
      break;
  }
  entry_.last_seen.store(to, std::memory_order_relaxed);
  entry_.low_water.store(to, std::memory_order_relaxed);
  entry_.cut.store(to, std::memory_order_relaxed);  // for Lease::valid
  commit(changed);
  entry_.intent.to.store(0, std::memory_order_release);
  return burnt;
}

// ---- taking over from a sidecar that was killed ----

// Relaxed: the lock on the directory, which went with the other sidecar, orders all that it did.

void Slot::adopt() {
  if (!find_ledger()) return;
  forget_unpublished();
  follow_up_cut();
  entry_.cut.store(ledger().stretch_begin, std::memory_order_relaxed);  // no checksum guards it
  look();
  check_records();
}

bool Slot::find_ledger() {
  const std::uint64_t filled_end = entry_.filled_end.load(std::memory_order_relaxed);
  for (in_force_ = 0; in_force_ < 2; ++in_force_) {
    const bool whole = ledger().checksum == shm::checksum_of(ledger());
    if (checked(ledger().filled_end == filled_end) && whole) return true;
  }
  // Accounts and ring contradict each other: begin anew behind a gap, with nothing in the ring.
  damage_ = "its accounts in the ring are damaged";
  in_force_ = 0;
  Ledger blank{};
  blank.filled_end = blank.stretch_begin = std::max(filled_end, shm::kFirstTicket);
  blank.epoch = 1;
  blank.floor = INT64_MIN;
  blank.checksum = shm::checksum_of(blank);
  entry_.ledgers[0] = blank;
  entry_.filled_end.store(blank.filled_end, std::memory_order_release);
  entry_.asked.store(0);
  entry_.refused.store(0);
  entry_.handed_out.store(0);
  return false;
}

// A record that was written and not committed must not come into force by a later commit.
void Slot::forget_unpublished() {
  for (shm::BlockRecord &record : entry_.records) {
    const std::optional<Block> block = shm::read(record, number());
    if (block && block->end > ledger().filled_end) {
      record.checksum.store(~shm::checksum_of(*block, number()), std::memory_order_relaxed);
    }
  }
}

// Invariant 2.
void Slot::follow_up_cut() {
  const std::uint64_t to = entry_.intent.to.load(std::memory_order_relaxed);
  if (to == 0) return;
  const std::uint64_t reason = entry_.intent.reason;
  const bool jumped = next() >= to;
  const bool committed = ledger().filled_end >= to;  // or it is damage: filled_end never falls
  if (checked(jumped) && !committed && reason >= 1 && reason <= 4) {
    finish_cut();
  } else {
    // Pairs with the acquire in the taker's is_absurd, as at the end of finish_cut.
    entry_.intent.to.store(0, std::memory_order_release);
  }
}

// Invariant 3, for what is still to be taken.
void Slot::check_records() {
  for (std::uint64_t ticket = claimed_end(); ticket < ledger().filled_end;) {
    const std::optional<Block> block = block_with(ticket);
    if (!block) {
      damage_ = "a block record in the ring is damaged";
      return;
    }
    ticket = block->end;
  }
}

std::uint64_t Slot::look() {
  const std::uint64_t now = next();
  const std::uint64_t before = entry_.last_seen.load(std::memory_order_relaxed);
  if (now < before) {
    damage_ =
        "its ticket counter fell from " + std::to_string(before) + " to " + std::to_string(now);
    return 0;
  }
  if (now > ledger().filled_end && now - ledger().filled_end > shm::kAbsurdOvershoot) {
    damage_ = "its ticket counter jumped to " + std::to_string(now);
    return 0;
  }
  entry_.last_seen.store(now, std::memory_order_relaxed);
  return now - before;
}

// ---- what there is ----

std::uint64_t Slot::claimed_end() const {
  // A counter that fell gives nothing back.
  const std::uint64_t claimed = std::max(next(), entry_.last_seen.load(std::memory_order_relaxed));
  return std::clamp(claimed, ledger().stretch_begin, ledger().filled_end);
}

std::optional<Block> Slot::block_with(std::uint64_t ticket) const {
  return shm::find_block(entry_, ticket, ledger().filled_end);
}

std::uint64_t Slot::ready() const { return ledger().filled_end - claimed_end(); }

std::uint64_t Slot::waiting() const {
  const std::uint64_t now = next();
  return now > ledger().filled_end ? now - ledger().filled_end : 0;
}

std::optional<std::int64_t> Slot::next_id() const {
  const std::uint64_t ticket = claimed_end();
  const std::optional<Block> block = block_with(ticket);
  return block ? std::optional(block->id_of(ticket)) : std::nullopt;
}

std::optional<std::int64_t> Slot::last_id() const {
  std::optional<std::int64_t> last;
  for (const shm::BlockRecord &record : entry_.records) {
    const std::optional<Block> block = shm::read(record, number());
    if (!block || block->end > ledger().filled_end || block->epoch != epoch()) continue;
    last = std::max(last.value_or(INT64_MIN), block->id_of(block->end - 1));
  }
  return last;
}

std::uint64_t Slot::oldest_unclaimed_number() const {
  const std::optional<Block> block = block_with(claimed_end());
  return block ? block->number : next_number();
}

bool Slot::has_room() const {
  return checked(next_number() - oldest_unclaimed_number() < shm::kMaxBlocks);
}

Slot::Accounts Slot::accounts(std::uint64_t in_flight) const {
  const Ledger &now = ledger();
  const std::uint64_t handed_out = entry_.handed_out.load(std::memory_order_relaxed);
  const std::uint64_t claimed = claimed_end();  // one look at the counter: the sums must agree
  Accounts accounts{};
  accounts.unknown_reply = entry_.asked.load(std::memory_order_relaxed) -
                           entry_.refused.load(std::memory_order_relaxed) - now.published -
                           handed_out - in_flight;
  accounts.granted = now.published + handed_out + accounts.unknown_reply + now.inherited;
  accounts.taken = now.taken_before + (claimed - now.stretch_begin) + handed_out;
  accounts.ready = now.filled_end - claimed;
  accounts.burnt_reset = now.burnt_reset;
  accounts.burnt_raise = now.burnt_raise;
  accounts.burnt_fence = now.burnt_fence;
  accounts.burnt_ring = now.burnt_ring + now.inherited;
  accounts.dropped = counter_.dropped.load(std::memory_order_relaxed);
  accounts.refills = entry_.refills.load(std::memory_order_relaxed);
  accounts.stalls = entry_.stalls.load(std::memory_order_relaxed);
  return accounts;
}

}  // namespace essequence::sidecar
