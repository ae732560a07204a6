#include "sidecar/ring/doorbell.hpp"

#include <bit>
#include <utility>

#include "shmclient/src/futex.hpp"

namespace essequence::sidecar {

// A client may be killed between setting its bit and ringing: look at least this often.
constexpr std::chrono::milliseconds kLongestSleep{100};

Doorbell::Doorbell(const RingFile &ring, std::function<void(std::vector<std::uint32_t>)> wanted)
    : ring_(ring), wanted_(std::move(wanted)), thread_([this] { listen(); }) {}

Doorbell::~Doorbell() {
  stopping_ = true;
  ring_.tickets_header().bell.fetch_add(1);
  shm::futex_wake(ring_.tickets_header().bell);
  thread_.join();
}

void Doorbell::listen() {
  const std::atomic<std::uint32_t> &bell = ring_.tickets_header().bell;
  while (!stopping_) {
    const std::uint32_t heard = bell.load(std::memory_order_seq_cst);
    std::vector<std::uint32_t> numbers = collect();
    if (!numbers.empty()) wanted_(std::move(numbers));
    shm::futex_wait(bell, heard, kLongestSleep);
  }
}

std::vector<std::uint32_t> Doorbell::collect() {
  std::vector<std::uint32_t> numbers;
  const std::uint32_t sequences = ring_.header().sequences.load(std::memory_order_acquire);
  for (std::uint32_t word = 0; word * 64 < sequences; ++word) {
    std::atomic<std::uint64_t> &bits = ring_.wanted()[word];
    if (bits.load(std::memory_order_relaxed) == 0) continue;
    // seq_cst: pairs with the fetch_or in Attachment::kick. The bit is cleared before the counter
    // is looked at, so a ticket that is claimed later sets it again.
    std::uint64_t set = bits.exchange(0, std::memory_order_seq_cst);
    for (; set != 0; set &= set - 1) {
      const auto number = word * 64 + static_cast<std::uint32_t>(std::countr_zero(set));
      if (number < sequences) numbers.push_back(number);  // clients can set any bit
    }
  }
  return numbers;
}

}  // namespace essequence::sidecar
