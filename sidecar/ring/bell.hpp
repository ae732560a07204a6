// The sidecar's side of Attachment::kick: which sequences takers asked for, and sleeping until one
// does. The picture of both sides is in shmclient/src/waiting.hpp.
//
// Thread rules: one listener; ring() from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sidecar/ring/ring_file.hpp"

namespace essequence::sidecar {

class Bell {
 public:
  explicit Bell(const RingFile &ring) : ring_(ring) {}

  // What was asked for since the last look.
  struct Heard {
    std::vector<std::uint32_t> numbers;
    std::uint32_t bell;
  };
  // The bits are cleared before the caller looks at a counter: a ticket that is claimed after his
  // look sets its bit again.
  Heard look() const;

  // Sleeps until the bell rings after that look, at most `limit`.
  void sleep(const Heard &heard, std::chrono::nanoseconds limit) const;

  // Wakes the listener.
  void ring() const;

 private:
  const RingFile &ring_;
};

}  // namespace essequence::sidecar
