// All takers of one sequence on one host, as a timer sees them: they claim tickets at a steady
// rate, and when the ring is empty one of them waits, as next() does.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "sidecar/ring/ring_file.hpp"

namespace essequence::fleet {

class Consumer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Wants its first id at `since`.
  Consumer(const sidecar::RingFile &ring, std::uint32_t number, double rate, TimePoint since)
      : entry_(ring.entry(number)),
        counter_(ring.counter(number)),
        number_(number),
        rate_(rate),
        last_(since) {
    wait_for(counter_.next.fetch_add(1), since);
  }

  std::uint32_t number() const { return number_; }

  // Claims what is due by `now`. True: the sidecar would be kicked.
  bool take(TimePoint now) {
    const std::uint64_t filled_end = entry_.filled_end.load(std::memory_order_acquire);
    if (waiting_for_) {
      longest_wait_ = std::max(longest_wait_, now - waiting_since_);
      if (*waiting_for_ >= filled_end) return true;
      waiting_for_.reset();
      last_ = now;
      return false;
    }
    const auto due = static_cast<std::uint64_t>(seconds_between(last_, now) * rate_);
    if (due == 0) return false;
    last_ +=
        std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(due) / rate_));
    const std::uint64_t next = counter_.next.load(std::memory_order_relaxed);
    const std::uint64_t claimed = std::min(due, filled_end - next);
    counter_.next.fetch_add(claimed);
    if (claimed < due) wait_for(counter_.next.fetch_add(1), now);
    const std::uint64_t low_water = entry_.low_water.load(std::memory_order_relaxed);
    return waiting_for_ || (next < low_water && next + claimed >= low_water);
  }

  // Of waits that ended, or go on, since it was last asked.
  std::chrono::nanoseconds longest_wait() { return std::exchange(longest_wait_, {}); }

 private:
  static double seconds_between(TimePoint from, TimePoint to) {
    return std::chrono::duration<double>(to - from).count();
  }
  void wait_for(std::uint64_t ticket, TimePoint since) {
    waiting_for_ = ticket;
    waiting_since_ = since;
  }

  const shm::SequenceEntry &entry_;
  shm::CounterLine &counter_;
  std::uint32_t number_;
  double rate_;
  TimePoint last_;  // what was due until then is claimed
  std::optional<std::uint64_t> waiting_for_;
  TimePoint waiting_since_{};
  std::chrono::nanoseconds longest_wait_{};
};

}  // namespace essequence::fleet
