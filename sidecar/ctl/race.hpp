// What a take costs: ways to take race against each other in turns, so that whatever else the
// machine does hits all of them.
//
// In a lap of a way the takers draw takes from a common supply until it is used up: they begin
// together and end together, however fast each one is.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sidecar/ctl/crew.hpp"

namespace essequence::ctl {

// A way to take: performs so many takes.
using Way = std::function<void(std::uint64_t takes)>;

// Makes the ways, in each taker when it has begun; the same number of them in each.
using Ways = std::function<std::vector<Way>()>;

struct Course {
  Takers kind = Takers::processes;
  int takers = 1;
  std::uint64_t takes = 0;     // in a lap, of all takers together
  int laps = 1;                // that count; one that warms up comes before them
  std::uint64_t chunk = 1024;  // drawn at once
};

struct Lap {
  double seconds;       // from the common start to the common end
  double core_seconds;  // that the takers ran, in sum; what else ran meanwhile is not in it
  // Nanoseconds of the same few additions, just before the lap and just after it: of the taker that
  // needed longest. Where the machine is a guest of another, it tells laps on whole cores from
  // those in which somebody else's hyperthread had a share of them (measured: 1.5 times as long).
  double yardstick;
};

// [way][lap]. Each way was given exactly takes × (laps + 1) takes. Throws TakerFailed.
std::vector<std::vector<Lap>> race(const Course &course, std::size_t ways, const Ways &make);

// [way][take]: nanoseconds of single takes, each between two looks at the clock, of all takers
// together; `takes` of each taker and way. An empty way shows what the clock itself costs. Throws
// TakerFailed.
std::vector<std::vector<std::uint32_t>> latencies(const Course &course, std::size_t ways,
                                                  const Ways &make);

double median(std::vector<double> values);

// One number of each lap.
std::vector<double> each(const std::vector<Lap> &laps, double Lap::*number);

// The value below which a `share` of the values lie: share 0.5 is the median, 1 the largest.
// Nearest rank; `values` is reordered and not empty.
std::uint32_t percentile(std::vector<std::uint32_t> &values, double share);

}  // namespace essequence::ctl
