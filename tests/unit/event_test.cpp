// How many events of a kind are told, and that those which are not are counted.
#include "sidecar/event.hpp"

#include <catch2/catch.hpp>

using namespace essequence::sidecar;

using Told = std::vector<std::pair<std::string, std::uint64_t>>;

TEST_CASE("the first events of a kind are told, the others of its minute are counted") {
  EventRate rate;
  const EventRate::TimePoint begin{};
  std::uint64_t told = 0;
  for (int i = 0; i < 10'000; ++i) told += rate.admits("fenced", begin) ? 1 : 0;
  CHECK(told == EventRate::kMost);
  CHECK(rate.admits("source_lost", begin));
  CHECK(rate.over(begin + EventRate::kPeriod - std::chrono::nanoseconds(1)) == Told{});
  CHECK(rate.over(begin + EventRate::kPeriod) == Told{{"fenced", 10'000 - EventRate::kMost}});
  CHECK(rate.over(begin + EventRate::kPeriod) == Told{});
}

TEST_CASE("an event that comes now and then is told each time") {
  EventRate rate;
  EventRate::TimePoint now{};
  for (int i = 0; i < 1000; ++i) {
    now += EventRate::kPeriod / EventRate::kMost + std::chrono::seconds(1);
    CHECK(rate.over(now).empty());
    CHECK(rate.admits("source_lost", now));
  }
}

TEST_CASE("what flaps is told anew after a minute") {
  EventRate rate;
  EventRate::TimePoint now{};
  std::uint64_t told = 0, kept_back = 0;
  constexpr std::uint64_t events = 3000;
  for (std::uint64_t i = 0; i < events; ++i) {
    now += std::chrono::milliseconds(100);
    for (const auto &[kind, count] : rate.over(now)) kept_back += count;
    told += rate.admits("refill_failed", now) ? 1 : 0;
  }
  for (const auto &[kind, count] : rate.over(EventRate::TimePoint::max())) kept_back += count;
  CHECK(told == 5 * EventRate::kMost);
  CHECK(told + kept_back == events);
}
