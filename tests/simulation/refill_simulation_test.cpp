// Each traffic with what must hold for it. With the tag [table] what came of each is printed:
//   build/release/bin/refill_simulation_test [table]
#include "tests/simulation/refill_simulation.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

using namespace essequence::simulation;

namespace {

constexpr double kTenMinutes = 600;

Traffic steady(double rate) {
  return {kTenMinutes, [rate](double) { return rate; }};
}

// `height` for `length` seconds in each `period`, the first time after half a period; else `base`.
Traffic bursts(double base, double height, double length, double period) {
  return {kTenMinutes, [=](double at) {
            return std::fmod(at + period / 2, period) < length && at > length ? height : base;
          }};
}

// Twice as fast in each second, up to `most`.
Traffic ramp(double most) {
  return {60, [most](double at) { return std::min(10 * std::exp2(at), most); }};
}

// Nothing for ten seconds, then at once at full height.
Traffic jump(double rate) {
  return {kTenMinutes, [rate](double at) { return at < 10 ? 0 : rate; }};
}

// Bursts of heavy-tailed height and length at random times.
Traffic heavy_tailed(unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> even(1e-3, 1);
  std::vector<double> rates(600, 0);
  for (std::size_t at = 0; at < rates.size();) {
    const auto pause = static_cast<std::size_t>(std::min(1 / even(random), 60.0));
    const auto length = static_cast<std::size_t>(std::min(1 / even(random), 20.0));
    const double height = std::min(10 * std::pow(even(random), -2.0), 1e7);
    for (std::size_t i = 0; i < length && at + pause + i < rates.size(); ++i) {
      rates[at + pause + i] = height;
    }
    at += pause + length;
  }
  return {kTenMinutes, [rates](double at) {
            return rates[std::min(static_cast<std::size_t>(at), rates.size() - 1)];
          }};
}

struct Case {
  std::string name;
  Traffic traffic;
  SimulatedSource source;
  double highest;             // takes per second, that the traffic comes to
  double quiet_after;         // no stall ends later than this second
  double refills_per_minute;  // at most, in the second half
};

Case of_heavy_tail(unsigned seed) {
  const Traffic traffic = heavy_tailed(seed);
  double highest = 0;
  for (double at = 0.5; at < traffic.seconds; ++at) highest = std::max(highest, traffic.rate(at));
  return {"heavy-tailed, seed " + std::to_string(seed), traffic, {}, highest, 0, 60};
}

std::vector<Case> cases() {
  const SimulatedSource near{0.002}, usual{0.02}, slow{0.2};
  const SimulatedSource away{0.02, 100, 129};
  return {
      {"idle: a take in 50 s", steady(0.02), usual, 1, 0, 1},
      {"steady, 1/s", steady(1), usual, 1, 0, 6},
      {"steady, 1,000/s", steady(1e3), usual, 1e3, 0.1, 5},
      {"steady, 1,000/s, a refill takes 2 s", steady(1e3), {2}, 1e3, 10.1, 5},
      {"steady, 1,000,000/s", steady(1e6), usual, 1e6, 0.1, 5},
      {"steady, 1,000,000/s, a refill takes 200 ms", steady(1e6), slow, 1e6, 1, 5},
      {"steady, 1,000,000/s, source away for 29 s", steady(1e6), away, 1e6, 0.1, 5},
      {"steady, 400,000,000/s", steady(4e8), usual, 4e8, 0.2, 1450},
      {"steady, 400,000,000/s, a refill takes 2 ms", steady(4e8), near, 4e8, 0.1, 1450},
      {"burst, 100x for 1 s in 20 s", bursts(1e6, 1e8, 1, 20), usual, 1e8, 0.1, 60},
      {"burst, 100x for 1 s in 20 s, 200 ms", bursts(1e4, 1e6, 1, 20), slow, 1e6, 1, 5},
      {"burst, 1,000,000/s for 1 s in 60 s", bursts(0, 1e6, 1, 60), usual, 1e6, 30.1, 4},
      {"burst, 100 ids once a minute", bursts(0, 1e4, 0.01, 60), usual, 1e3, 30.1, 1},
      {"once 1,000,000/s for 5 s, then idle",
       {kTenMinutes, [](double at) { return at < 5 ? 1e6 : 0; }},
       usual,
       1e6,
       0.1,
       0},
      {"ramp, doubling each second to 100,000,000/s", ramp(1e8), usual, 1e8, 0, 400},
      {"jump from nothing to 1,000,000/s", jump(1e6), usual, 1e6, 10.1, 5},
      {"jump from nothing to 100,000,000/s", jump(1e8), usual, 1e8, 10.2, 400},
      of_heavy_tail(1),
      of_heavy_tail(2),
      of_heavy_tail(3),
  };
}

}  // namespace

TEST_CASE("the ring does not run dry, holds what covers the peak, and asks seldom") {
  const SequenceConfig config;
  const double cover = std::chrono::duration<double>(config.cover).count();
  for (const Case &one : cases()) {
    INFO(one.name);
    const Outcome outcome = simulate(one.traffic, one.source);
    CHECK(outcome.last_stall <= one.quiet_after);
    CHECK(outcome.refills_per_minute <= one.refills_per_minute);
    // Two blocks, and one that was asked for just before; a tenth for what a window measures. Eight
    // and one where max_block binds.
    const double fair = 1.1 * 1.5 * cover * one.highest + 3 * static_cast<double>(config.min_block);
    const double most = 9 * static_cast<double>(config.max_block);
    CHECK(static_cast<double>(outcome.most_ready) <= std::min(fair, most));
  }
}

TEST_CASE("beside other hosts blocks grow eightfold and attempts wait, and no taker notices") {
  SimulatedSource contended;
  contended.contended = true;
  const Outcome outcome = simulate(steady(1e3), contended);
  const Outcome alone = simulate(steady(1e3), {});
  CHECK(outcome.last_stall < 1);
  CHECK(outcome.refills_per_minute <= alone.refills_per_minute / 4);
  CHECK(outcome.most_ready > 2 * alone.most_ready);
  CHECK(outcome.most_ready <= 165'000);  // five times the cover, and a tenth
}

TEST_CASE("an idle sequence is back at min_block, and asked for nothing on its way") {
  const SequenceConfig config;
  const auto traffic = [](double seconds) {
    return Traffic{seconds, [](double at) { return at < 5 ? 1e6 : 0; }};
  };
  const Outcome after_burst = simulate(traffic(6), {});
  const Outcome later = simulate(traffic(300), {});
  CHECK(after_burst.block > 1'000'000);
  CHECK(later.block == config.min_block);
  CHECK(later.refills == after_burst.refills);
}

TEST_CASE("after an outage that was longer than the cover the ring is not filled for ever") {
  const Outcome outcome = simulate(steady(1e3), {0.02, 100, 160});
  CHECK(outcome.stalls > 0);
  CHECK(outcome.last_stall < 161.1);  // the first attempt after it is at most a second late
  CHECK(outcome.most_ready < 10 * 30'000);
}

TEST_CASE("where max_block binds, more blocks cover a source that is slow at times") {
  SequenceConfig config;
  config.max_block = 1000;
  // Two blocks last 200 ms; a slow refill takes 240.
  const Outcome outcome = simulate(steady(1e4), {0.04, 0, 0, 0.2}, config);
  CHECK(outcome.last_stall < 1);
  CHECK(outcome.most_ready <= 9000);
}

TEST_CASE("where max_block binds, half the ring's blocks cover what they can") {
  SequenceConfig config;
  config.max_block = 1000;
  const Outcome outcome = simulate(steady(1e3), {0.02, 100, 107}, config);  // eight last 8 s
  CHECK(outcome.last_stall < 1);
  CHECK(outcome.most_ready <= 9000);
}

TEST_CASE("what came of each traffic, as a table", "[.][table]") {
  std::printf("%-46s %13s %9s %8s %9s %9s %12s %10s\n", "traffic (20 ms a refill, cover 30 s)",
              "taken", "a minute", "stalls", "s stalled", "last at", "most ready", "block");
  for (const Case &one : cases()) {
    const Outcome o = simulate(one.traffic, one.source);
    std::printf("%-46s %13llu %9.1f %8llu %9.3f %9.2f %12llu %10llu\n", one.name.c_str(),
                static_cast<unsigned long long>(o.taken), o.refills_per_minute,
                static_cast<unsigned long long>(o.stalls), o.stalled, o.last_stall,
                static_cast<unsigned long long>(o.most_ready),
                static_cast<unsigned long long>(o.block));
  }
}
