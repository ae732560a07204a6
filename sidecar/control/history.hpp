// What the last five minutes were like: a sample every five seconds, of the instance and of the
// sequences that ids were taken from. Kept here, so that it is there when the status page is
// opened; idle sequences have none and cost nothing, and of busy ones those are dropped first that
// were idle longest: at most 1,000 of 60 samples each, a quarter of a megabyte.
//
// Thread rules: one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sidecar/refill/supply.hpp"

namespace essequence::sidecar {

class History {
 public:
  static constexpr std::chrono::seconds kInterval{5};
  static constexpr std::size_t kSamples = 60;
  static constexpr std::size_t kMostSequences = 1000;

  // What happened in the interval that ends now.
  void add(const Activity &activity);

  // Oldest first; as many as there are, at most kSamples.
  struct Sample {
    std::uint64_t taken;
    std::uint64_t refills;
    double slowest_refill_seconds;
  };
  const std::vector<Sample> &samples() const { return samples_; }

  // Ids taken in each of the same intervals; empty: in none of them.
  std::vector<std::uint32_t> taken_of(const std::string &name) const;

 private:
  struct Line {
    std::array<std::uint32_t, kSamples> taken{};  // by number % kSamples
    std::uint64_t newest = 0;                     // number of the last sample that is not 0
  };
  void note(const std::string &name, std::uint64_t taken);
  void forget_idle();

  std::vector<Sample> samples_;
  std::uint64_t next_ = 0;  // number of the next sample
  std::map<std::string, Line> lines_;
  bool all_busy_ = false;  // who has no line yet gets none in this sample
};

}  // namespace essequence::sidecar
