// What is run under the scheduler: short plays of takers and a sidecar, with what must hold.
#pragma once

#include <cstdint>

#include "tests/protocol/schedule/world.hpp"

namespace essequence::protocol {

struct Scenario {
  const char *name;
  void (*play)(World &world, Scheduler &scheduler);
  bool fresh = false;       // begins with a ring in which nothing was published yet
  std::uint64_t plays = 1;  // for one of the others: what it looks for is rare
};

extern const Scenario kScenarios[];
extern const std::size_t kScenarioCount;

// One run. Throws Violation.
void play(const Scenario &scenario, World &world, std::uint64_t seed);

}  // namespace essequence::protocol
