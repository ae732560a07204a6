// When a refill is due, and how large the next block is: the refill controller.
//
// The rule
// 1. The peak is the fastest recent rate of takes, measured over a tenth of a second at least. It
//    rises at once and halves in a quarter of `cover`. One take alone is no rate.
// 2. A block covers half of `cover` at the peak, within min_block and max_block.
// 3. A refill is due while less is ready than `cover` at the peak: two blocks, or as many as half
//    the ring holds where max_block binds; the other half lets a taker that sleeps find its block.
//    And while it is less than two blocks, or than four times what the slowest recent refill took
//    (at the peak), as a short `cover` would leave the source no time.
// 4. A ring that ran empty, unless by a cut, proves the peak too low: it is raised to what asks for
//    four times the last block, so from min_block to any rate in a few round trips. What waited
//    meanwhile, and is taken at once when ids come, counts for the whole time that it waited.
// 5. Time alone lets go: an idle sequence is back at min_block without a refill per step, and what
//    lies ready in the ring is not asked for again.
// Other hosts that take blocks of the same sequence are contention.hpp's matter: it multiplies 2.
//
// Arithmetic on the times that it is given, no clock of its own: tests/simulation drives it through
// hours in a second. Thread rules: none; one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

class RefillController {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  RefillController(const SequenceConfig &config, TimePoint now)
      : window_begin_(now), peak_at_(now) {
    configure(config);
  }

  // From now on; what was measured stays.
  void configure(const SequenceConfig &config) {
    cover_ = config.cover;
    min_block_ = config.min_block;
    max_block_ = config.max_block;
  }
  std::uint64_t max_block() const { return max_block_; }

  // `ids` were taken since the last call.
  void taken(std::uint64_t ids, TimePoint now);
  // The ring is empty and somebody waits. Once for each time that it runs empty.
  void ran_empty(TimePoint now);
  // The ring was emptied by a reset, a raise or a fence.
  void cut() { last_block_ = 0; }
  // A block of `ids` was laid into the ring, `took` after it was begun.
  void refilled(std::uint64_t ids, std::chrono::nanoseconds took, TimePoint now);

  // Ids that the next block should hold.
  std::uint64_t block(TimePoint now) const;
  // A refill is due while fewer ids are ready.
  std::uint64_t low_water(TimePoint now) const;

  // Takes per second, lately; for people.
  double rate(TimePoint now) const;

 private:
  double peak(TimePoint now) const;
  double half_cover() const { return std::chrono::duration<double>(cover_).count() / 2; }

  std::chrono::nanoseconds cover_{};
  std::uint64_t min_block_ = 0, max_block_ = 0;
  TimePoint window_begin_;
  std::uint64_t in_window_ = 0;
  double peak_ = 0;  // ids per second, at peak_at_
  TimePoint peak_at_;
  double rate_ = 0;               // at window_begin_
  double slowest_refill_ = 0;     // seconds; fades with each refill
  std::uint64_t last_block_ = 0;  // since the last cut
  std::optional<TimePoint> empty_since_;
  TimePoint caught_up_at_{};  // no window ends before
};

}  // namespace essequence::sidecar
