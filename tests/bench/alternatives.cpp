// What an id costs by this project and by what people use instead, with ever more processes: one
// line of JSON for each way and number of processes.
//
//   alternatives --takers 1,2,4 [--full-dir DIR] [--redis SOCKET] [--postgresql DIR]
//                [--elasticsearch URL --index INDEX] [--laps N] [--seconds S]
//
// The servers run already; PostgreSQL has sequences cache_1 and cache_1000, the index a document
// "orders" with an iid.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace {

using namespace essequence;
using namespace essequence::bench;

struct Typed {
  std::vector<int> takers{1};
  std::string full_dir, redis, postgresql, elasticsearch, index;
  int laps = 5;
  double seconds = 0.2;  // of a lap, about
};

void measure(const char *name, const Typed &typed, const std::function<ctl::Way()> &way) {
  for (const int takers : typed.takers) {
    ctl::Course course;
    course.takers = takers;
    course.takes = 10 * static_cast<std::uint64_t>(takers);
    course.chunk = 10;
    const ctl::Ways alone = [&] { return std::vector<ctl::Way>{way()}; };
    const auto seconds_of_lap = [&] {
      return ctl::median(ctl::each(ctl::race(course, 1, alone)[0], &ctl::Lap::seconds));
    };
    // So many that a lap lasts about as long as it should. Short laps tell little of long ones.
    for (double seconds = seconds_of_lap(); seconds < typed.seconds / 2;) {
      const double more = std::clamp(typed.seconds / std::max(seconds, 1e-9), 2.0, 100.0);
      course.takes = static_cast<std::uint64_t>(static_cast<double>(course.takes) * more);
      course.chunk = std::clamp<std::uint64_t>(
          course.takes / static_cast<std::uint64_t>(64 * takers) / 10 * 10, 10, 64'000);
      seconds = seconds_of_lap();
    }
    course.laps = typed.laps;
    const double seconds = seconds_of_lap();
    const nlohmann::ordered_json line = {
        {"name", name},
        {"takers", takers},
        {"ns_per_id", seconds * 1e9 / static_cast<double>(course.takes)}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }
}

void run(const Typed &typed) {
  const BareCounter bare;
  measure("xadd", typed, [&] { return bare.xadd(); });
  if (!typed.full_dir.empty()) {
    const auto handle = [&] { return open(typed.full_dir, "full"); };
    measure("next", typed, [&] { return by_next(handle()); });
    measure("lease", typed, [&] { return by_lease(handle(), 64); });
    measure("take", typed, [&] { return by_take(handle(), 1000); });
  }
  const GuardedCounter guarded;
  measure("mutex", typed, [&] { return guarded.way(); });
  {
    const NumberServer server;
    measure("socket", typed, [&] { return server.way(); });
  }
  if (!typed.redis.empty()) measure("redis", typed, [&] { return by_redis(typed.redis); });
  if (!typed.postgresql.empty()) {
    measure("postgresql_cache_1", typed,
            [&] { return by_postgresql(typed.postgresql, "cache_1"); });
    measure("postgresql_cache_1000", typed,
            [&] { return by_postgresql(typed.postgresql, "cache_1000"); });
  }
  if (!typed.elasticsearch.empty()) {
    measure("elasticsearch", typed,
            [&] { return by_elasticsearch(typed.elasticsearch, typed.index); });
  }
}

}  // namespace

int main(int argc, char **argv) {
  Typed typed;
  CLI::App app("What an id costs, by this project and by others.");
  app.add_option("--takers", typed.takers, "processes; one run for each")->delimiter(',');
  app.add_option("--full-dir", typed.full_dir, "of a ring that is full");
  app.add_option("--redis", typed.redis, "its Unix socket");
  app.add_option("--postgresql", typed.postgresql, "the directory of its Unix socket");
  app.add_option("--elasticsearch", typed.elasticsearch, "URL");
  app.add_option("--index", typed.index);
  app.add_option("--laps", typed.laps)->check(CLI::PositiveNumber);
  app.add_option("--seconds", typed.seconds, "of a lap, about")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    run(typed);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "alternatives: %s\n", error.what());
    return 1;
  }
}
