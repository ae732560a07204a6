// What a run works on: a ring with the sequences "orders" and "users", in the same state at the
// start of each run, and a check of all that its takers are given.
#pragma once

#include <cstdint>
#include <essequence/essequence.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/ring/bell.hpp"
#include "sidecar/ring/slot.hpp"
#include "tests/protocol/schedule/machine.hpp"
#include "tests/unit/runtime_directory.hpp"

namespace essequence::protocol {

// Ids as they are granted and returned. All of it happens between two steps of the scheduler.
// Epoch e has the ids from e × 2^40 on, so that an id tells its epoch.
class Ids {
 public:
  static std::int64_t first_of(std::uint64_t epoch) {
    return static_cast<std::int64_t>(epoch << 40) + 1;
  }
  static std::uint64_t epoch_of(std::int64_t id) { return static_cast<std::uint64_t>(id) >> 40; }

  // The next `count` ids of `epoch`, granted to this host: the first of them.
  std::int64_t grant(std::uint64_t epoch, std::uint64_t count);
  // A taker got it. Empty, or what is wrong.
  std::string take(std::int64_t id);

  std::uint64_t taken() const { return taken_.size(); }
  // Whether the ids that were taken are the first ones that were granted in `epoch`.
  bool are_dense(std::uint64_t epoch) const;

 private:
  std::map<std::uint64_t, std::int64_t> granted_below_;  // by epoch
  std::map<std::int64_t, int> taken_;
};

class World {
 public:
  // As at the start: with a ring in which every record was used, or `fresh`. The handles of the
  // last run are closed.
  void renew(bool fresh);
  // Retires the ring and makes another one; the next renew() begins with new files.
  sidecar::RingFile &replace_ring();

  const std::string &directory() const { return directory_.path; }
  const sidecar::RingFile &ring() const { return *ring_; }
  Sequence &open(std::chrono::nanoseconds timeout, const char *name = "orders");
  // As a child finds it that was forked after the open.
  Sequence &open_before_fork(std::chrono::nanoseconds timeout);
  void close();

  Ids ids;
  // What takers tell each other, as over a socket: nothing below it may be returned by a take that
  // begins after this was read, and nothing of an earlier epoch.
  shm::Atomic<std::uint64_t> newest{0};
  shm::Atomic<std::uint64_t> epoch_told{0};

  // What a run is checked for when it has ended.
  bool check_accounts = true;
  bool nothing_was_dropped = false;
  bool all_was_returned = false;  // no lease, no deadline, no cut
  std::function<void(sidecar::Slot &)> afterwards;
  // Throws Violation.
  void check();

 private:
  void make_ring();

  RuntimeDirectory directory_;
  bool spoilt_ = true;
  std::uint64_t used_ids_ = 0;
  std::optional<sidecar::RingFile> ring_, replacement_;
  struct Image {
    std::vector<char> entry, line;
  };
  Image image_of(std::uint32_t number) const;
  void restore(std::uint32_t number, const Image &image);
  Image fresh_, used_, other_;
  std::vector<std::unique_ptr<Sequence>> handles_;
};

}  // namespace essequence::protocol
