// A ring that the test fills as the sidecar would.
#pragma once

#include <atomic>
#include <chrono>
#include <essequence/essequence.hpp>
#include <thread>

#include "sidecar/ring/slot.hpp"
#include "tests/unit/runtime_directory.hpp"

struct Filled {
  RuntimeDirectory directory;
  essequence::sidecar::RingFile ring{directory.path};
  essequence::sidecar::Slot slot{ring, append(ring)};

  static std::uint32_t append(essequence::sidecar::RingFile &to) {
    essequence::shm::Ledger ledger{};
    ledger.epoch = 1;
    return to.append("orders", ledger);
  }
  void publish(std::int64_t first, std::uint64_t count, std::uint64_t low_water = 0) {
    slot.ask(count);
    slot.publish(first, count, 1, low_water);
  }
  essequence::Sequence open(std::chrono::nanoseconds timeout = std::chrono::milliseconds(50)) {
    return essequence::Sequence("orders", {directory.path, timeout, 0});
  }
};

// How a take ends.
inline essequence_status status_of(essequence::Sequence &sequence) {
  try {
    sequence.next();
    return ESSEQUENCE_OK;
  } catch (const essequence::Error &error) {
    return error.status();
  }
}

// Keeps a slot filled, in a thread of its own, with small blocks: the next id is `next`.
class Refill {
 public:
  Refill(essequence::sidecar::Slot &slot, std::int64_t &next, std::uint64_t block = 100)
      : thread_([this, &slot, &next, block] {
          while (!done_) {
            if (slot.ready() < block && slot.has_room()) {
              slot.ask(block);
              slot.publish(next, block, 1, block / 4);
              next += static_cast<std::int64_t>(block);
            } else {
              std::this_thread::sleep_for(std::chrono::microseconds(50));
            }
          }
        }) {}
  ~Refill() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;  // last: it uses the others
};
