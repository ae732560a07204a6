// The ways to take ids that the benchmarks compare, and the least that any shared counter can cost:
// one `lock xadd` on a line of shared memory. The same loop around each.
#pragma once

#include <atomic>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <cstdint>
#include <essequence/essequence.hpp>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "sidecar/ctl/race.hpp"

namespace essequence::bench {

// Takes one after the other; their sum is used, so that the loop is not optimised away.
template <class Take>
ctl::Way one_by_one(Take take) {
  return [take](std::uint64_t takes) mutable {
    std::uint64_t sum = 0;
    for (; takes > 0; --takes) sum += static_cast<std::uint64_t>(take());
    asm volatile("" : : "r"(sum));
  };
}

// A counter that forked processes share.
class BareCounter {
 public:
  BareCounter()
      : memory_(boost::interprocess::anonymous_shared_memory(sizeof(Line))),
        line_(new (memory_.get_address()) Line) {}

  ctl::Way xadd() const {
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

using Handle = std::shared_ptr<Sequence>;

inline Handle open(const std::string &runtime_dir, const std::string &name) {
  Options options;
  options.runtime_dir = runtime_dir;
  options.timeout = std::chrono::seconds(20);
  return std::make_shared<Sequence>(name, options);
}

inline ctl::Way by_next(Handle handle) {
  return one_by_one([handle = std::move(handle)] { return handle->next(); });
}

// The lease is a local variable of who takes, as it should be where the last nanosecond counts. So
// what is left of it at the end of the chunk is lost: chunks are a multiple of it.
inline ctl::Way by_lease(Handle handle, std::uint32_t ids) {
  return [handle = std::move(handle), ids](std::uint64_t takes) {
    Lease lease(*handle, ids);
    std::uint64_t sum = 0;  // not by one_by_one(), which would want its address
    for (; takes > 0; --takes) sum += static_cast<std::uint64_t>(lease.next());
    asm volatile("" : : "r"(sum));
  };
}

inline ctl::Way by_take(Handle handle, std::uint32_t ids) {
  return [handle = std::move(handle), ids](std::uint64_t takes) {
    while (takes > 0) {
      takes -= handle->take(static_cast<std::uint32_t>(std::min<std::uint64_t>(takes, ids))).count;
    }
  };
}

}  // namespace essequence::bench
