// The least that any shared counter can cost, one `lock xadd` on a line of shared memory, and the
// loop that is put around it and around what is compared with it.
#pragma once

#include <atomic>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <cstdint>
#include <new>

#include "sidecar/ctl/race.hpp"

namespace essequence::ctl {

// Takes one after the other; their sum is used, so that the loop is not optimised away. A local
// copy of `take`, as a program has its sequence or counter in a local variable: what leads there
// stays in registers.
template <class Take>
Way one_by_one(const Take &take) {
  return [take](std::uint64_t takes) {
    Take local = take;  // NOLINT(performance-unnecessary-copy-initialization)
    std::uint64_t sum = 0;
    for (; takes > 0; --takes) sum += static_cast<std::uint64_t>(local());
    asm volatile("" : : "r"(sum));
  };
}

// A counter that forked processes share.
class BareCounter {
 public:
  BareCounter()
      : memory_(boost::interprocess::anonymous_shared_memory(sizeof(Line))),
        line_(new (memory_.get_address()) Line) {}

  Way xadd() const {
    std::atomic<std::uint64_t> &next = line_->next;
    return one_by_one([&next] { return next.fetch_add(1, std::memory_order_relaxed); });
  }

 private:
  struct Line {
    alignas(128) std::atomic<std::uint64_t> next{0};
  };
  const boost::interprocess::mapped_region memory_;
  Line *const line_;
};

}  // namespace essequence::ctl
