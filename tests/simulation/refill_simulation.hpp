// The refill controller in virtual time: what it does in hours of traffic, in well under a second.
//
// What stands around it here is what stands around it in the sidecar, simplified: a ring of sixteen
// blocks, one refill at a time, a look at the counter every 50 ms and whenever takers ask for it
// (at the low-water mark, and where the ring is empty), a source that takes its time and is away at
// times. Steps of a millisecond; what was asked for in vain waits, and is taken when ids come.
#pragma once

#include <cstdint>
#include <functional>

#include "sidecar/config/config.hpp"

namespace essequence::simulation {

using sidecar::SequenceConfig;

struct Traffic {
  double seconds;
  std::function<double(double)> rate;  // takes per second, at a time in seconds
};

struct SimulatedSource {
  double latency = 0.02;                 // of one refill, in seconds
  double away_from = 0, away_until = 0;  // in seconds
  double hiccup = 0;                     // every tenth refill takes so much longer
  bool contended = false;                // every third attempt meets another host's
};

struct Outcome {
  std::uint64_t taken = 0;
  std::uint64_t refills = 0;      // in all
  std::uint64_t stalls = 0;       // times that the ring ran empty while somebody waited
  double stalled = 0;             // seconds, in all
  double last_stall = 0;          // when the last one ended, in seconds
  std::uint64_t most_ready = 0;   // the most ids that lay ready
  std::uint64_t ready = 0;        // at the end
  std::uint64_t block = 0;        // that a refill at the end would ask for
  double refills_per_minute = 0;  // in the second half of the time
};

Outcome simulate(const Traffic &traffic, const SimulatedSource &source,
                 const SequenceConfig &config = {});

}  // namespace essequence::simulation
