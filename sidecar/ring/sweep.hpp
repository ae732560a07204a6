// Finds the sequences whose counter moved, at a cost that does not depend on how many there are:
// each step passes the next few counters, and touches nothing else of their sequences.
//
// It is the safety net under the bell. Takers ring when a sequence needs ids; what nobody rings for
// is found here: takes above the low-water mark, a kick whose taker was killed, and a counter that
// was damaged. All of them move the counter.
//
// Thread rules: the event loop only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sidecar/ring/ring_file.hpp"

namespace essequence::sidecar {

class Sweep {
 public:
  // Some tens of microseconds.
  static constexpr std::uint32_t kStep = 2048;

  explicit Sweep(const RingFile &ring) : ring_(ring) {}

  // Passes the next kStep counters, of all sequences in turn. Returns the numbers of those that are
  // not what they were when they were passed last; of each one at its first pass.
  std::vector<std::uint32_t> step();

 private:
  const RingFile &ring_;
  std::vector<std::optional<std::uint64_t>> seen_;
  std::uint32_t next_ = 0;
};

}  // namespace essequence::sidecar
