#include "sidecar/allocation/elasticsearch/hosts.hpp"

#include <algorithm>

namespace essequence::sidecar::elasticsearch {

std::size_t Hosts::next(const std::vector<bool> &tried, Clock::time_point now) {
  std::size_t best = hosts_.size();
  for (std::size_t step = 0; step < hosts_.size(); ++step) {
    const std::size_t host = (turn_ + step) % hosts_.size();
    if (tried[host]) continue;
    if (hosts_[host].dead_until <= now) {
      best = host;
      break;
    }
    if (best == hosts_.size() || hosts_[host].dead_until < hosts_[best].dead_until) best = host;
  }
  turn_ = (best + 1) % hosts_.size();
  return best;
}

void Hosts::failed(std::size_t host, Clock::time_point now) {
  auto &failing = hosts_[host];
  failing.failures = std::min(failing.failures + 1, 6);
  const auto pause = std::chrono::seconds(1) * (1 << (failing.failures - 1));
  failing.dead_until = now + std::min<Clock::duration>(pause, std::chrono::seconds(30));
}

}  // namespace essequence::sidecar::elasticsearch
