// What takes cost where the ring is full, against a bare `lock xadd`: one line of JSON for each
// comparison, with the nanoseconds of a core per id of each lap, and what the yardstick told of the
// cores (sidecar/ctl/race.hpp).
//
//   takes --runtime-dir DIR --sequence NAME [--laps N] [--millions N]
#include <essequence/essequence.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/ways.hpp"

namespace {

using namespace essequence;
using namespace essequence::bench;
using ctl::Takers;

struct Typed {
  std::string runtime_dir, sequence = "full";
  int laps = 140;
  double millions = 0.2;  // ids in a lap
};

// Through the shared library, as a C program calls it.
ctl::Way by_c_abi(const Typed &typed) {
  essequence_options how{};
  how.size = sizeof how;
  how.runtime_dir = typed.runtime_dir.c_str();
  essequence_sequence *opened = nullptr;
  if (essequence_open(typed.sequence.c_str(), &how, &opened) != ESSEQUENCE_OK) {
    throw std::runtime_error(essequence_last_error());
  }
  const std::shared_ptr<essequence_sequence> sequence(opened, essequence_close);
  return one_by_one([sequence] {
    std::int64_t id = 0;
    if (essequence_next(sequence.get(), &id) != ESSEQUENCE_OK) {
      throw std::runtime_error(essequence_last_error());
    }
    return id;
  });
}

std::vector<double> per_take(const std::vector<ctl::Lap> &laps, const ctl::Course &course) {
  std::vector<double> nanoseconds;
  for (const ctl::Lap &lap : laps) {
    nanoseconds.push_back(lap.core_seconds * 1e9 / static_cast<double>(course.takes));
  }
  return nanoseconds;
}

void compare(const char *name, Takers kind, int takers, const Typed &typed,
             const std::function<ctl::Way()> &ours) {
  const BareCounter bare;
  ctl::Course course;
  course.kind = kind;
  course.takers = takers;
  course.takes = static_cast<std::uint64_t>(typed.millions * 1e6);
  course.laps = typed.laps;
  course.chunk = 8000;  // whole leases of 64, whole runs of 1000
  const auto laps = ctl::race(course, 2, [&] {
    return std::vector<ctl::Way>{ours(), bare.xadd()};
  });
  std::vector<double> yardstick = ctl::each(laps[0], &ctl::Lap::yardstick);
  for (std::size_t i = 0; i < yardstick.size(); ++i) {
    yardstick[i] = std::max(yardstick[i], laps[1][i].yardstick);
  }
  const nlohmann::ordered_json line = {{"name", name},
                                       {"ours", per_take(laps[0], course)},
                                       {"bare", per_take(laps[1], course)},
                                       {"yardstick", yardstick}};
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void run(const Typed &typed) {
  const auto own = [&] { return open(typed.runtime_dir, typed.sequence); };
  compare("next", Takers::processes, 1, typed, [&] { return by_next(own()); });
  compare("next_processes", Takers::processes, 2, typed, [&] { return by_next(own()); });
  {
    const Handle shared = own();
    compare("next_threads", Takers::threads, 2, typed, [&] { return by_next(shared); });
  }
  compare("c_abi", Takers::processes, 1, typed, [&] { return by_c_abi(typed); });
  compare("lease", Takers::processes, 2, typed, [&] { return by_lease(own(), 64); });
  Typed longer = typed;  // so many at once that a lap is over before it can be timed
  longer.millions *= 10;
  compare("take", Takers::processes, 1, longer, [&] { return by_take(own(), 1000); });
}

}  // namespace

int main(int argc, char **argv) {
  Typed typed;
  CLI::App app("Takes from a full ring against a bare lock xadd.");
  app.add_option("--runtime-dir", typed.runtime_dir)->required();
  app.add_option("--sequence", typed.sequence);
  app.add_option("--laps", typed.laps)->check(CLI::PositiveNumber);
  app.add_option("--millions", typed.millions, "of ids in a lap")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    run(typed);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "takes: %s\n", error.what());
    return 1;
  }
}
