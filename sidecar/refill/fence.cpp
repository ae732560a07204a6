// Promise 6: what happens when the source contradicts what this host has seen, and how it ends.
#include <algorithm>

#include "sidecar/event.hpp"
#include "sidecar/refill/owner.hpp"
#include "sidecar/refill/unix_time.hpp"

namespace essequence::sidecar {

awaitable<void> Owner::observe(std::optional<Stored> stored) {
  const Turn::Held turn = co_await turn_.take();
  if (pin_.deleted) co_return;
  const bool nothing_new =
      stored && pin_.fence_cause.empty() &&
      judge(pin_, stored->standing, place()).kind == Judgement::Kind::consistent &&
      stored->standing.floor <= pin_.floor;
  if (nothing_new) {
    // Before the origin is proven, what a read says is not yet this host's mark.
    if (pin_.origin.empty() || stored->standing.iid <= pin_.mark) co_return;
    if (premises_.source.exclusive()) co_return;  // the next refill reclaims it
    // While writes fail, a copy that was cut off may have answered, with writes that will vanish.
    // The poll comes again when they work.
    if (!premises_.source.health().healthy) co_return;
    Pin higher = pin_;
    higher.mark = stored->standing.iid;
    cached_.reset();  // a document that is still, or again, as it was then lies behind this mark
    co_await adopt_pin(higher);
    co_return;
  }
  // The state was read before this turn came, and an order of our own may have changed it
  // meanwhile: what has consequences is read again.
  if (pin_.fence_cause.empty()) {
    co_await read_judged();
    co_return;
  }
  stored = co_await premises_.source.read(pin_.name);
  if (!stored) co_return;
  if (stored->standing.fenced && !pin_.fence_seen) co_await note_fence_seen();
  if (covers(stored->standing, pin_)) {
    co_await resume(stored->standing);
  } else if (!stored->standing.fenced || stored->standing.floor < pin_.mark) {
    co_await write_fence();
  }
}

// From now on other hosts can see it too, and raise its floor to their marks.
awaitable<void> Owner::note_fence_seen() {
  if (pin_.fence_seen) co_return;
  Pin seen = pin_;
  seen.fence_seen = true;
  seen.fenced_at_ns = unix_now_ns();
  co_await adopt_pin(seen);
}

// Judges what the source holds and follows it: true if this host may go on with it. Only what is
// `proven` raises the mark: what a read shows may vanish with the copy that showed it, and a mark
// above all that was ever granted would fence for nothing.
awaitable<bool> Owner::weigh(Standing standing, bool proven) {
  const Judgement judgement = judge(pin_, standing, place());
  switch (judgement.kind) {
    case Judgement::Kind::impossible:
      co_await fence(judgement.cause, standing.fenced);
      co_return false;
    case Judgement::Kind::replaced:
    case Judgement::Kind::new_epoch: {
      Pin followed = pin_with(standing);
      if (pin_.origin.empty()) followed.origin = followed.index = "";  // not proven yet
      co_await adopt_pin(followed);  // the journal first: a restart in between cuts by it
      if (standing.epoch > slot_.epoch()) {
        co_await align_ring();
        set_open();
        tell(spdlog::level::info, event::followed,
             quoted() + ": follows to epoch " + std::to_string(standing.epoch),
             {{"SEQUENCE", pin_.name}, {"EPOCH", std::to_string(standing.epoch)}});
      }
      break;
    }
    case Judgement::Kind::consistent:
      // A journal that was lost does not tell how ids progress; the document does.
      if (pin_.origin.empty() && pin_.progression != standing.progression) {
        pin_.progression = standing.progression;
        if (slot_.state() != shm::State::exhausted) set_open();
      }
      if (proven && !pin_.origin.empty()) pin_.mark = std::max(pin_.mark, standing.iid);
      break;
  }
  if (standing.floor > pin_.floor) {  // raised elsewhere
    Pin raised = pin_;
    raised.floor = standing.floor;
    co_await adopt_pin(raised);
  }
  co_await align_ring();
  co_return true;
}

// What this host knows once it follows `standing`, whatever it knew before.
Pin Owner::pin_with(const Standing &standing) const {
  Pin pin = pin_;
  pin.origin = standing.origin;
  pin.index = standing.index;
  pin.epoch = standing.epoch;
  pin.mark = standing.iid;
  pin.floor = standing.floor;
  pin.progression = standing.progression;
  return pin;
}

awaitable<void> Owner::fence(std::string cause, bool seen) {
  co_await stop_here(cause, seen);
  co_await write_fence();
}

// At once: what is in the ring is burnt and takes are told. Then the journal. The document, so that
// every other host stops too, is for write_fence(), now or at the next poll.
awaitable<void> Owner::stop_here(std::string cause, bool seen) {
  slot_.set_state(shm::State::fenced);
  Pin fenced = pin_;
  fenced.fence_cause = cause;
  fenced.fence_seen = seen;
  fenced.fenced_at_ns = unix_now_ns();
  pin_ = fenced;  // in force also if the journal fails
  co_await cut(CutReason::fence, slot_.epoch());
  tell(spdlog::level::err, event::fenced,
       quoted() + ": " + cause + ". Stopped. To go on: " + unfence_command(pin_.mark),
       {{"SEQUENCE", pin_.name}, {"CAUSE", cause}, {"HIGH_WATER", std::to_string(pin_.mark)}});
  try {
    co_await adopt_pin(fenced);
  } catch (const Refusal &refusal) {
    tell(spdlog::level::err, event::journal_lost,
         std::string("the fence is in force but not in the journal: ") + refusal.what(),
         {{"SEQUENCE", pin_.name}});
  }
}

// Failures are left to the next poll, which comes here again.
awaitable<void> Owner::write_fence() {
  try {
    std::optional<Stored> stored = co_await premises_.source.read(pin_.name);
    if (!stored) {  // nothing to write it into: the marker tells the others to look
      OrderUnderWay order(premises_);
      co_await tell_others(order);
      co_return;
    }
    if (covers(stored->standing, pin_)) co_return;
    if (!stored->standing.fenced || stored->standing.floor < pin_.mark) {
      OrderUnderWay order(premises_);
      Change change;
      change.fenced = true;
      change.floor = std::max(stored->standing.floor, pin_.mark);
      co_await premises_.source.update(pin_.name, stored->version, change);
      co_await tell_others(order);
    }
    co_await note_fence_seen();
  } catch (const SourceError &error) {
    tell(spdlog::level::warn, event::source_lost,
         quoted() + ": the fence is not yet in the source: " + error.what(),
         {{"SEQUENCE", pin_.name}});
  } catch (const Refusal &refusal) {
    tell(spdlog::level::warn, event::journal_lost, refusal.what(), {{"SEQUENCE", pin_.name}});
  }
}

// Another host's unfence, or our own, covers this host.
awaitable<void> Owner::resume(Standing standing) {
  Pin resumed = pin_with(standing);
  resumed.fence_cause.clear();
  resumed.fence_seen = false;
  resumed.fenced_at_ns = 0;
  co_await adopt_pin(resumed);
  // The ring is empty since the fence; this only carries the epoch over and ends the damage.
  co_await cut(CutReason::fence, pin_.epoch);
  set_open();
  tell(spdlog::level::info, event::goes_on,
       quoted() + ": goes on above " + std::to_string(pin_.mark) + " in epoch " +
           std::to_string(pin_.epoch),
       {{"SEQUENCE", pin_.name}, {"HIGH_WATER", std::to_string(pin_.mark)}});
}

std::string Owner::place() const {
  return premises_.source.kind() == "local" ? "local store" : "Elasticsearch index";
}

std::string Owner::unfence_command(std::int64_t above) const {
  std::string shell_quoted = "'";
  for (const char c : pin_.name)
    shell_quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  const bool plain = pin_.name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:") ==
                     std::string::npos;
  return "essequencectl unfence " + (plain ? pin_.name : shell_quoted + "'") + " --above " +
         std::to_string(above);
}

}  // namespace essequence::sidecar
