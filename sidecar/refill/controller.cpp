#include "sidecar/refill/controller.hpp"

#include <algorithm>
#include <cmath>

#include "shmclient/src/layout.hpp"

namespace essequence::sidecar {
namespace {

using Seconds = std::chrono::duration<double>;

// A burst shorter than this counts as if it had lasted so long: a hundred takes at once are not yet
// a reason to hold millions of ids.
constexpr double kShortestBurst = 0.1;
constexpr double kWindow = 0.25;
constexpr double kHalvingsPerCover = 4;
constexpr double kRateMemory = 0.7;                 // what operators see moves within a second
constexpr std::chrono::seconds kLongestCatchUp{1};  // with what waited
constexpr double kRefillsAhead = 4;
constexpr std::uint64_t kBlocksAhead = shm::kMaxBlocks / 2;
constexpr double kRefillFades = 0.9;  // per refill
constexpr double kGrowth = 4;         // of a block that was not enough

double seconds_between(RefillController::TimePoint from, RefillController::TimePoint to) {
  return std::max(Seconds(to - from).count(), 0.0);
}

// Of `wanted` ids, which may be more than a number holds.
std::uint64_t whole(double wanted, std::uint64_t most) {
  return wanted >= static_cast<double>(most) ? most : static_cast<std::uint64_t>(wanted);
}

}  // namespace

void RefillController::taken(std::uint64_t ids, TimePoint now) {
  in_window_ += ids;
  const double elapsed = seconds_between(window_begin_, now);
  const double others = in_window_ > 1 ? static_cast<double>(in_window_ - 1) : 0;
  peak_ = std::max(peak(now), others / std::max(elapsed, kShortestBurst));
  peak_at_ = now;
  if (elapsed < kWindow || empty_since_ || now < caught_up_at_) return;
  const double kept = std::exp(-elapsed / kRateMemory);
  rate_ = kept * rate_ + (1 - kept) * static_cast<double>(in_window_) / elapsed;
  in_window_ = 0;
  window_begin_ = now;
}

void RefillController::ran_empty(TimePoint now) {
  const double enough = kGrowth * static_cast<double>(last_block_);
  peak_ = std::max(peak(now), enough / half_cover());
  peak_at_ = now;
  empty_since_ = now;
}

void RefillController::refilled(std::uint64_t ids, std::chrono::nanoseconds took, TimePoint now) {
  last_block_ = ids;
  if (empty_since_) {
    caught_up_at_ = now + std::min<std::chrono::nanoseconds>(now - *empty_since_, kLongestCatchUp);
    empty_since_.reset();
  }
  slowest_refill_ = std::max(kRefillFades * slowest_refill_, Seconds(took).count());
}

std::uint64_t RefillController::block(TimePoint now) const {
  return std::max(min_block_, whole(peak(now) * half_cover(), max_block_));
}

std::uint64_t RefillController::low_water(TimePoint now) const {
  const std::uint64_t cover = whole(2 * half_cover() * peak(now), kBlocksAhead * max_block_);
  const double during_refills = kRefillsAhead * slowest_refill_ * peak(now);
  return std::max({2 * block(now), cover, whole(during_refills, std::uint64_t{1} << 62)});
}

double RefillController::rate(TimePoint now) const {
  const double rate = rate_ * std::exp(-seconds_between(window_begin_, now) / kRateMemory);
  return rate < 0.01 ? 0 : rate;
}

double RefillController::peak(TimePoint now) const {
  const double halvings = kHalvingsPerCover * seconds_between(peak_at_, now) / (2 * half_cover());
  return peak_ * std::exp2(-halvings);
}

}  // namespace essequence::sidecar
