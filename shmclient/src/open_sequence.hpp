// Finding a sequence in the ring of a runtime directory, or having the sidecar create it.
#pragma once

#include <cstdint>
#include <memory>

#include "shmclient/src/attachment.hpp"
#include "shmclient/src/deadline.hpp"
#include "shmclient/src/sidecar_verbs.hpp"

namespace essequence::shm {

// A sequence in one mapped ring.
struct Attached {
  Attached(Attachment mapped, std::uint32_t its_number)
      : memory(std::move(mapped)), number(its_number) {}

  const Attachment memory;
  const std::uint32_t number;

  // Another one for each ring that this process ever attached, and its parents: no address tells
  // two rings apart, because what was closed may have lain there.
  const std::uint64_t serial = next_serial();

  // The heartbeat as it was last seen to change, by the observer's own clock.
  Atomic<std::uint64_t> heartbeat{0};
  Atomic<std::int64_t> heartbeat_seen_at{0};

  // Earlier rings of the same handle. They stay mapped until it is closed, because another thread
  // may be inside a take with one.
  std::unique_ptr<Attached> previous;

  const SequenceEntry &entry() const { return memory.entry(number); }
  CounterLine &counter() const { return memory.counter(number); }

 private:
  static std::uint64_t next_serial() {
    static Atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
};

// Waits, within the deadline, for a ring that is not retired and for the sidecar to create the
// sequence in it. A sequence that is there needs no sidecar. Throws Failure.
std::unique_ptr<Attached> open_sequence(const Place &place, Clock::time_point deadline);

}  // namespace essequence::shm
