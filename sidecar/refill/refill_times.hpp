// How long refills took, of all sequences of an instance: from asking the source until the ids
// could be taken. Thread rules: one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace essequence::sidecar {

class RefillTimes {
 public:
  // Seconds. A round trip to a cluster nearby takes milliseconds; a request ends after some
  // seconds.
  static constexpr std::array<double, 11> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                     0.1,   0.25,   0.5,   1,    5};

  void took(std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    ++counts_[bucket];
    sum_ += seconds;
    last_ = std::chrono::system_clock::now();
  }
  void failed() { ++failures_; }

  // How many took at most kBounds[bound]; with kBounds.size(): all.
  std::uint64_t up_to(std::size_t bound) const {
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket <= bound; ++bucket) count += counts_[bucket];
    return count;
  }
  double sum() const { return sum_; }  // seconds
  std::uint64_t failures() const { return failures_; }
  std::optional<std::chrono::system_clock::time_point> last() const { return last_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
  std::uint64_t failures_ = 0;
  std::optional<std::chrono::system_clock::time_point> last_;
};

}  // namespace essequence::sidecar
