// What operators order: reset, raise, unfence, delete, burn. Each changes the document first, by
// compare-and-set and with a proof, then the journal, then the ring, and answers last.
#include <algorithm>

#include "sidecar/allocation/identity.hpp"
#include "sidecar/event.hpp"
#include "sidecar/refill/owner.hpp"
#include "sidecar/refill/unix_time.hpp"

namespace essequence::sidecar {
namespace {

constexpr int kMostTries = 20;  // conflicts in a row with other hosts before an order gives up

}  // namespace

Refusal as_refusal(const std::string &doing, const SourceError &error) {
  const std::string words = doing + ": " + error.what();
  switch (error.kind()) {
    case SourceError::Kind::conflict:
      return {409, "conflict", words};
    case SourceError::Kind::missing:
      return {404, "not_found_in_source", words};
    case SourceError::Kind::unknown:
      return {504, "outcome_unknown", words};
    case SourceError::Kind::not_applied:
      break;
  }
  return {503, "source_unavailable", words};
}

void Owner::require_unfenced() {
  if (!pin_.fence_cause.empty()) throw Refusal(409, "sequence_fenced", status().detail);
}

// The bump after the change. If it fails, the next poll does it.
awaitable<void> Owner::tell_others(OrderUnderWay &order) {
  try {
    co_await premises_.bump_marker();
    order.told();
  } catch (const SourceError &error) {
    tell(spdlog::level::warn, event::source_lost,
         quoted() + ": other hosts hear of this late: " + error.what(), {{"SEQUENCE", pin_.name}});
  }
}

awaitable<Stored> Owner::read_for_order(std::string doing) {
  std::optional<SourceError> failure;
  std::optional<Stored> stored;
  try {
    stored = co_await read_judged();
  } catch (const SourceError &error) {
    failure = error;
  }
  if (failure) throw as_refusal(doing, *failure);
  require_unfenced();
  if (!stored) throw Refusal(503, "source_unavailable", doing + ": the source's state is in doubt");
  co_return *stored;
}

template <class MakeChange>
awaitable<Stored> Owner::change_document(std::string doing, MakeChange make_change) {
  OrderUnderWay order(premises_);
  std::optional<SourceError> failure;
  try {
    co_await premises_.bump_marker();
  } catch (const SourceError &error) {
    failure = error;
  }
  if (failure) throw as_refusal(doing, *failure);

  std::optional<Stored> proof;
  for (int tries = 0; !proof; ++tries) {
    Stored before = co_await read_for_order(doing);
    const Change change = make_change(before.standing);
    failure.reset();
    try {
      proof = co_await premises_.source.update(pin_.name, before.version, change);
    } catch (const SourceError &error) {
      failure = error;
    }
    const bool conflict = failure && failure->kind() == SourceError::Kind::conflict;
    if (failure && (!conflict || tries >= kMostTries)) throw as_refusal(doing, *failure);
  }
  cached_.reset();
  co_await tell_others(order);
  co_return *proof;
}

awaitable<std::uint64_t> Owner::reset() {
  const Turn::Held turn = co_await turn_.take();
  require_unfenced();
  auto anew = [](const Standing &before) {
    Change change;
    change.epoch = before.epoch + 1;
    change.iid = change.floor = iid_before_first(before.progression);
    return change;
  };
  const std::string doing = quoted() + " was not reset";
  const Stored proof = co_await change_document(doing, anew);
  // The proof names a new epoch: judged as such, it is journalled, and the ring is cut.
  if (pin_.origin.empty()) {
    pin_.origin = proof.standing.origin;
    pin_.index = proof.standing.index;
  }
  if (!co_await weigh(proof.standing, true)) require_unfenced();
  co_return proof.standing.epoch;
}

awaitable<void> Owner::raise(std::int64_t above) {
  const Turn::Held turn = co_await turn_.take();
  require_unfenced();
  if (above < 0 || above >= pin_.progression.max) {
    throw Refusal(400, "out_of_range",
                  "\"above\" is " + std::to_string(above) + "; it is 0 to " +
                      std::to_string(pin_.progression.max - 1) + ", below the max of " + quoted());
  }
  if (above <= pin_.floor) co_return;  // every grant is above it already
  auto higher = [above](const Standing &before) {
    Change change;
    change.floor = std::max(before.floor, above);
    change.iid = std::max(before.iid, iid_for_above(before.progression, above));
    return change;
  };
  const std::string doing = quoted() + " was not raised";
  const Stored proof = co_await change_document(doing, higher);
  if (!co_await weigh(proof.standing, true)) require_unfenced();
}

// The other hosts must have had the time to see the fence and to raise the floor to their marks.
Refusal Owner::too_early(std::chrono::nanoseconds left) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  return {409, "too_early",
          quoted() + " was fenced less than two epoch_polls ago, and other hosts may not know it " +
              "yet: try again in " + std::to_string(seconds) + " s"};
}

awaitable<void> Owner::unfence(std::int64_t above) {
  const Turn::Held turn = co_await turn_.take();
  if (pin_.fence_cause.empty()) {
    throw Refusal(409, "not_fenced", quoted() + " is not fenced");
  }
  if (above < 0 || above >= pin_.progression.max) {
    throw Refusal(400, "out_of_range",
                  "\"above\" is " + std::to_string(above) + "; it is 0 to " +
                      std::to_string(pin_.progression.max - 1));
  }
  const auto needed = 2 * premises_.config.elasticsearch.epoch_poll;
  const std::chrono::nanoseconds since(unix_now_ns() - pin_.fenced_at_ns);
  if (since < needed && premises_.source.kind() != "local") throw too_early(needed - since);

  const std::string doing = quoted() + " was not unfenced";
  OrderUnderWay order(premises_);
  std::optional<SourceError> failure;
  std::optional<Stored> proof;
  for (int tries = 0; !proof; ++tries) {
    failure.reset();
    try {
      co_await premises_.source.prepare(premises_.may_create_index());
      co_await premises_.bump_marker();
      std::optional<Stored> stored = co_await premises_.source.read(pin_.name);
      const bool unknown_to_others = stored && !stored->standing.fenced && !pin_.fence_seen;
      if (unknown_to_others && !premises_.source.exclusive()) throw too_early(needed);
      const Standing before = stored ? stored->standing : Standing{};
      const std::int64_t base =
          std::max({above, pin_.mark, stored ? before.iid : above, stored ? before.floor : above});
      std::vector<std::string> replaces = before.replaces;
      for (const std::string &old : {pin_.origin, pin_.index}) {
        const bool current = stored && (old == before.origin || old == before.index);
        if (!old.empty() && !current) replaces.push_back(old);
      }
      if (stored) {
        Change change;
        change.fenced = false;
        change.floor = base;
        change.iid = std::max(before.iid, iid_for_above(before.progression, base));
        change.epoch = std::max(before.epoch, pin_.epoch);
        change.replaces = replaces;
        proof = co_await premises_.source.update(pin_.name, stored->version, change);
      } else {
        Standing anew;
        anew.origin = random_identity();
        anew.epoch = pin_.epoch;
        anew.progression = pin_.progression;
        anew.floor = base;
        anew.iid = iid_for_above(pin_.progression, base);
        anew.replaces = replaces;
        proof = co_await premises_.source.create(pin_.name, anew);
      }
    } catch (const SourceError &error) {
      failure = error;
    }
    const bool conflict = failure && failure->kind() == SourceError::Kind::conflict;
    if (failure && (!conflict || tries >= kMostTries)) throw as_refusal(doing, *failure);
  }
  co_await tell_others(order);
  co_await resume(proof->standing);
}

awaitable<void> Owner::remove() {
  const Turn::Held turn = co_await turn_.take();
  require_unfenced();
  const std::string doing = quoted() + " was not deleted";
  OrderUnderWay order(premises_);
  std::optional<SourceError> failure;
  for (int tries = 0;; ++tries) {
    const Stored before = co_await read_for_order(doing);
    failure.reset();
    try {
      co_await premises_.bump_marker();
      co_await premises_.source.remove(pin_.name, before.version);
    } catch (const SourceError &error) {
      failure = error;
    }
    const bool conflict = failure && failure->kind() == SourceError::Kind::conflict;
    if (!failure) break;
    if (!conflict || tries >= kMostTries) throw as_refusal(doing, *failure);
  }
  Pin deleted = pin_;
  deleted.deleted = true;
  co_await adopt_pin(deleted);
  slot_.set_state(shm::State::deleted);
  co_await cut(CutReason::ring, pin_.epoch);
  co_await tell_others(order);
}

awaitable<void> Owner::begin_again(Pin pin, Stored found) {
  const Turn::Held turn = co_await turn_.take();
  co_await adopt_pin(pin);
  co_await cut(CutReason::ring, pin_.epoch);
  set_open_from(found);
}

awaitable<void> Owner::burn() {
  const Turn::Held turn = co_await turn_.take();
  co_await cut(CutReason::ring, pin_.epoch);
}

}  // namespace essequence::sidecar
