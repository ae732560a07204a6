#include "tests/protocol/schedule/scenarios.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace essequence::protocol {
namespace {

using namespace std::chrono_literals;
using sidecar::CutReason;
using sidecar::Slot;

void require(const std::string &wrong) {
  if (!wrong.empty()) Scheduler::active()->violate(wrong);
}

// ---- takers ----

// What a taker knows of the others when a take begins.
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

void note_in_order(World &world, const Before &before, std::int64_t id) {
  note(world, before, id);
  const auto number = static_cast<std::uint64_t>(id);
  if (number <= before.newest) {
    require("id " + std::to_string(id) + " was returned after " + std::to_string(before.newest));
  }
  std::uint64_t newest = before.newest;
  while (newest < number &&
         !world.newest.compare_exchange_weak(newest, number, std::memory_order_acq_rel)) {
  }
}

// Takes `count` times, in every way there is. A taker whose deadline passes tries again.
void take_some(World &world, Sequence &sequence, int count) {
  Random &random = Scheduler::active()->random();
  const bool ordered = random.one_in(2);  // telling each other hides what is not ordered otherwise
  std::optional<Lease> lease;
  if (random.one_in(2)) lease.emplace(sequence, 2);
  for (int i = 0; i < count;) {
    const Before before = ordered ? Before(world) : Before{};
    try {
      switch (random.below(lease ? 4 : 3)) {
        case 0: {
          const std::int64_t id = sequence.next();
          ordered ? note_in_order(world, before, id) : note(world, before, id);
          break;
        }
        case 1:
          if (const std::optional<std::int64_t> id = sequence.try_next()) {
            ordered ? note_in_order(world, before, *id) : note(world, before, *id);
          }
          break;
        case 2: {
          const Run run = sequence.take(2);
          for (std::uint32_t k = 0; k < run.count; ++k) {
            const std::int64_t id = run.first + k * run.increment;
            if (run.epoch != Ids::epoch_of(id)) require("a run tells another epoch than its ids");
            note(world, before, id);
          }
          break;
        }
        case 3:
          note(world, before, lease->next());
          break;
      }
      ++i;
    } catch (const Error &error) {
      if (error.status() != ESSEQUENCE_TIMEOUT && error.status() != ESSEQUENCE_UNAVAILABLE) throw;
      ++i;
    }
  }
}

// ---- the sidecar ----

std::uint64_t epoch_of(const Slot &slot) { return slot.epoch(); }

void publish_one(World &world, Slot &slot) {
  const std::uint64_t count = 1 + Scheduler::active()->random().below(3);
  slot.ask(count);
  slot.publish(world.ids.grant(epoch_of(slot), count), count, 1, 1);
}

void refill(World &world, Slot &slot) {
  slot.look();
  require(slot.damage());
  while (slot.ready() < 3 && slot.has_room()) publish_one(world, slot);
}

// Serves whoever rings, for ever.
[[noreturn]] void serve(World &world, Slot &slot) {
  const sidecar::Bell bell(world.ring());
  for (;;) {
    const sidecar::Bell::Heard heard = bell.look();
    if (!heard.numbers.empty()) refill(world, slot);
    bell.sleep(heard, 100ms);
  }
}

void serve_from_scratch(World &world) {
  Slot slot(world.ring(), 0);
  require(slot.damage());
  serve(world, slot);
}

// A reset that is told, and then serves.
void reset_and_serve(World &world) {
  Slot slot(world.ring(), 0);
  refill(world, slot);
  const std::uint64_t epoch = slot.epoch() + 1;
  slot.cut(CutReason::reset, epoch, 0);
  world.epoch_told.store(epoch, std::memory_order_release);
  refill(world, slot);
  serve(world, slot);
}

// ---- plays ----

const Scheduler::Fate kBackground{true, {}, {}};

void two_processes(World &world, Scheduler &scheduler) {
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(-1ns);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  scheduler.spawn([&] { serve_from_scratch(world); }, kBackground);
}

void one_handle(World &world, Scheduler &scheduler) {
  Sequence &sequence = world.open(-1ns);
  for (int i = 0; i < 2; ++i) scheduler.spawn([&] { take_some(world, sequence, 5); });
  scheduler.spawn([&] { serve_from_scratch(world); }, kBackground);
}

// Nobody's time runs out, and nobody's sleep ends but by being woken.
void empty_ring(World &world, Scheduler &scheduler) {
  scheduler.sleepless = true;
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(-1ns);
    scheduler.spawn([&] {
      for (int k = 0; k < 3; ++k) {
        const Before before(world);
        note(world, before, sequence.next());
      }
    });
  }
  scheduler.spawn([&] { serve_from_scratch(world); }, kBackground);
}

void reset(World &world, Scheduler &scheduler) {
  Sequence &shared = world.open(-1ns);
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = scheduler.random().one_in(2) ? shared : world.open(-1ns);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  scheduler.spawn([&] { reset_and_serve(world); }, kBackground);
}

void short_deadlines(World &world, Scheduler &scheduler) {
  scheduler.time_passes = true;
  Sequence &shared = world.open(1ms);
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = scheduler.random().one_in(2) ? shared : world.open(1ms);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  const bool resets = scheduler.random().one_in(2);
  scheduler.spawn([&world, resets] { resets ? reset_and_serve(world) : serve_from_scratch(world); },
                  kBackground);
}

void killed_sidecar(World &world, Scheduler &scheduler) {
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(-1ns);
    scheduler.spawn([&] { take_some(world, sequence, 4); });
  }
  const bool resets = scheduler.random().one_in(2);
  scheduler.spawn([&world, resets] { resets ? reset_and_serve(world) : serve_from_scratch(world); },
                  {true, scheduler.random().below(400), [&] { serve_from_scratch(world); }});
}

void killed_taker(World &world, Scheduler &scheduler) {
  Sequence &unlucky = world.open(-1ns), &sequence = world.open(-1ns);
  scheduler.spawn([&] { take_some(world, unlucky, 5); }, {true, scheduler.random().below(200), {}});
  scheduler.spawn([&] { take_some(world, sequence, 5); });
  scheduler.spawn([&] { serve_from_scratch(world); }, kBackground);
}

}  // namespace

const Scenario kScenarios[] = {
    {"two processes", two_processes},     {"one handle, two threads", one_handle},
    {"empty ring", empty_ring},           {"reset", reset},
    {"short deadlines", short_deadlines}, {"killed sidecar", killed_sidecar},
    {"killed taker", killed_taker},
};
const std::size_t kScenarioCount = std::size(kScenarios);

void play(const Scenario &scenario, World &world, std::uint64_t seed) {
  world.renew();
  forget_mappings();
  Scheduler scheduler(seed);
  scenario.play(world, scheduler);
  scheduler.run();
  world.close();
}

}  // namespace essequence::protocol
