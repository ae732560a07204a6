// Whether the refill keeps up: takes from the ring of a real sidecar, whose Elasticsearch is slow,
// against the same loop on a ring that is always full, or on a bare counter. One line of JSON.
//
//   refill_under_delay full-speed --runtime-dir DIR --full-dir DIR [--rounds N] [--seconds S]
//   refill_under_delay paced      --runtime-dir DIR [--seconds S]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "shmclient/src/control_client.hpp"
#include "tests/bench/ways.hpp"

namespace {

using namespace essequence;
using namespace essequence::bench;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct Typed {
  std::string runtime_dir, full_dir, sequence = "orders", full_sequence = "full";
  int rounds = 5;
  double seconds = 2;  // of each stretch that counts
  double warm_up = 2;
};

nanoseconds as_duration(double seconds) { return nanoseconds(std::int64_t(seconds * 1e9)); }

std::uint64_t stalls(const Typed &typed) {
  const shm::ControlReply reply = shm::control_request(typed.runtime_dir + "/control.sock", "GET",
                                                       shm::path_of_sequence(typed.sequence), "",
                                                       Clock::now() + std::chrono::seconds(10));
  return Json::parse(reply.body).at("stalls_total").get<std::uint64_t>();
}

// Ids per second.
double full_speed(const ctl::Way &way, double seconds) {
  constexpr std::uint64_t kChunk = 8000;
  std::uint64_t taken = 0;
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  for (; now < begin + as_duration(seconds); now = Clock::now()) {
    way(kChunk);
    taken += kChunk;
  }
  return static_cast<double>(taken) / std::chrono::duration<double>(now - begin).count();
}

Json race_against_full_ring(const Typed &typed) {
  const ctl::Way refilled = by_next(open(typed.runtime_dir, typed.sequence));
  const ctl::Way full = by_next(open(typed.full_dir, typed.full_sequence));
  full_speed(full, typed.warm_up / 10);
  Json ours = Json::array(), bare = Json::array(), stalled = Json::array();
  for (int round = 0; round < typed.rounds; ++round) {
    full_speed(refilled, typed.warm_up);
    const std::uint64_t before = stalls(typed);
    ours.push_back(full_speed(refilled, typed.seconds));
    stalled.push_back(stalls(typed) - before);
    bare.push_back(full_speed(full, typed.seconds));
  }
  return {{"name", "full_speed"}, {"ours", ours}, {"bare", bare}, {"stalls", stalled}};
}

// ---- paced ----

constexpr nanoseconds kTick{1000};
constexpr nanoseconds kLong{100'000};
constexpr std::uint64_t kBurst = 100;  // takes in a tick instead of one

struct Watched {
  const ctl::Way &way;
  std::uint64_t long_ones =
      0;  // of the ticks: among its takes was one over kLong, or all were slow
  nanoseconds longest{0};

  // Returns when it was done.
  Clock::time_point take(std::uint64_t takes, Clock::time_point begin) {
    way(takes);
    const Clock::time_point end = Clock::now();
    longest = std::max<nanoseconds>(longest, end - begin);
    if (end - begin > kLong) ++long_ones;
    return end;
  }
};

struct Pace {
  std::uint64_t taken = 0, ticks = 0;
  Clock::time_point due = Clock::now();

  // Each microsecond so many takes of each, both between the same looks at the clock: what the
  // machine does in between hits them alike. Who is late goes on at once.
  void keep(double seconds, std::uint64_t takes, Watched &ours, Watched &bare) {
    for (const Clock::time_point end = due + as_duration(seconds); due < end; due += kTick) {
      Clock::time_point now = Clock::now();
      while (now < due) now = Clock::now();
      now = ours.take(takes, now);
      bare.take(takes, now);
      taken += takes;
      ++ticks;
    }
  }
};

Json pace_beside_bare_counter(const Typed &typed) {
  const BareCounter counter;
  const ctl::Way next = by_next(open(typed.runtime_dir, typed.sequence));
  const ctl::Way xadd = counter.xadd();
  Watched warm_ours{next}, warm_bare{xadd};
  Pace pace;
  pace.keep(typed.warm_up, 1, warm_ours, warm_bare);
  const std::uint64_t before = stalls(typed);
  Watched ours{next}, bare{xadd};
  pace = {};
  for (int burst = 0; burst < 3; ++burst) {
    pace.keep(typed.seconds, 1, ours, bare);
    pace.keep(typed.seconds / 2, kBurst, ours, bare);
  }
  pace.keep(typed.seconds, 1, ours, bare);
  return {{"name", "paced"},
          {"ticks", pace.ticks},
          {"ids", pace.taken},
          {"late_seconds", std::chrono::duration<double>(Clock::now() - pace.due).count()},
          {"ours_long", ours.long_ones},
          {"bare_long", bare.long_ones},
          {"ours_longest_ns", ours.longest.count()},
          {"bare_longest_ns", bare.longest.count()},
          {"stalls", stalls(typed) - before}};
}

}  // namespace

int main(int argc, char **argv) {
  Typed typed;
  CLI::App app("Takes while a slow Elasticsearch refills the ring.");
  app.require_subcommand(1);
  Json (*chosen)(const Typed &) = nullptr;
  const auto verb = [&](const char *name, const char *help, Json (*run)(const Typed &)) {
    CLI::App *command = app.add_subcommand(name, help);
    command->add_option("--runtime-dir", typed.runtime_dir, "of the sidecar")->required();
    command->add_option("--sequence", typed.sequence);
    command->add_option("--seconds", typed.seconds)->check(CLI::PositiveNumber);
    command->add_option("--warm-up", typed.warm_up)->check(CLI::PositiveNumber);
    command->final_callback([&chosen, run] { chosen = run; });
    return command;
  };
  CLI::App *fast =
      verb("full-speed", "as fast as one process can, against a full ring", race_against_full_ring);
  fast->add_option("--full-dir", typed.full_dir, "of the ring that is full")->required();
  fast->add_option("--rounds", typed.rounds)->check(CLI::PositiveNumber);
  verb("paced", "a million ids a second, with three bursts of a hundred times that",
       pace_beside_bare_counter);
  CLI11_PARSE(app, argc, argv);
  try {
    // On a core of its own, as far as there are others for the sidecar.
    ctl::together(ctl::Takers::processes, 1, [&](ctl::Member &) {
      std::printf("%s\n", chosen(typed).dump().c_str());
      std::fflush(stdout);
    });
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "refill_under_delay: %s\n", error.what());
    return 1;
  }
}
