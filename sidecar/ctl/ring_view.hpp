// What shared memory shows of an instance, with no word from its sidecar: so also of a dead one.
//
// It needs the files and nothing else, maps them read-only, and trusts nothing that it finds there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shmclient/src/attachment.hpp"

namespace essequence::ctl {

struct SequenceView {
  std::string name;
  std::string state;  // fenced, exhausted, starved, filling, ready; on_request: order = "cluster";
                      // damaged: its accounts contradict themselves
  std::uint64_t epoch = 0;
  std::optional<std::int64_t> next_id;
  std::uint64_t ready_ids = 0;
  std::uint64_t taken_total = 0;
  std::uint64_t refills_total = 0;
  std::uint64_t stalls_total = 0;
  std::uint64_t dropped_by_clients = 0;
};

struct RingView {
  std::chrono::steady_clock::time_point at;
  std::uint64_t heartbeat = 0;
  std::optional<double> heartbeat_age;  // seconds; absent where the sidecar does not note it
  std::uint32_t sidecar_pid = 0;        // as the sidecar itself sees it
  bool source_healthy = false;
  std::vector<SequenceView> sequences;  // as numbered in the ring, without deleted ones
};

RingView look_at(const shm::Attachment &ring);

}  // namespace essequence::ctl
