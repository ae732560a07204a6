#include "shmclient/src/sequence.hpp"

#include <algorithm>
#include <utility>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/patience.hpp"
#include "shmclient/src/waiting.hpp"
#include "shmclient/src/window.hpp"

using namespace essequence::shm;

namespace {

// Reader loops are bounded. A taker meets a record that is gone only where it slept through the
// reuse of its slot, so this many in a row mean that the records are damaged; the sidecar cuts past
// them when it finds out.
constexpr int kMostMisses = 1000;

// A compare-and-swap fails only because another taker succeeded.
constexpr int kMostClaims = 1 << 16;

std::uint64_t *word_of(CounterLine &line) { return reinterpret_cast<std::uint64_t *>(&line.next); }
const std::uint64_t *word_of(const Atomic<std::uint64_t> &word) {
  return reinterpret_cast<const std::uint64_t *>(&word);
}

// The token of a run that nobody is to go on with.
constexpr std::uint32_t kNoToken = UINT32_MAX;

// Tokens are unique within a process and its parents: a child counts on from its parent's count.
std::uint32_t new_token() {
  static Atomic<std::uint32_t> last{0};
  std::uint32_t token = 0;
  while (token == 0 || token == kNoToken) token = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return token;
}

// What this thread took a run from last. The ids of its tickets never change, so while it lasts it
// is not looked up again, nor its checksum computed. Whether a ticket is still served is not asked
// here: a cut carries the counter past all of it.
struct LastBlock {
  std::uint64_t ring = 0;  // Attached::serial
  Block block;
};
thread_local LastBlock last_block;

std::optional<Block> look_up(const Attached &ring, std::uint64_t ticket, std::uint64_t filled_end) {
  if (last_block.ring == ring.serial && last_block.block.holds(ticket)) return last_block.block;
  const std::optional<Block> block = find_block(ring.entry(), ticket, filled_end);
  if (block) last_block = {ring.serial, *block};
  return block;
}

Failure damaged(const Place &place) {
  return {ESSEQUENCE_SYSTEM, "sequence \"" + place.name + "\": the ring in " + place.runtime_dir +
                                 " holds records or a counter that are damaged"};
}

}  // namespace

essequence_sequence::essequence_sequence(Place place, std::int64_t timeout_ns)
    : place_(std::move(place)),
      timeout_ns_(timeout_ns),
      attached_(open_sequence(place_, deadline_after(timeout_ns_)).release()) {
  revive();
}

essequence_sequence::~essequence_sequence() {
  if (page_->kept.any()) drop(*attached_.load(std::memory_order_relaxed));
  delete attached_.load(std::memory_order_relaxed);
}

// In a new handle, and in a forked child, which finds its page zero.
void essequence_sequence::revive() {
  essequence_window &window = page_->window;
  const Attached &ring = *attached_.load(std::memory_order_acquire);
  // Only where there is none: another thread of the child may have moved to a newer ring already.
  const std::uint64_t *no_cut = nullptr;
  __atomic_compare_exchange_n(&window.cut, &no_cut, word_of(ring.entry().cut), false,
                              __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  // Before the token, which tells that it is there.
  std::uint32_t nobody = 0, none = 0;
  page_->process.compare_exchange_strong(nobody, new_token(), std::memory_order_relaxed);
  __atomic_compare_exchange_n(&window.token, &none, new_token(), false, __ATOMIC_RELEASE,
                              __ATOMIC_RELAXED);
}

// Acquire: who holds the token sees the ring that it was made for, and a child's window its `cut`.
std::uint32_t essequence_sequence::own_token() {
  for (;;) {
    const std::uint32_t token = __atomic_load_n(&page_->window.token, __ATOMIC_ACQUIRE);
    if (token != 0) return token;
    revive();
  }
}

std::uint32_t essequence_sequence::own_process() {
  own_token();
  return page_->process.load(std::memory_order_relaxed);
}

std::int64_t essequence_sequence::resolve(std::uintptr_t distance, std::uint64_t ticket) {
  const auto window = reinterpret_cast<std::uintptr_t>(&page_->window);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): as in the fast path
  const auto *counter = reinterpret_cast<const std::uint64_t *>(window + distance);
  std::uint32_t process = page_->process.load(std::memory_order_relaxed);
  Deadline deadline(timeout_ns_);
  for (int misses = 0; misses < kMostMisses;) {
    // A ticket that was claimed before a fork is the parent's; who is asked for patience may fork
    // too.
    const std::uint32_t own = own_process();
    if (own != process) counter = nullptr;
    process = own;
    Attached &ring = current(deadline);
    Atomic<std::uint64_t> &next = ring.counter().next;
    // Pairs with the release store that commits a block or a cut (sidecar/ring/slot.cpp).
    std::uint64_t filled_end = ring.entry().filled_end.load(std::memory_order_acquire);
    if (counter != word_of(ring.counter())) {  // nothing claimed yet, or in a ring that is over
      const std::optional<std::uint64_t> kept = usable_kept(ring);
      const std::uint64_t newest = next.load(std::memory_order_relaxed);
      if (!kept && newest >= filled_end && !is_absurd(ring, newest)) {
        if (is_on_request(ring.entry())) return request_ids(place_, 1, deadline.get()).first;
        // Nobody claims what he cannot have: callers that come again and again to an empty ring
        // would carry the counter away.
        wait(ring, newest, deadline.get());
        continue;
      }
      counter = word_of(ring.counter());
      ticket = kept ? *kept : next.fetch_add(1, std::memory_order_relaxed);
      filled_end = ring.entry().filled_end.load(std::memory_order_acquire);
    }
    if (ticket < filled_end) {
      if (const std::optional<Block> block = find_block(ring.entry(), ticket, filled_end)) {
        open_window(ring, *block, ticket);
        return block->id_of(ticket);
      }
      counter = nullptr;  // cut, or slept through: take another one
      drop(ring);
      ++misses;
      continue;
    }
    if (is_absurd(ring, ticket)) {
      drop(ring);
      throw damaged(place_);
    }
    if (is_on_request(ring.entry())) {  // claimed before the name was deleted and made anew
      shut(page_->window);
      drop(ring);
      counter = nullptr;
      continue;
    }
    try {
      wait(ring, ticket, deadline.get());
    } catch (...) {
      if (own_process() == process) keep_or_drop(ring, ticket);
      throw;
    }
  }
  throw damaged(place_);
}

// Until `ticket` is filled or cut, or the handle has moved to another ring. Throws where there will
// be no id for it, or not in time.
void essequence_sequence::wait(Attached &ring, std::uint64_t ticket, TimePoint deadline) {
  const Woken woken = wait_for(ring, ticket, place_, deadline);
  if (woken == Woken::expired) throw no_id(ring, place_);
  if (woken == Woken::moved) move_to_new_ring(ring, deadline);
}

essequence_sequence::Taken essequence_sequence::take(std::uint32_t wanted, bool may_wait) {
  Deadline deadline = may_wait ? Deadline(timeout_ns_) : Deadline::at_once();
  for (;;) {
    // Before the ring: a lease that straddles a move to another one is dropped.
    const std::uint32_t token = own_token();
    Attached &ring = current(deadline);
    // While another thread is in the middle of a move the window still shows the old ring's cut.
    const bool shows_this_ring =
        __atomic_load_n(&page_->window.cut, __ATOMIC_RELAXED) == word_of(ring.entry().cut);
    const std::uint32_t lease = shows_this_ring ? token : kNoToken;
    if (const std::optional<Taken> taken = try_claim(ring, wanted, lease)) return *taken;
    if (is_on_request(ring.entry())) {
      if (!may_wait) throw Failure(ESSEQUENCE_TIMEOUT, "its ids are given on request");
      return requested(ring, wanted, lease, deadline.get());
    }
    const std::uint64_t next = ring.counter().next.load(std::memory_order_relaxed);
    if (may_wait) {
      wait(ring, next, deadline.get());
      continue;
    }
    const Woken woken = wait_for(ring, next, place_, deadline.get());
    if (woken == Woken::expired) throw Failure(ESSEQUENCE_TIMEOUT, "no id is ready");
    if (woken == Woken::moved) move_to_new_ring(ring, deadline.get());
  }
}

// Whether `ticket` lies where no taker can come: the counter is damaged. A cut that is under way
// has jumped the counter, and moves filled_end after it.
bool essequence_sequence::is_absurd(const Attached &ring, std::uint64_t ticket) const {
  const SequenceEntry &entry = ring.entry();
  const auto far = [&] {
    const std::uint64_t filled_end = entry.filled_end.load(std::memory_order_relaxed);
    return ticket > filled_end && ticket - filled_end > kAbsurdOvershoot;
  };
  if (!far()) return false;
  // Makes the claim, which was relaxed, see the intent that was stored before the jump. An intent
  // that is gone was committed, and then filled_end is there.
  fence(std::memory_order_acquire);
  return entry.intent.to.load(std::memory_order_acquire) == 0 && far() && !ring.memory.retired();
}

// Claims filled tickets of one block, or nothing: never past filled_end, never across a block.
std::optional<essequence_sequence::Taken> essequence_sequence::try_claim(Attached &ring,
                                                                         std::uint32_t wanted,
                                                                         std::uint32_t token) {
  Atomic<std::uint64_t> &next = ring.counter().next;
  for (int misses = 0, claims = 0; misses < kMostMisses && claims < kMostClaims;) {
    std::uint64_t ticket = next.load(std::memory_order_relaxed);
    const std::uint64_t filled_end = ring.entry().filled_end.load(std::memory_order_acquire);
    if (ticket >= filled_end) {
      if (is_absurd(ring, ticket)) throw damaged(place_);
      return std::nullopt;
    }
    const std::optional<Block> block = look_up(ring, ticket, filled_end);
    if (!block) {  // others claimed it, and its slot was reused, meanwhile
      ++misses;
      continue;
    }
    // Others may claim meanwhile; while they leave something of this block, it need not be looked
    // up again.
    for (; block->holds(ticket) && claims < kMostClaims; ++claims) {
      const std::uint64_t end = ticket + std::min<std::uint64_t>(wanted, block->end - ticket);
      const std::uint64_t first = ticket;
      if (!next.compare_exchange_weak(ticket, end, std::memory_order_relaxed)) continue;
      if (end > ring.entry().low_water.load(std::memory_order_relaxed)) {
        ring.memory.kick(ring.number, false);
      }
      return Taken{*block, first, static_cast<std::uint32_t>(end - first), token};
    }
  }
  throw damaged(place_);
}

// As if its tickets began at the cut: a cut that comes after the request ends a lease of them.
essequence_sequence::Taken essequence_sequence::requested(const Attached &ring,
                                                          std::uint32_t wanted, std::uint32_t token,
                                                          TimePoint deadline) const {
  const std::uint64_t cut = ring.entry().cut.load(std::memory_order_relaxed);
  const essequence_run run = request_ids(place_, wanted, deadline);
  const Block block{cut, cut + run.count, run.first, run.increment, run.epoch, 0};
  return {block, cut, run.count, token};
}

void essequence_sequence::reset() { reset_sequence(place_, deadline_after(timeout_ns_)); }

bool essequence_sequence::on_request() const {
  return is_on_request(attached_.load(std::memory_order_acquire)->entry());
}

essequence_sequence::Attached &essequence_sequence::current(Deadline &deadline) {
  Attached *ring = attached_.load(std::memory_order_acquire);
  while (ring->memory.retired()) {
    move_to_new_ring(*ring, deadline.get());
    ring = attached_.load(std::memory_order_acquire);
  }
  return *ring;
}

void essequence_sequence::move_to_new_ring(Attached &old, TimePoint deadline) {
  if (attached_.load(std::memory_order_acquire) != &old) return;  // another thread has moved it
  // Before the lock: it takes as long as the caller has patience, and while he is asked he may run
  // what takes from this sequence too.
  std::unique_ptr<Attached> ring = open_sequence(place_, deadline);
  Atomic<std::uint32_t> &attaching = page_->attaching;
  while (attaching.exchange(1, std::memory_order_acquire) != 0) {  // with the release below
    if (time_left(deadline).count() == 0) throw no_id(old, place_);
    sleep_for(std::chrono::milliseconds(1));
  }
  struct Unlock {
    Atomic<std::uint32_t> &word;
    ~Unlock() { word.store(0, std::memory_order_release); }
  } unlock{attaching};
  if (attached_.load(std::memory_order_acquire) != &old) return;  // another thread was faster

  if (page_->kept.take(word_of(old.counter()))) drop(old);
  const Attached &now = *ring;
  ring->previous.reset(&old);
  attached_.store(ring.release(), std::memory_order_release);
  shut(page_->window);
  // What was leased in the old ring is not compared with the cuts of the new one: the release pairs
  // with Lease::valid.
  __atomic_store_n(&page_->window.token, new_token(), __ATOMIC_RELEASE);
  __atomic_store_n(&page_->window.cut, word_of(now.entry().cut), __ATOMIC_RELEASE);
}

std::optional<std::uint64_t> essequence_sequence::usable_kept(Attached &ring) {
  const std::optional<std::uint64_t> kept = page_->kept.take(word_of(ring.counter()));
  if (!kept) return std::nullopt;
  // One that a cut has passed is neither: the cut moves both far above it.
  const bool unfilled = *kept >= ring.entry().filled_end.load(std::memory_order_relaxed);
  const bool newest = ring.counter().next.load(std::memory_order_relaxed) == *kept + 1;
  if (checked(unfilled || newest)) return kept;
  drop(ring);
  return std::nullopt;
}

void essequence_sequence::keep_or_drop(Attached &ring, std::uint64_t ticket) {
  shut(page_->window);  // the next take asks for the kept ticket before it claims another one
  if (!page_->kept.keep(word_of(ring.counter()), ticket)) drop(ring);
}

void essequence_sequence::drop(Attached &ring) {
  ring.counter().dropped.fetch_add(1, std::memory_order_relaxed);
}

// Lets the fast path serve the tickets of `block`, up to the low-water mark or, once that is
// reached and the sidecar told, to the end.
void essequence_sequence::open_window(Attached &ring, const Block &block, std::uint64_t ticket) {
  const std::uint64_t low_water = ring.entry().low_water.load(std::memory_order_relaxed);
  if (ticket >= low_water) ring.memory.kick(ring.number, false);
  if (page_->kept.any()) return;
  const std::uint64_t end = ticket < low_water ? std::min(low_water, block.end) : block.end;
  advance(page_->window,
          {word_of(ring.counter()), block.begin, end - block.begin, block.base, block.increment});
}
