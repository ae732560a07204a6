#include "sidecar/ring/bell.hpp"

#include <bit>

namespace essequence::sidecar {

Bell::Heard Bell::look() const {
  Heard heard;
  // Both pair with the releases in Attachment::kick.
  heard.bell = ring_.tickets_header().bell.load(std::memory_order_acquire);
  const std::uint32_t sequences = ring_.header().sequences.load(std::memory_order_relaxed);
  for (std::uint32_t word = 0; word * 64 < sequences; ++word) {
    shm::Atomic<std::uint64_t> &bits = ring_.wanted()[word];
    if (bits.load(std::memory_order_relaxed) == 0) continue;
    std::uint64_t set = bits.exchange(0, std::memory_order_acquire);
    for (; set != 0; set &= set - 1) {
      const auto number = word * 64 + static_cast<std::uint32_t>(std::countr_zero(set));
      if (number < sequences) heard.numbers.push_back(number);  // clients can set any bit
    }
  }
  return heard;
}

void Bell::sleep(const Heard &heard, std::chrono::nanoseconds limit) const {
  shm::futex_wait(ring_.tickets_header().bell, heard.bell, limit);
}

void Bell::ring() const {
  ring_.tickets_header().bell.fetch_add(1, std::memory_order_relaxed);
  shm::futex_wake(ring_.tickets_header().bell);
}

}  // namespace essequence::sidecar
