#include "shmclient/src/waiting.hpp"

#include <algorithm>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/machine.hpp"
#include "shmclient/src/patience.hpp"

namespace essequence::shm {
namespace {

bool heartbeat_is_stale(Attached &ring) {
  const std::uint64_t beat = ring.memory.header().heartbeat.load(std::memory_order_relaxed);
  const std::int64_t now = Clock::now().time_since_epoch().count();
  if (ring.heartbeat.exchange(beat, std::memory_order_relaxed) != beat) {
    ring.heartbeat_seen_at.store(now, std::memory_order_relaxed);
    return false;
  }
  const std::int64_t seen = ring.heartbeat_seen_at.load(std::memory_order_relaxed);
  return now - seen >= std::chrono::nanoseconds(kStale).count();
}

// The state as a failure, unless it is `open`.
void require_open(const SequenceEntry &entry, const std::string &name) {
  switch (static_cast<State>(entry.state.load(std::memory_order_relaxed))) {
    case State::open:
    case State::on_request:
      return;
    case State::fenced:
      throw Failure(ESSEQUENCE_FENCED, "sequence \"" + name +
                                           "\" is stopped, because going on could repeat an id: "
                                           "`essequencectl show` says why and how to go on");
    case State::exhausted:
      throw Failure(ESSEQUENCE_EXHAUSTED, "sequence \"" + name + "\" has reached its max");
    case State::deleted:
      throw Failure(ESSEQUENCE_NOT_FOUND, "sequence \"" + name + "\" was deleted");
  }
  throw Failure(ESSEQUENCE_SYSTEM, "sequence \"" + name + "\" has an unknown state in the ring");
}

}  // namespace

Woken wait_for(Attached &ring, std::uint64_t ticket, const Place &place,
               Clock::time_point deadline) {
  const SequenceEntry &entry = ring.entry();
  for (;;) {
    // Pairs with Slot::wake: who reads the word as it is after a publication sees the publication.
    const std::uint32_t wake = entry.wake.load(std::memory_order_acquire);
    ring.memory.kick(ring.number, true);
    if (entry.filled_end.load(std::memory_order_relaxed) > ticket || ring.memory.retired()) {
      return Woken::look_again;
    }
    require_open(entry, place.name);
    if (is_on_request(entry)) return Woken::look_again;
    if (!ring.memory.is_current(place.runtime_dir)) return Woken::moved;
    heartbeat_is_stale(ring);  // begins to watch it
    const std::chrono::nanoseconds left = time_left(deadline);
    if (left.count() == 0) return Woken::expired;
    futex_wait(entry.wake, wake, std::min(left, kLongestSleep));
  }
}

Failure no_id(Attached &ring, const Place &place) {
  if (heartbeat_is_stale(ring)) {
    return {ESSEQUENCE_UNAVAILABLE, "sequence \"" + place.name +
                                        "\": no id within the timeout, and the sidecar of " +
                                        place.runtime_dir + " is not running"};
  }
  if (ring.memory.header().source_healthy.load(std::memory_order_relaxed) == 0) {
    return {ESSEQUENCE_UNAVAILABLE,
            "sequence \"" + place.name +
                "\": no id within the timeout, and the sidecar cannot reach its source: "
                "`essequencectl status` says why"};
  }
  return {ESSEQUENCE_TIMEOUT, "sequence \"" + place.name + "\": no id within the timeout"};
}

}  // namespace essequence::shm
