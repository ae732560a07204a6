#include "sidecar/refill/owner.hpp"

#include <algorithm>

#include "sidecar/blocking.hpp"

namespace essequence::sidecar {

using Clock = std::chrono::steady_clock;

Owner::Owner(Premises &premises, Pin pin, Slot slot)
    : premises_(premises),
      pin_(std::move(pin)),
      slot_(std::move(slot)),
      controller_(premises.config.of(pin_.name), Clock::now()) {
  reconfigure();
}

awaitable<void> Owner::take_over(std::optional<JournalledBlock> newest) {
  const Turn::Held turn = co_await turn_.take();
  if (!slot_.damage().empty()) {
    co_await stop_here(slot_.damage());
    co_return;
  }
  if (pin_.deleted) {
    slot_.set_state(shm::State::deleted);
    if (slot_.ready() > 0) co_await cut(CutReason::ring, pin_.epoch);
    co_return;
  }
  if (!pin_.fence_cause.empty()) {
    slot_.set_state(shm::State::fenced);
    if (slot_.ready() > 0) co_await cut(CutReason::fence, pin_.epoch);
    co_return;
  }
  if (slot_.state() == shm::State::fenced) {
    co_await stop_here("it was fenced, and the sidecar restarted before the journal knew why");
    co_return;
  }
  if (slot_.epoch() > pin_.epoch) {
    co_await stop_here("the ring is in epoch " + std::to_string(slot_.epoch()) +
                       ", but the journal knows epoch " + std::to_string(pin_.epoch) +
                       " (state directory restored?)");
    co_return;
  }
  const std::optional<std::int64_t> last = slot_.last_id();
  if (slot_.epoch() == pin_.epoch && last && *last > pin_.mark) {
    co_await stop_here("the ring was given ids up to " + std::to_string(*last) +
                       ", but the journal knows none above " + std::to_string(pin_.mark) +
                       " (state directory restored?)");
    co_return;
  }
  const bool foreign =
      newest && slot_.next_number() > 0 && newest->ring_uuid != premises_.ring.uuid();
  if (foreign) {
    co_await stop_here(
        "the ring holds blocks that the journal does not know (runtime_dir of another instance, or "
        "state directory restored?)");
    co_return;
  }
  // A reset or a raise that was journalled and did not reach the ring.
  co_await align_ring();
  set_open();  // exhausted is found again by the next refill

  const bool unpublished = newest && newest->ring_uuid == premises_.ring.uuid() &&
                           newest->number == slot_.next_number() &&
                           newest->epoch == slot_.epoch() && newest->fate == "published" &&
                           newest->first > pin_.floor;
  if (unpublished) {
    slot_.publish(newest->first, newest->count, newest->increment,
                  controller_.low_water(Clock::now()));
  }
}

bool Owner::look(bool asked) {
  note_takes();
  const bool starving = slot_.ready() == 0 && (asked || starving_ || slot_.waiting() > 0);
  if (starving && !starving_) {
    slot_.count_stall();
    controller_.ran_empty(Clock::now());
  }
  starving_ = starving;
  if (pin_.deleted) return false;
  if (!slot_.damage().empty() && pin_.fence_cause.empty()) return true;
  return !refilling_ && looked_at_ >= retry_at_ && wants_block();
}

bool Owner::wake(Clock::time_point since) {
  if (std::exchange(awake_, true)) return false;
  controller_.taken(0, std::max(since, looked_at_));
  return true;
}

bool Owner::falls_asleep() {
  const bool idle = controller_.rate(Clock::now()) == 0;
  const bool sound = slot_.damage().empty() || !pin_.fence_cause.empty();
  awake_ = !idle || !sound || refilling_ || wants_block();
  if (!awake_ && has_ring()) cached_.reset();
  return !awake_;
}

bool Owner::wants_observation() const { return !pin_.deleted && !pin_.fence_cause.empty(); }

void Owner::wish_block(std::uint64_t ids) {
  wished_block_ = std::max(wished_block_, ids);
  reconfigure();
}

void Owner::reconfigure() {
  SequenceConfig config = premises_.config.of(pin_.name);
  config.min_block = std::max(config.min_block, std::min(wished_block_, config.max_block));
  slot_.set_min_block(config.min_block);
  controller_.configure(config);
}

awaitable<void> Owner::begin(Stored found) {
  const Turn::Held turn = co_await turn_.take();
  co_await adopt_pin(pin_);
  set_open_from(found);
}

void Owner::set_open_from(const Stored &found) {
  if (!found.standing.fenced) cached_ = std::make_unique<Stored>(found);
  set_open();
}

void Owner::set_open() { slot_.set_state(has_ring() ? shm::State::open : shm::State::on_request); }

awaitable<void> Owner::adopt_pin(Pin pin) {
  JournalEntry entry{pin, std::nullopt, 0};
  try {
    co_await premises_.journalled(std::move(entry));
  } catch (const std::exception &error) {
    throw Refusal(503, "journal_failing", quoted() + ": " + error.what());
  }
  pin_ = std::move(pin);
}

// Cuts, and notes in the journal what became of the blocks that were not all taken.
awaitable<void> Owner::cut(CutReason reason, std::uint64_t epoch) {
  const std::uint64_t number = slot_.oldest_unclaimed_number();
  const std::uint64_t burnt = slot_.cut(reason, epoch, pin_.floor);
  granted_.reset();
  in_flight_ = 0;
  cached_.reset();
  controller_.cut();
  if (burnt == 0) co_return;
  Journal &journal = premises_.journal;
  const std::string name = pin_.name, uuid = premises_.ring.uuid(), fate = block_fate(reason);
  auto note = [&journal, name, uuid, number, fate] { journal.set_fate(name, uuid, number, fate); };
  try {
    co_await blocking(premises_.storage, note);
  } catch (const std::exception &error) {  // what became of a block is told, not relied on
    premises_.journal_said(error.what());
  }
}

// Cuts where the journal is ahead of the ring. Also with nothing ready: what is leased, kept or
// granted and not yet published is over too.
awaitable<void> Owner::align_ring() {
  if (slot_.epoch() < pin_.epoch) {
    co_await cut(CutReason::reset, pin_.epoch);
  } else if (slot_.floor() < pin_.floor) {
    co_await cut(CutReason::raise, pin_.epoch);
  }
}

std::string Owner::block_fate(CutReason reason) const {
  switch (reason) {
    case CutReason::reset:
      return "burnt_reset";
    case CutReason::raise:
      return "burnt_raise";
    case CutReason::fence:
      return "burnt_fence";
    case CutReason::ring:
      return "burnt_ring";
  }
  return "";
}

SequenceStatus Owner::status() {
  note_takes();
  const auto now = Clock::now();
  const Slot::Accounts accounts = slot_.accounts(in_flight_);
  SequenceStatus status;
  status.name = pin_.name;
  status.epoch = pin_.epoch;
  status.origin = pin_.origin;
  status.next_id = slot_.next_id();
  status.ready_ids = accounts.ready;
  status.rate_per_second = controller_.rate(now);
  if (status.rate_per_second > 0) {
    status.cover_seconds = static_cast<double>(accounts.ready) / status.rate_per_second;
  }
  status.block_size = controller_.block(now);
  status.high_water = pin_.mark;
  status.progression = pin_.progression;
  status.remaining_ids = accounts.ready + ids_after(pin_.progression, pin_.mark);
  status.granted_total = accounts.granted;
  status.taken_total = accounts.taken;
  status.lost_total = {accounts.unknown_reply, accounts.burnt_reset, accounts.burnt_raise,
                       accounts.burnt_fence, accounts.burnt_ring};
  status.dropped_by_clients = accounts.dropped;
  status.refills_total = accounts.refills;
  status.stalls_total = accounts.stalls;
  if (refill_took_.count() > 0) {
    status.refill_seconds = std::chrono::duration<double>(refill_took_).count();
  }

  const SourceHealth health = premises_.source.health();
  const std::string trouble = setback_ ? setback_->failure : health.healthy ? "" : health.detail;
  const bool exhausted = slot_.state() == shm::State::exhausted && accounts.ready == 0;
  if (!pin_.fence_cause.empty()) {
    status.state = "fenced";
    status.cause = pin_.fence_cause;
    status.command = unfence_command(pin_.mark);
    status.detail = quoted() + ": " + pin_.fence_cause + ". Stopped. To go on: " + status.command +
                    " (safe above the largest high_water of all hosts; this host's is " +
                    std::to_string(pin_.mark) + ")";
  } else if (exhausted) {
    status.state = "exhausted";
    status.detail = quoted() + " has reached its max " + std::to_string(pin_.progression.max);
  } else if (accounts.ready == 0 && (starving_ || !trouble.empty())) {
    status.state = "starved";
    status.detail = trouble.empty() ? quoted() + ": ids are taken faster than they come" : trouble;
  } else if (is_short()) {
    status.state = "filling";
    status.detail = trouble;
  } else {
    status.state = "ready";
  }
  return status;
}

}  // namespace essequence::sidecar
