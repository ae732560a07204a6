// The ways to take ids that the benchmarks compare.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <essequence/essequence.hpp>
#include <memory>
#include <utility>

#include "sidecar/ctl/bare_counter.hpp"

namespace essequence::bench {

using ctl::BareCounter;
using ctl::one_by_one;

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
