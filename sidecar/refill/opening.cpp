// How a sequence is opened on an instance: found in the source, or created there.
#include <algorithm>

#include "sidecar/allocation/identity.hpp"
#include "sidecar/log.hpp"
#include "sidecar/refill/instance.hpp"

namespace essequence::sidecar {
namespace {

// What a request asks of a new sequence must hold of one that exists.
void require_agreement(const std::string &name, const OpenRequest &request,
                       const Progression &has) {
  const bool agrees = request.start.value_or(has.start) == has.start &&
                      request.increment.value_or(has.increment) == has.increment &&
                      request.max.value_or(has.max) == has.max &&
                      request.order.value_or(has.order) == has.order && !request.above &&
                      !request.above_field && !request.from_start;
  if (agrees) return;
  throw Refusal(409, "sequence_exists",
                "sequence \"" + name + "\" exists with start " + std::to_string(has.start) +
                    ", increment " + std::to_string(has.increment) + ", max " +
                    std::to_string(has.max) + " and order \"" + name_of(has.order) +
                    "\"; to go on above a value, raise it");
}

}  // namespace

awaitable<bool> Instance::open(std::string name, OpenRequest request) {
  Turn &its_turn = opening_[std::hash<std::string>{}(name) % opening_.size()];
  const Turn::Held turn = co_await its_turn.take();
  const auto found = owners_.find(name);
  if (found != owners_.end() && !(*found)->deleted()) {
    const std::shared_ptr<Owner> owner = *found;
    require_agreement(name, request, owner->pin().progression);
    if (request.bulk_size) {
      owner->wish_block(*request.bulk_size);
      attend(owner);
    }
    co_return false;
  }

  const bool is_new = found == owners_.end();
  if (is_new && owners_.size() + coming_ >= premises_.config.control.max_sequences) {
    throw Refusal(409, "too_many_sequences",
                  "control.max_sequences is " +
                      std::to_string(premises_.config.control.max_sequences) +
                      ", and so many are open: raise it (65536 at most)");
  }
  bool created = false;
  const Pin *deleted = is_new ? nullptr : &(*found)->pin();
  std::optional<Coming> coming;
  if (is_new) coming.emplace(coming_);
  const Stored stored = co_await find_or_create(name, request, deleted, created);
  coming.reset();
  if (!created) require_agreement(name, request, stored.standing.progression);

  Pin pin;
  pin.name = name;
  pin.epoch = stored.standing.epoch;
  pin.progression = stored.standing.progression;
  pin.mark = pin.floor = iid_before_first(pin.progression);
  // A creation is a proof; a read is none, but where nobody else writes.
  if (created || premises_.source.exclusive()) {
    pin.origin = stored.standing.origin;
    pin.index = stored.standing.index;
    pin.mark = stored.standing.iid;
    pin.floor = stored.standing.floor;
  }
  std::shared_ptr<Owner> owner;
  if (deleted != nullptr) {
    owner = *found;
    co_await owner->begin_again(pin, stored);
  } else {
    std::string failure;
    try {
      owner = append(pin, 0);
    } catch (const std::exception &error) {
      failure = error.what();
    }
    if (!owner) {
      throw Refusal(503, "no_room", "sequence \"" + name + "\" cannot be opened: " + failure);
    }
    co_await owner->begin(stored);
  }
  if (request.bulk_size) owner->wish_block(*request.bulk_size);
  const auto configured = premises_.config.sequences.find(name);
  if (configured != premises_.config.sequences.end() &&
      configured->second.progression != pin.progression) {
    spdlog::warn(
        "sequence \"{}\": the configuration differs from what the source holds (start {}, "
        "increment {}, "
        "max {}), which is what counts",
        name, pin.progression.start, pin.progression.increment, pin.progression.max);
  }
  attend(owner);
  co_return created;
}

// The document of a sequence that is new here: as it is in the source, or created there.
awaitable<Stored> Instance::find_or_create(std::string name, OpenRequest request,
                                           const Pin *deleted, bool &created) {
  const std::string doing = "sequence \"" + name + "\" cannot be opened";
  const SequenceConfig &config = premises_.config.of(name);
  Standing anew;
  anew.progression = config.progression;
  if (request.start) anew.progression.start = *request.start;
  if (request.increment) anew.progression.increment = *request.increment;
  if (request.max) anew.progression.max = *request.max;
  if (request.order) anew.progression.order = *request.order;
  const Progression &progression = anew.progression;
  if (progression.start < 1 || progression.start > progression.max || progression.increment < 1 ||
      progression.increment > INT32_MAX) {
    throw Refusal(400, "out_of_range",
                  doing + ": 1 ≤ start ≤ max ≤ 2^63-1 and 1 ≤ increment ≤ 2^31-1 do not hold");
  }
  std::optional<Stored> stored;
  std::optional<SourceError> failure;
  try {
    co_await prepare_source();
    stored = co_await premises_.source.read(name);
    if (!stored) {
      std::optional<std::int64_t> above = request.above;
      if (request.above_field) {
        const std::string index = request.above_field->first, field = request.above_field->second;
        const std::optional<std::int64_t> largest =
            co_await premises_.source.largest_value(index, field);
        if (largest) above = std::max(above.value_or(0), *largest);
        if (!above) above = 0;
      }
      if (deleted != nullptr && !above && !request.from_start) {
        throw Refusal(409, "sequence_deleted",
                      doing + ": it was deleted when it had reached " +
                          std::to_string(deleted->mark) +
                          ". Give \"above\", or \"from_start\": true to repeat its ids");
      }
      if (above && *above >= progression.max) {
        throw Refusal(400, "out_of_range",
                      doing + ": \"above\" is " + std::to_string(*above) + ", not below its max " +
                          std::to_string(progression.max));
      }
      anew.origin = random_identity();
      anew.epoch = deleted == nullptr ? 1 : deleted->epoch + 1;
      if (deleted != nullptr) anew.replaces = {deleted->origin};
      anew.floor = std::max(iid_before_first(progression), above.value_or(INT64_MIN));
      anew.iid = above ? iid_for_above(progression, *above) : iid_before_first(progression);
      OrderUnderWay order(premises_);
      co_await premises_.bump_marker();
      stored = co_await premises_.source.create(name, anew);
      created = true;
      co_await premises_.bump_marker();
      order.told();
    }
  } catch (const SourceError &error) {
    failure = error;
  }
  if (stored) co_return *stored;  // created, even if the second bump failed: nobody knows it yet
  if (failure->kind() == SourceError::Kind::conflict) {  // another host was quicker
    failure.reset();
    try {
      stored = co_await premises_.source.read(name);
    } catch (const SourceError &error) {
      failure = error;
    }
    if (stored) co_return *stored;
  }
  const std::string cause = failure ? failure->what() : "its document appeared and vanished";
  throw Refusal(503, "source_unavailable", doing + ": " + cause);
}

}  // namespace essequence::sidecar
