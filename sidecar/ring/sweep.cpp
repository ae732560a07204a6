#include "sidecar/ring/sweep.hpp"

#include <algorithm>

namespace essequence::sidecar {

std::vector<std::uint32_t> Sweep::step() {
  std::vector<std::uint32_t> moved;
  const std::uint32_t sequences = ring_.sequences();
  seen_.resize(sequences);
  for (std::uint32_t passed = 0; passed < std::min(sequences, kStep); ++passed) {
    if (next_ >= sequences) next_ = 0;
    // Relaxed: who is looked at because of it is looked at again from the start.
    const std::uint64_t now = ring_.counter(next_).next.load(std::memory_order_relaxed);
    if (seen_[next_] != now) moved.push_back(next_);
    seen_[next_++] = now;
  }
  return moved;
}

}  // namespace essequence::sidecar
