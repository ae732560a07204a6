#include "sidecar/refill/contention.hpp"

#include <algorithm>

namespace essequence::sidecar {

constexpr int kMostSteps = 6;
constexpr int kMostDoublings = 3;
constexpr int kCalmGrants = 4;
constexpr std::chrono::milliseconds kFirstPause{5};

void Contention::conflicted() {
  steps_ = std::min(steps_ + 1, kMostSteps);
  calm_ = 0;
}

void Contention::granted() {
  if (++calm_ < kCalmGrants) return;
  steps_ = std::max(steps_ - 1, 0);
  calm_ = 0;
}

std::uint64_t Contention::factor() const {
  return std::uint64_t{1} << std::min(steps_, kMostDoublings);
}

std::chrono::nanoseconds Contention::pause() const {
  return steps_ == 0 ? std::chrono::nanoseconds(0) : kFirstPause * (1 << 2 * (steps_ - 1));
}

}  // namespace essequence::sidecar
