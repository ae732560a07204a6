// The engine behind essequencectl bench and tests/bench: who takes how often, and what happens to a
// crew when one of it fails.
#include <unistd.h>

#include <atomic>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <catch2/catch.hpp>
#include <essequence/essequence.hpp>
#include <new>

#include "sidecar/ctl/race.hpp"

using namespace essequence::ctl;

namespace {

struct Counters {
  std::atomic<std::uint64_t> one{0}, other{0};
};

struct SharedCounters {
  boost::interprocess::mapped_region memory =
      boost::interprocess::anonymous_shared_memory(sizeof(Counters));
  Counters &counters = *new (memory.get_address()) Counters;

  std::vector<Way> ways() {
    return {[this](std::uint64_t takes) { counters.one += takes; },
            [this](std::uint64_t takes) { counters.other += takes; }};
  }
};

}  // namespace

TEST_CASE("a race takes exactly what it was given, by each way") {
  const Takers kind = GENERATE(Takers::processes, Takers::threads);
  const int takers = GENERATE(1, 2, 5);
  SharedCounters shared;
  Course course;
  course.kind = kind;
  course.takers = takers;
  course.takes = 10'001;  // no multiple of the chunk
  course.chunk = 10;
  course.laps = 3;
  const auto ways = race(course, 2, [&] { return shared.ways(); });
  CHECK(shared.counters.one == 4 * 10'001);
  CHECK(shared.counters.other == 4 * 10'001);
  REQUIRE(ways.size() == 2);
  for (const std::vector<Lap> &laps : ways) {
    REQUIRE(laps.size() == 3);
    for (const Lap &lap : laps) {
      CHECK(lap.seconds > 0);
      CHECK(lap.core_seconds > 0);
    }
  }
}

TEST_CASE("latencies are of each take of each taker") {
  const Takers kind = GENERATE(Takers::processes, Takers::threads);
  SharedCounters shared;
  Course course;
  course.kind = kind;
  course.takers = 3;
  course.takes = 100;
  auto samples = latencies(course, 2, [&] { return shared.ways(); });
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].size() == 300);
  CHECK(samples[1].size() == 300);
  CHECK(shared.counters.one == 300);
  CHECK(percentile(samples[0], 0.5) <= percentile(samples[0], 1));
}

TEST_CASE("who fails ends the crew, and says why") {
  const Takers kind = GENERATE(Takers::processes, Takers::threads);
  const auto work = [](Member &member) {
    member.meet();
    if (member.number() == 1) throw essequence::Error(ESSEQUENCE_FENCED, "fenced: because");
    member.meet();  // the others would wait here for ever
  };
  try {
    together(kind, 3, work);
    FAIL("nothing was thrown");
  } catch (const TakerFailed &failed) {
    CHECK(failed.status() == ESSEQUENCE_FENCED);
    CHECK(failed.what() == std::string("fenced: because"));
  }
}

TEST_CASE("a process that dies ends the crew") {
  const auto work = [](Member &member) {
    if (member.number() == 2) _exit(3);
    member.meet();
  };
  CHECK_THROWS_AS(together(Takers::processes, 3, work), TakerFailed);
}

TEST_CASE("percentiles and medians") {
  std::vector<std::uint32_t> values{5, 1, 4, 2, 3};
  CHECK(percentile(values, 0.5) == 3);
  CHECK(percentile(values, 0.2) == 1);
  CHECK(percentile(values, 0.21) == 2);
  CHECK(percentile(values, 1) == 5);
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
}
