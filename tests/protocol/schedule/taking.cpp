#include "tests/protocol/schedule/taking.hpp"

#include <optional>

namespace essequence::protocol {
namespace {

// What a taker knows of the others when a take begins. Half of the takers do not ask: what they
// learn with it could hide that something else is not ordered.
struct Before {
  Before() = default;
  explicit Before(World &world)
      : newest(world.newest.load(std::memory_order_acquire)),
        epoch(world.epoch_told.load(std::memory_order_acquire)) {}
  std::uint64_t newest = 0, epoch = 0;
};

void note(World &world, const Before &before, std::int64_t id) {
  require(world.ids.take(id));
  if (Ids::epoch_of(id) < before.epoch) {
    require("id " + std::to_string(id) + " is of an epoch that was over before its take began");
  }
}

void note_in_order(World &world, const Before &before, std::int64_t id, bool asks) {
  note(world, before, id);
  if (!asks) return;
  const auto number = static_cast<std::uint64_t>(id);
  if (number <= before.newest) {
    require("id " + std::to_string(id) + " was returned after " + std::to_string(before.newest));
  }
  std::uint64_t newest = before.newest;
  while (newest < number &&
         !world.newest.compare_exchange_weak(newest, number, std::memory_order_acq_rel)) {
  }
}

void note_run(World &world, const Before &before, const Run &run) {
  for (std::uint32_t i = 0; i < run.count; ++i) {
    const std::int64_t id = run.first + i * run.increment;
    if (run.epoch != Ids::epoch_of(id)) require("a run tells another epoch than its ids have");
    note(world, before, id);
  }
}

}  // namespace

void require(const std::string &wrong) {
  if (!wrong.empty()) Scheduler::active()->violate(wrong);
}

void take_some(World &world, Sequence &sequence, int count) {
  Random &random = Scheduler::active()->random();
  const bool asks = random.one_in(2);
  std::optional<Lease> lease;
  if (!world.all_was_returned && random.one_in(2)) lease.emplace(sequence, 2);
  for (int i = 0; i < count; ++i) {
    const Before before = asks ? Before(world) : Before{};
    try {
      switch (random.below(lease ? 4 : 3)) {
        case 0:
          note_in_order(world, before, sequence.next(), asks);
          break;
        case 1:
          if (const std::optional<std::int64_t> id = sequence.try_next()) {
            note_in_order(world, before, *id, asks);
          }
          break;
        case 2:
          note_run(world, before, sequence.take(2));
          break;
        case 3:
          note(world, before, lease->next());
          break;
      }
    } catch (const Error &error) {
      if (error.status() != ESSEQUENCE_TIMEOUT && error.status() != ESSEQUENCE_UNAVAILABLE) throw;
    }
  }
}

void take_next(World &world, Sequence &sequence, int count) {
  for (int i = 0; i < count; ++i) note(world, Before{}, sequence.next());
}

void take_leased(World &world, Sequence &sequence, int count) {
  Lease lease(sequence, 2);
  for (int i = 0; i < count; ++i) {
    const Before before(world);
    note(world, before, lease.next());
  }
}

void take_runs(World &world, Sequence &sequence, int count) {
  while (count > 0) {
    const Run run = sequence.take(3);
    note_run(world, Before{}, run);
    count -= static_cast<int>(run.count);
  }
}

}  // namespace essequence::protocol
