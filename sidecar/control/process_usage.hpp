// What this process takes of the machine, for /metrics.
#pragma once

#include <cstdint>

namespace essequence::sidecar {

struct ProcessUsage {
  double cpu_seconds = 0;  // of all threads, in user and kernel
  double started_at = 0;   // Unix time
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_files = 0;
};

// What cannot be seen is 0.
ProcessUsage usage_of_this_process();

}  // namespace essequence::sidecar
