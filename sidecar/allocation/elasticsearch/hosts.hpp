// Which host is asked next: in turn, and those that failed lately only when no other is left.
//
// Thread rules: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace essequence::sidecar::elasticsearch {

class Hosts {
 public:
  using Clock = std::chrono::steady_clock;

  // REQUIRES: count > 0.
  explicit Hosts(std::size_t count) : hosts_(count) {}

  std::size_t count() const { return hosts_.size(); }

  // The next host that is not `tried`. A host in its back-off comes after all others, the one
  // whose back-off ends first before the rest. REQUIRES: not all are tried.
  std::size_t next(const std::vector<bool> &tried, Clock::time_point now);

  void answered(std::size_t host) { hosts_[host] = {}; }

  // Backs off from `host`: 1 s at first, twice as long each time, 30 s at most.
  void failed(std::size_t host, Clock::time_point now);

 private:
  struct Host {
    int failures = 0;
    Clock::time_point dead_until{};
  };
  std::vector<Host> hosts_;
  std::size_t turn_ = 0;
};

}  // namespace essequence::sidecar::elasticsearch
