#include "sidecar/control/history.hpp"

#include <algorithm>

namespace essequence::sidecar {

void History::add(const Activity &activity) {
  if (samples_.size() == kSamples) samples_.erase(samples_.begin());
  std::uint64_t all = 0;
  for (const auto &[name, taken] : activity.taken_of) all += taken;
  samples_.push_back({all, activity.refills, activity.slowest_refill_seconds});
  for (auto &[name, line] : lines_) line.taken[next_ % kSamples] = 0;
  forget_idle();
  all_busy_ = false;
  for (const auto &[name, taken] : activity.taken_of) note(name, taken);
  ++next_;
}

void History::note(const std::string &name, std::uint64_t taken) {
  auto found = lines_.find(name);
  if (found == lines_.end()) {
    if (all_busy_) return;
    if (lines_.size() >= kMostSequences) {
      const auto earlier = [](const auto &a, const auto &b) {
        return a.second.newest < b.second.newest;
      };
      const auto idle = std::min_element(lines_.begin(), lines_.end(), earlier);
      all_busy_ = idle->second.newest == next_;
      if (all_busy_) return;
      lines_.erase(idle);
    }
    found = lines_.try_emplace(name).first;
  }
  found->second.taken[next_ % kSamples] =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(taken, UINT32_MAX));
  found->second.newest = next_;
}

void History::forget_idle() {
  std::erase_if(lines_,
                [this](const auto &line) { return line.second.newest + kSamples <= next_; });
}

std::vector<std::uint32_t> History::taken_of(const std::string &name) const {
  std::vector<std::uint32_t> all;
  const auto found = lines_.find(name);
  if (found == lines_.end()) return all;
  for (std::uint64_t i = next_ - samples_.size(); i < next_; ++i) {
    all.push_back(found->second.taken[i % kSamples]);
  }
  return all;
}

}  // namespace essequence::sidecar
