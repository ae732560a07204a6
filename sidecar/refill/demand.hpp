// How fast ids are taken, and so how large the next block is.
//
// The rule: a block covers half of `cover` at the peak rate, within min_block and max_block, and
// two blocks are kept ready. The peak is the fastest recent tenth of a second: it rises at once and
// halves in less than two seconds, so a burst grows the next block and an idle sequence shrinks
// back to min_block without a refill per step.
//
// Pure arithmetic on the times that it is given; no clock of its own.
#pragma once

#include <chrono>
#include <cstdint>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

class Demand {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Demand(TimePoint now) : window_begin_(now) {}

  // `claimed` tickets since the last call.
  void note(std::uint64_t claimed, TimePoint now);

  // Takes per second, lately.
  double rate() const { return rate_; }

  // Ids that the next block should hold.
  std::uint64_t block_size(const SequenceConfig &config) const;

 private:
  TimePoint window_begin_;
  std::uint64_t in_window_ = 0;
  double peak_ = 0;
  double rate_ = 0;
};

}  // namespace essequence::sidecar
