// What the library asks of the sidecar through the control socket, with answers as statuses of the
// C interface. All throw Failure.
#pragma once

#include <essequence/essequence.h>

#include <cstdint>
#include <string>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

struct Place {
  std::string name;
  std::string runtime_dir;
  std::uint64_t bulk_size = 0;
};

// PUT: creates the sequence, or raises min_block of one that is there.
void create(const Place &place, Clock::time_point deadline);

// POST …/reset.
void reset_sequence(const Place &place, Clock::time_point deadline);

// POST …/take, for sequences whose ids are given on request (order = "cluster"): 1 to `wanted` ids.
// Tries again until the deadline while sidecar or source are away; then UNAVAILABLE.
essequence_run request_ids(const Place &place, std::uint32_t wanted, Clock::time_point deadline);

}  // namespace essequence::shm
