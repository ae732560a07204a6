#include "tests/protocol/schedule/scenarios.hpp"

#include <cstring>
#include <iterator>
#include <map>

#include "shmclient/src/forked_state.hpp"
#include "shmclient/src/window.hpp"
#include "tests/protocol/schedule/mapped_files.hpp"
#include "tests/protocol/schedule/serving.hpp"
#include "tests/protocol/schedule/taking.hpp"

namespace essequence::protocol {
namespace {

using namespace std::chrono_literals;

constexpr auto kForEver = -1ns;

// What a play finds in the ring, laid in before it.
void lay_in(World &world, std::uint64_t count) {
  sidecar::Slot slot(world.ring(), 0);
  slot.ask(count);
  slot.publish(world.ids.grant(1, count), count, 1, kLowWater);
}
const Scheduler::Fate kBackground{true, {}, {}, {}};

void two_processes(World &world, Scheduler &scheduler) {
  world.all_was_returned = scheduler.random().one_in(2);
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(kForEver);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  scheduler.spawn([&] { serve(world); }, kBackground);
}

void one_handle(World &world, Scheduler &scheduler) {
  Sequence &sequence = world.open(kForEver);
  for (int i = 0; i < 2; ++i) scheduler.spawn([&] { take_some(world, sequence, 5); });
  scheduler.spawn([&] { serve(world); }, kBackground);
}

// No record is used twice, so nobody can come too late for one: there is no gap.
void no_gap(World &world, Scheduler &scheduler) {
  world.all_was_returned = world.nothing_was_dropped = true;
  const bool shared = scheduler.random().one_in(2);
  Sequence &first = world.open(kForEver), &second = shared ? first : world.open(kForEver);
  scheduler.spawn([&] { take_next(world, first, 2); });
  scheduler.spawn([&] { take_next(world, second, 1); });
  scheduler.spawn([&] {
    sidecar::Slot slot(world.ring(), 0);
    for (std::uint32_t block = 0; block < shm::kMaxBlocks; ++block) {
      slot.ask(1);
      slot.publish(world.ids.grant(1, 1), 1, 1, kLowWater);
    }
  });
}

// One taker is kept from the processor while others use every record again.
void late_taker(World &world, Scheduler &scheduler) {
  Sequence &slow = world.open(kForEver), &quick = world.open(kForEver);
  scheduler.spawn([&] { take_next(world, slow, 1); },
                  {false, {}, {}, 12 + scheduler.random().below(60)});
  scheduler.spawn([&] { take_runs(world, quick, 20); });
  // The sidecar too: between any two stores to a record.
  scheduler.spawn([&] { serve(world); }, {true, {}, {}, scheduler.random().below(500)});
}

// Only the record: what is read was written as a whole.
void record(World &world, Scheduler &scheduler) {
  static shm::BlockRecord record;
  const auto block = [](std::uint64_t number) {
    const std::uint64_t begin = shm::kFirstTicket + 10 * number;
    return shm::Block{begin, begin + 10, static_cast<std::int64_t>(1 + 7 * number), 1, 1, number};
  };
  std::memset(static_cast<void *>(&record), 0, sizeof record);
  scheduler.spawn([block] {
    for (std::uint64_t number = 1; number < 4; ++number) shm::write(record, block(number), 0);
  });
  scheduler.spawn([block] {
    for (int i = 0; i < 4; ++i) {
      const std::optional<shm::Block> got = shm::read(record, 0);
      const shm::Block whole = block(got ? got->number : 0);
      const bool torn =
          got && (got->begin != whole.begin || got->end != whole.end || got->base != whole.base);
      if (torn) require("a torn record was believed");
    }
  });
  world.check_accounts = false;
}

// Only the window: two threads move it on while one takes.
void window(World &world, Scheduler &scheduler) {
  static essequence_window window;
  static std::uint64_t counter;
  window = {};
  counter = 0;
  for (int thread = 0; thread < 2; ++thread) {
    scheduler.spawn([] {
      for (std::uint64_t i = 0; i < 3; ++i) {  // the id of ticket t is 7 × t
        shm::advance(window, {&counter, 3 * i, 3, static_cast<std::int64_t>(21 * i), 7});
      }
    });
  }
  scheduler.spawn([] {
    for (int i = 0; i < 6; ++i) {
      std::int64_t id = 0;
      std::uintptr_t unknown = 0;
      std::uint64_t of_unknown = 0;
      if (!essequence_window_next(&window, &id, &unknown, &of_unknown)) continue;
      const std::uint64_t ticket = counter - 1;  // nobody else claims
      if (id != static_cast<std::int64_t>(7 * ticket)) require("a torn window was believed");
    }
  });
  world.check_accounts = false;
}

// The ring is filled to its last record before anybody takes.
void full_ring(World &world, Scheduler &scheduler) {
  world.all_was_returned = world.nothing_was_dropped = true;
  Sequence &sequence = world.open(kForEver);
  scheduler.spawn([&] {
    sidecar::Slot slot(world.ring(), 0);
    for (int i = 0; i < 2; ++i) refill(world, slot, 100);
    const std::uint64_t ready = slot.ready();
    take_next(world, sequence, static_cast<int>(ready));
  });
}

// Nobody's time runs out, and nobody's sleep ends but by being woken.
void empty_ring(World &world, Scheduler &scheduler) {
  scheduler.sleepless = true;
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(kForEver);
    scheduler.spawn([&] { take_next(world, sequence, 3); });
  }
  scheduler.spawn([&] { serve(world); }, kBackground);
}

// A bell for all, a bit for each.
void two_sequences(World &world, Scheduler &scheduler) {
  scheduler.sleepless = true;
  world.check_accounts = false;  // which are those of "orders" alone
  for (const char *name : {"orders", "users"}) {
    Sequence &sequence = world.open(kForEver, name);
    scheduler.spawn([&] { take_next(world, sequence, 3); });
  }
  scheduler.spawn([&] { serve(world); }, kBackground);
}

// Two threads whose tickets were not served in time: each is used once, or not at all.
void kept_tickets(World &world, Scheduler &scheduler) {
  static shm::KeptTicket kept;
  static std::map<std::uint64_t, int> held;  // by ticket: 1 while it is kept
  static const int counters[2] = {};
  std::memset(static_cast<void *>(&kept), 0, sizeof kept);
  held.clear();
  for (std::uint64_t thread = 0; thread < 2; ++thread) {
    scheduler.spawn([thread] {
      const void *const counter = &counters[thread];
      for (std::uint64_t i = 0; i < 4; ++i) {
        const std::uint64_t ticket = 2 * i + thread;
        ++held[ticket];
        if (!kept.keep(counter, ticket)) --held[ticket];
        if (const std::optional<std::uint64_t> taken = kept.take(counter)) {
          if (*taken % 2 != thread) require("a ticket of another counter was taken");
          if (--held[*taken] != 0) require("a kept ticket was used twice");
        }
      }
    });
  }
  world.check_accounts = false;
}

// Takers that never wait ask in time: when they have gone, enough is ready again.
void low_water(World &world, Scheduler &scheduler) {
  scheduler.sleepless = scheduler.settles = true;
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(kForEver);
    scheduler.spawn([&] {
      for (int k = 0; k < 3; ++k) {
        if (const auto id = sequence.try_next()) require(world.ids.take(*id));
      }
    });
  }
  scheduler.spawn([&] { serve(world); }, kBackground);
  world.afterwards = [](sidecar::Slot &slot) {
    if (slot.ready() < kLowWater) throw Violation("the ring ran low, and nobody was asked");
  };
}

void reset(World &world, Scheduler &scheduler) {
  Sequence &shared = world.open(kForEver);
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = scheduler.random().one_in(2) ? shared : world.open(kForEver);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  scheduler.spawn([&] { reset_and_serve(world); }, kBackground);
}

void short_deadlines(World &world, Scheduler &scheduler) {
  scheduler.time_passes = true;
  Sequence &shared = world.open(1ms);
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = scheduler.random().one_in(2) ? shared : world.open(1ms);
    scheduler.spawn([&] { take_some(world, sequence, 6); });
  }
  const bool resets = scheduler.random().one_in(2);
  scheduler.spawn([&world, resets] { resets ? reset_and_serve(world) : serve(world); },
                  kBackground);
}

void forked_child(World &world, Scheduler &scheduler) {
  if (scheduler.random().one_in(2)) lay_in(world, 8);
  Sequence &parent = world.open(kForEver), &child = world.open_before_fork(kForEver);
  scheduler.spawn([&] { take_some(world, parent, 3); });
  for (int i = 0; i < 2; ++i) {
    if (scheduler.random().one_in(2)) {
      scheduler.spawn([&] { take_leased(world, child, 4); });
    } else {
      scheduler.spawn([&] { take_some(world, child, 3); });
    }
  }
  scheduler.spawn([&] { serve(world); }, kBackground);
}

void killed_sidecar(World &world, Scheduler &scheduler) {
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = world.open(kForEver);
    scheduler.spawn([&] { take_some(world, sequence, 4); });
  }
  const bool resets = scheduler.random().one_in(2);
  const std::uint32_t end = scheduler.random().below(resets ? 150 : 300);
  scheduler.spawn([&world, resets] { resets ? reset_and_serve(world) : serve(world); },
                  {true, end, [&] { serve(world); }, {}});
}

void killed_taker(World &world, Scheduler &scheduler) {
  Sequence &unlucky = world.open(kForEver), &sequence = world.open(kForEver);
  scheduler.spawn([&] { take_some(world, unlucky, 5); },
                  {true, scheduler.random().below(200), {}, {}});
  scheduler.spawn([&] { take_some(world, sequence, 5); });
  scheduler.spawn([&] { serve(world); }, kBackground);
}

void new_ring(World &world, Scheduler &scheduler) {
  if (scheduler.random().one_in(2)) lay_in(world, 8);
  Sequence &shared = world.open(kForEver);
  if (scheduler.random().one_in(2)) {
    scheduler.spawn([&] { take_leased(world, shared, 5); });
  }
  for (int i = 0; i < 2; ++i) {
    Sequence &sequence = scheduler.random().one_in(2) ? shared : world.open(kForEver);
    scheduler.spawn([&] { take_some(world, sequence, 5); });
  }
  scheduler.spawn([&] { replace_and_serve(world); }, kBackground);
}

}  // namespace

const Scenario kScenarios[] = {
    {"two processes", two_processes},
    {"one handle, two threads", one_handle, false, 6},
    {"no gap", no_gap, true, 4},
    {"late taker", late_taker, false, 6},
    {"record", record, false, 10},
    {"window", window, false, 10},
    {"full ring", full_ring, true},
    {"empty ring", empty_ring},
    {"two sequences", two_sequences},
    {"kept tickets", kept_tickets},
    {"low water", low_water},
    {"reset", reset},
    {"short deadlines", short_deadlines, false, 20},
    {"forked child", forked_child, false, 4},
    {"killed sidecar", killed_sidecar, false, 5},
    {"killed taker", killed_taker},
    {"new ring", new_ring, false, 4},
};
const std::size_t kScenarioCount = std::size(kScenarios);

void play(const Scenario &scenario, World &world, std::uint64_t seed) {
  world.renew(scenario.fresh);
  const Mappings mappings;
  blind(static_cast<Blind>(seed % 3));
  Scheduler scheduler(seed);
  scenario.play(world, scheduler);
  try {
    scheduler.run();
  } catch (...) {
    blind(Blind::no);
    world.close();
    throw;
  }
  blind(Blind::no);
  world.check();
}

}  // namespace essequence::protocol
