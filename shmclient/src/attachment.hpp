// A validated mapping of one ring and its tickets. Attaching is opening and validating, nothing
// else: nothing is registered anywhere, so a client that is killed leaves nothing behind.
//
// Thread safety: immutable after construction; what it points to is shared with other processes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shmclient/src/descriptor.hpp"
#include "shmclient/src/layout.hpp"

namespace essequence::shm {

class Attachment {
 public:
  // A watcher only looks: the counters are mapped read-only too, and kick() is not for him.
  enum class Role { taker, watcher };

  // Maps `runtime_dir`/ring read-only and `runtime_dir`/tickets. Throws Failure: UNAVAILABLE (no
  // such files, or retired and half replaced), DENIED, VERSION (another layout), SYSTEM (damaged,
  // or a copy).
  explicit Attachment(const std::string &runtime_dir, Role role = Role::taker);

  const RingHeader &header() const { return *static_cast<RingHeader *>(ring_.get_address()); }
  TicketsHeader &tickets_header() const {
    return *static_cast<TicketsHeader *>(tickets_.get_address());
  }

  // The number of the sequence `name`, if it is in this ring.
  std::optional<std::uint32_t> find(std::string_view name) const;

  // `number` is below header().sequences.
  const SequenceEntry &entry(std::uint32_t number) const;
  CounterLine &counter(std::uint32_t number) const;

  // Tells the sidecar that `number` may need a refill. `insist`: also if somebody has told it
  // already and it has not looked yet (he may have been killed before he rang the bell).
  void kick(std::uint32_t number, bool insist) const;

  bool retired() const;

  // Whether `runtime_dir` still names the files that are mapped here.
  bool is_current(const std::string &runtime_dir) const;

 private:
  boost::interprocess::mapped_region ring_;
  boost::interprocess::mapped_region tickets_;
};

}  // namespace essequence::shm
