// How a block is fetched: the source's proof, the journal, the ring, in this order.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <random>

#include "sidecar/blocking.hpp"
#include "sidecar/event.hpp"
#include "sidecar/refill/owner.hpp"
#include "sidecar/refill/unix_time.hpp"

namespace essequence::sidecar {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// "Equal jitter": half of the pause fixed, half random, so that hosts that collided once spread.
nanoseconds jittered(nanoseconds pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<nanoseconds::rep> half(0, pause.count() / 2);
  return pause / 2 + nanoseconds(half(random));
}

constexpr nanoseconds kFirstPause = milliseconds(50);  // after a refill that failed
constexpr nanoseconds kLongestPause = milliseconds(1000);
constexpr nanoseconds kLongestPauseInTurn = milliseconds(100);  // orders wait for their turn
constexpr nanoseconds kTimeToResume = milliseconds(1);
constexpr int kMostConflicts = 20;  // before a taker that waits for an answer is refused

awaitable<void> sleep(nanoseconds pause) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::ceil<milliseconds>(pause));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace

bool Owner::wants_block() const {
  return is_short() && premises_.source_ready && !premises_.stopping;
}

void Owner::note_takes() {
  looked_at_ = Clock::now();
  note_taken(slot_.look(), looked_at_);
}

void Owner::note_taken(std::uint64_t ids, Clock::time_point now) {
  if (ids > 0 && taken_lately_ == 0) premises_.taken_from.push_back(slot_.number());
  taken_lately_ += ids;
  controller_.taken(ids, now);
}

bool Owner::is_short() const {
  if (pin_.deleted || !pin_.fence_cause.empty()) return false;
  if (slot_.state() == shm::State::exhausted || slot_.state() == shm::State::on_request) {
    return false;
  }
  return slot_.ready() < controller_.low_water(Clock::now()) && slot_.has_room();
}

awaitable<void> Owner::refill() {
  if (refilling_) co_return;
  refilling_ = true;
  std::string failure;
  nanoseconds patience{};
  try {
    bool was_empty = false;
    while (co_await refill_once(was_empty)) {
      // Who waited takes at once, and shows how large the next block should be.
      if (was_empty) co_await sleep(kTimeToResume);
      note_takes();
    }
  } catch (const SourceError &error) {
    failure = error.what();
    patience = error.patience();
  } catch (const std::exception &error) {
    failure = error.what();
  }
  refilling_ = false;
  note_outcome(failure, patience);
}

// One block, in a turn of its own: takers may empty the ring as fast as it is filled, and orders
// come in between. False: no more is wanted, or to be had.
awaitable<bool> Owner::refill_once(bool &was_empty) {
  const Turn::Held turn = co_await turn_.take();
  if (!slot_.damage().empty() && pin_.fence_cause.empty()) co_await fence(slot_.damage());
  if (!wants_block()) co_return false;
  was_empty = slot_.ready() == 0;
  co_return co_await fetch_block();
}

// Of asking the source for ids; `failure` empty: it worked.
void Owner::note_outcome(const std::string &failure, nanoseconds patience) {
  if (failure.empty()) {
    if (setback_) {
      tell(spdlog::level::info, event::refill_works, quoted() + ": refilled again",
           {{"SEQUENCE", pin_.name}});
    }
    setback_.reset();
  } else {
    premises_.refill_times.failed();
    if (!setback_) setback_ = std::make_unique<Setback>();
    if (setback_->failure != failure) {
      const auto level = patience > nanoseconds(0) ? spdlog::level::err : spdlog::level::warn;
      tell(level, event::refill_failed, quoted() + ": no refill: " + failure,
           {{"SEQUENCE", pin_.name}, {"CAUSE", failure}});
    }
    setback_->failure = failure;
    setback_->pause = std::clamp(2 * setback_->pause, kFirstPause, kLongestPause);
    retry_at_ = Clock::now() + jittered(std::max(setback_->pause, patience));
  }
}

// One block, from the source into the ring. False: there is none to be had now.
awaitable<bool> Owner::fetch_block() {
  const auto begun = Clock::now();
  if (!granted_) {
    std::optional<JournalledBlock> block = co_await allocate(next_block());
    if (!block) co_return false;
    if (slot_.state() == shm::State::on_request) {  // as its document told us only now
      in_flight_ = 0;
      co_return false;
    }
    granted_ = std::make_unique<JournalledBlock>(*std::move(block));
  }
  const std::uint64_t count = granted_->count;
  co_await publish_granted();
  const auto now = Clock::now();
  controller_.refilled(count, now - begun, now);
  note_refill(now - begun);
  co_return true;
}

void Owner::note_refill(nanoseconds took) {
  refill_took_ = took;
  premises_.refill_times.took(took);
  Activity &activity = premises_.activity;
  ++activity.refills;
  activity.slowest_refill_seconds =
      std::max(activity.slowest_refill_seconds, std::chrono::duration<double>(took).count());
}

// Ids that the next block should hold: more than the takes alone ask for where other hosts take
// blocks too.
std::uint64_t Owner::next_block() const {
  const std::uint64_t block = controller_.block(Clock::now()) * contention_.factor();
  return std::min(block + slot_.waiting(), controller_.max_block());
}

// A proven grant of up to `wanted` ids that is not yet journalled; nullopt: exhausted or fenced, or
// other hosts go first. Throws SourceError.
awaitable<std::optional<JournalledBlock>> Owner::allocate(std::uint64_t wanted) {
  bool in_one_step = may_advance(wanted);
  for (int conflicts = 0;; ++conflicts) {
    std::optional<SourceError> failure;
    try {
      if (in_one_step) co_return co_await advance(wanted);
      co_return co_await compare_and_set(wanted);
    } catch (const SourceError &error) {
      failure = error;
    }
    const bool conflict = failure->kind() == SourceError::Kind::conflict;
    const bool missing = failure->kind() == SourceError::Kind::missing;
    const bool refused = failure->kind() == SourceError::Kind::not_applied;
    if (in_one_step && (missing || refused)) {  // compare-and-set tells why
      in_one_step = false;
      continue;
    }
    if ((!conflict && !missing) || conflicts >= kMostConflicts) throw *failure;
    contention_.conflicted();
    // Who waits for an answer is not sent away for long.
    const nanoseconds longest = has_ring() ? nanoseconds::max() : kLongestPauseInTurn;
    const nanoseconds pause = jittered(std::min(contention_.pause(), longest));
    if (pause > kLongestPauseInTurn) {
      retry_at_ = Clock::now() + pause;
      co_return std::nullopt;
    }
    co_await sleep(pause);
    // What is given on request has no place to lie.
    if (has_ring()) wanted = next_block();
    in_one_step = may_advance(wanted);
  }
}

// Whether `wanted` ids are to be had, and better had, in one step that nobody can come between.
bool Owner::may_advance(std::uint64_t wanted) const {
  const std::string &allocation = premises_.config.elasticsearch.allocation;
  if (!premises_.source.can_advance() || (allocation == "auto" && !contention_.expected()))
    return false;
  if (pin_.origin.empty()) return true;  // a read will tell
  return pin_.epoch == slot_.epoch() && ids_after(pin_.progression, pin_.mark) >= wanted;
}

awaitable<std::optional<JournalledBlock>> Owner::advance(std::uint64_t count) {
  Standing known;
  known.origin = pin_.origin;
  known.epoch = pin_.epoch;
  known.iid = pin_.mark;
  if (known.origin.empty()) {  // no grant yet; the reply proves what this read says, or nothing
    const std::optional<Stored> found = co_await read_judged();
    if (!found) co_return std::nullopt;
    known = found->standing;
  }
  const Advance how{known.origin, known.epoch, known.iid, count};
  awaitable<Stored> call = premises_.source.advance(pin_.name, how);
  co_return co_await proven_block(known, count, std::move(call));
}

awaitable<std::optional<JournalledBlock>> Owner::compare_and_set(std::uint64_t wanted) {
  if (!cached_ || contention_.expected()) {
    const std::int64_t mark = pin_.mark;
    std::optional<Stored> found = co_await read_judged();
    cached_ = found ? std::make_unique<Stored>(*std::move(found)) : nullptr;
    if (!cached_) co_return std::nullopt;
    const std::optional<JournalledBlock> unpublished = reclaim(mark, cached_->standing);
    if (unpublished) co_return unpublished;
  }
  const Standing before = cached_->standing;
  const std::int64_t from = std::max(before.iid, iid_for_above(before.progression, before.floor));
  const std::uint64_t count = std::min(wanted, ids_after(before.progression, from));
  if (count == 0) {
    note_exhausted(before.progression.max);
    co_return std::nullopt;
  }
  Change change;
  change.iid = from + static_cast<std::int64_t>(count) * before.progression.increment;
  awaitable<Stored> call = premises_.source.update(pin_.name, cached_->version, change);
  co_return co_await proven_block(before, count, std::move(call));
}

// The last `count` ids up to the iid that `call` proves; nullopt: it contradicts what is `known`.
awaitable<std::optional<JournalledBlock>> Owner::proven_block(Standing known, std::uint64_t count,
                                                              awaitable<Stored> call) {
  slot_.ask(count);
  in_flight_ = count;
  std::optional<Stored> proof;
  std::optional<SourceError> failure;
  try {
    proof = co_await std::move(call);
  } catch (const SourceError &error) {
    failure = error;
  }
  cached_.reset();
  if (failure) {
    in_flight_ = 0;
    if (failure->kind() != SourceError::Kind::unknown) slot_.refused(count);
    throw *failure;
  }
  // The reply echoes what stands there: another origin, epoch or a fence makes it no grant.
  const Standing standing = proof->standing;
  const bool same = standing.origin == known.origin && standing.epoch == known.epoch;
  if (!co_await weigh(standing, true) || !same || standing.epoch != slot_.epoch()) {
    in_flight_ = 0;  // counted as unknown_reply from here on
    co_return std::nullopt;
  }
  if (pin_.origin.empty()) {
    pin_.origin = standing.origin;
    pin_.index = standing.index;
    pin_.mark = std::max(pin_.mark, standing.iid);
  }
  cached_ = std::make_unique<Stored>(*std::move(proof));
  contention_.granted();
  slot_.count_refill();
  const auto width = static_cast<std::int64_t>(count - 1) * standing.progression.increment;
  co_return block_of(standing.iid - width, count, standing);
}

// What an exclusive source granted above `mark`, and a kill kept from the journal: it is granted
// still, if this ring has asked for it and not published it. (A journal that was restored alone
// shows the same, but no such ring.) What was asked for beyond it was not granted.
std::optional<JournalledBlock> Owner::reclaim(std::int64_t mark, const Standing &found) {
  if (!premises_.source.exclusive() || pin_.origin.empty() || found.epoch != slot_.epoch()) {
    return std::nullopt;
  }
  const std::int64_t from = std::max(mark, iid_for_above(found.progression, found.floor));
  std::uint64_t count = 0;
  if (found.iid > from) {  // unsigned: from may be negative
    count = (static_cast<std::uint64_t>(found.iid) - static_cast<std::uint64_t>(from)) /
            static_cast<std::uint64_t>(found.progression.increment);
  }
  const std::uint64_t open = slot_.accounts(0).unknown_reply;
  // Of those that are given on request, some were granted and lost with a journal that failed.
  if (open > count && has_ring()) slot_.refused(open - count);
  if (open < count || count == 0) return std::nullopt;
  in_flight_ = count;
  return block_of(from + found.progression.increment, count, found);
}

JournalledBlock Owner::block_of(std::int64_t first, std::uint64_t count,
                                const Standing &standing) const {
  JournalledBlock block;
  block.ring_uuid = premises_.ring.uuid();
  block.number = slot_.next_number();
  block.epoch = standing.epoch;
  block.first = first;
  block.count = count;
  block.increment = standing.progression.increment;
  block.granted_at_ns = unix_now_ns();
  block.fate = "published";
  return block;
}

// Durable on this host first, then in the ring; and once it may be there, it is forgotten here, so
// that no failure lays it in again.
awaitable<void> Owner::publish_granted() {
  JournalEntry entry{pin_, *granted_, slot_.oldest_unclaimed_number()};
  co_await premises_.journalled(std::move(entry));
  const std::unique_ptr<JournalledBlock> block = std::move(granted_);
  in_flight_ = 0;
  slot_.publish(block->first, block->count, block->increment, controller_.low_water(Clock::now()));
}

void Owner::note_exhausted(std::int64_t max) {
  if (slot_.state() != shm::State::exhausted) {
    tell(spdlog::level::err, event::exhaustion,
         quoted() + " has no id left to be granted: its max is " + std::to_string(max),
         {{"SEQUENCE", pin_.name}, {"REMAINING_IDS", std::to_string(slot_.ready())}});
  }
  slot_.set_state(shm::State::exhausted);
}

// The newest state by a read, judged. What cannot be true is confirmed first, because an isolated
// copy may have answered; until then it is neither granted from nor fenced for. Fences and returns
// nothing where it is so.
awaitable<std::optional<Stored>> Owner::read_judged() {
  std::optional<Stored> stored = co_await read_if_present(false);
  const std::string doubt = contradiction(stored);
  if (!doubt.empty()) {
    std::optional<SourceError> failure;
    try {
      stored = co_await read_if_present(true);
    } catch (const SourceError &error) {
      failure = error;
    }
    if (failure) {
      throw SourceError(failure->kind(),
                        doubt + "; not believed before a write confirms it: " + failure->what());
    }
  }
  if (!stored) {
    const std::string cause = contradiction(stored);
    co_await fence(cause);
    co_return std::nullopt;
  }
  if (!co_await weigh(stored->standing, premises_.source.exclusive())) co_return std::nullopt;
  co_return stored;
}

// nullopt: the document, or the whole index, is not there.
awaitable<std::optional<Stored>> Owner::read_if_present(bool confirmed) {
  Source &source = premises_.source;
  std::optional<SourceError> failure;
  try {
    if (confirmed) co_return co_await source.read_confirmed(pin_.name);
    co_return co_await source.read(pin_.name);
  } catch (const SourceError &error) {
    failure = error;
  }
  if (failure->kind() != SourceError::Kind::missing) throw *failure;
  co_return std::nullopt;
}

// Why `stored` cannot be true, in words; empty: it can.
std::string Owner::contradiction(const std::optional<Stored> &stored) const {
  if (stored) return judge(pin_, stored->standing, place()).cause;
  // Also where no block was granted here yet: somebody else may have had ids of it.
  return "its document is gone, and this host has seen it granted up to " +
         std::to_string(pin_.mark) + " (document or index deleted?)";
}

}  // namespace essequence::sidecar
