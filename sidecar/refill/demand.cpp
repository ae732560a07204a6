#include "sidecar/refill/demand.hpp"

#include <algorithm>

namespace essequence::sidecar {

// A burst shorter than this counts as if it had lasted so long: a hundred takes at once are not yet
// a reason to hold millions of ids.
constexpr double kShortestBurst = 0.1;
constexpr double kWindow = 0.25;
constexpr double kPeakDecay = 0.9;      // per window: half in 1.6 s
constexpr double kRateSmoothing = 0.3;  // per window: what operators see moves within a second

void Demand::note(std::uint64_t claimed, TimePoint now) {
  in_window_ += claimed;
  const double elapsed = std::chrono::duration<double>(now - window_begin_).count();
  const double current = static_cast<double>(in_window_) / std::max(elapsed, kShortestBurst);
  peak_ = std::max(peak_, current);
  if (elapsed < kWindow) return;
  peak_ = std::max(peak_ * kPeakDecay, current);
  rate_ += kRateSmoothing * (current - rate_);
  if (rate_ < 0.01) rate_ = 0;
  in_window_ = 0;
  window_begin_ = now;
}

std::uint64_t Demand::block_size(const SequenceConfig &config) const {
  const double half_cover = std::chrono::duration<double>(config.cover).count() / 2;
  const double wanted = peak_ * half_cover;
  if (wanted >= static_cast<double>(config.max_block)) return config.max_block;
  return std::max(config.min_block, static_cast<std::uint64_t>(wanted));
}

}  // namespace essequence::sidecar
