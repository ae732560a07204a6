// The shipped code of the protocol under the scheduler. Without a fault nothing may go wrong; with
// any one fault something must, or the line that was broken is not needed: then it goes, or
// survivors.cpp says why it stays.
//
//    schedule [RUNS [TRIES [PLACE]]] of each scenario, and of it with each mutant (at PLACE)
//    schedule --replay SCENARIO SEED [PLACE FAULT]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "tests/protocol/schedule/scenarios.hpp"
#include "tests/protocol/schedule/survivors.hpp"

namespace {

using namespace essequence::protocol;

std::optional<std::string> violation_of(const Scenario &scenario, World &world,
                                        std::uint64_t seed) {
  try {
    play(scenario, world, seed);
  } catch (const Violation &violation) {
    return violation.what();
  }
  return std::nullopt;
}

bool nothing_goes_wrong(World &world, std::uint64_t runs) {
  bool right = true;
  for (std::size_t s = 0; s < kScenarioCount; ++s) {
    std::optional<std::string> violation;
    std::uint64_t seed = 0;
    while (!violation && seed < runs) violation = violation_of(kScenarios[s], world, seed++);
    std::printf("%-24s %7llu schedules  %s\n", kScenarios[s].name,
                static_cast<unsigned long long>(seed), violation ? violation->c_str() : "right");
    right = right && !violation;
  }
  return right;
}

// How it was caught, or nothing.
std::optional<std::string> caught(const Mutant &mutant, World &world, std::uint64_t runs) {
  choose(&mutant);
  std::optional<std::string> how;
  for (std::uint64_t seed = 0; seed < runs && !how; ++seed) {
    for (std::size_t s = 0; s < kScenarioCount; ++s) {
      const Scenario &scenario = kScenarios[s];
      for (std::uint64_t i = seed * scenario.plays; i < (seed + 1) * scenario.plays && !how; ++i) {
        if (const auto violation = violation_of(scenario, world, i)) {
          how = std::string(scenario.name) + " " + std::to_string(i) + ": " + *violation;
        }
      }
    }
  }
  choose(nullptr);
  return how;
}

bool every_mutant_is_caught(World &world, std::uint64_t runs, const std::string &place) {
  std::size_t killed = 0, explained = 0, unexplained = 0;
  const auto mutants = all_mutants();
  std::printf("\n%-24s %-12s %s\n", "mutant", "fault", "caught by");
  for (const Mutant &mutant : mutants) {
    if (mutant.place().find(place) == std::string::npos) continue;
    const std::optional<std::string> explanation = why_it_survives(mutant);
    const std::optional<std::string> how = caught(mutant, world, explanation ? runs / 10 : runs);
    if (how) {
      ++killed;
    } else {
      ++(explanation ? explained : unexplained);
    }
    const std::string said = explanation ? "(survives: " + *explanation + ")" : "NOTHING";
    std::printf("%-24s %-12s %s\n", mutant.place().c_str(), mutant.fault_text().c_str(),
                how ? how->c_str() : said.c_str());
    std::fflush(stdout);
  }
  std::printf("\n%zu mutants, %zu killed, %zu explained, %zu unexplained\n", mutants.size(), killed,
              explained, unexplained);
  return unexplained == 0;
}

int replay(World &world, const char *name, std::uint64_t seed, const char *place,
           const char *fault) {
  for (std::size_t s = 0; s < kScenarioCount; ++s) {
    if (std::strcmp(kScenarios[s].name, name) != 0) continue;
    if (place == nullptr) {
      const auto violation = violation_of(kScenarios[s], world, seed);
      std::printf("%s\n", violation ? violation->c_str() : "right");
      return violation ? 1 : 0;
    }
    nothing_goes_wrong(world, 20);  // so that the places are known
    for (const Mutant &mutant : all_mutants()) {
      if (mutant.place() != place || mutant.fault_text() != fault) continue;
      choose(&mutant);
      const auto violation = violation_of(kScenarios[s], world, seed);
      std::printf("%s\n", violation ? violation->c_str() : "right");
    }
    return 0;
  }
  std::fprintf(stderr, "no scenario \"%s\"\n", name);
  return 2;
}

}  // namespace

int main(int argc, char **argv) {
  World world;
  if (argc >= 4 && std::strcmp(argv[1], "--replay") == 0) {
    return replay(world, argv[2], std::strtoull(argv[3], nullptr, 10), argc > 5 ? argv[4] : nullptr,
                  argc > 5 ? argv[5] : nullptr);
  }
  const std::uint64_t runs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
  const std::uint64_t tries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : runs;
  const bool right = nothing_goes_wrong(world, runs);
  return right && every_mutant_is_caught(world, tries, argc > 3 ? argv[3] : "") ? 0 : 1;
}
