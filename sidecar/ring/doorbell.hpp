// Listens to the bell on a thread of its own, because it sleeps on a futex. It tells the event
// loop which sequences may need a refill; what they need is decided there by the level of their
// counters, never by the number of kicks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "sidecar/ring/bell.hpp"

namespace essequence::sidecar {

class Doorbell {
 public:
  // `wanted` is called on the doorbell's thread with the numbers of the sequences.
  Doorbell(const RingFile &ring, std::function<void(std::vector<std::uint32_t>)> wanted);
  ~Doorbell();

 private:
  void listen();

  const Bell bell_;
  const std::function<void(std::vector<std::uint32_t>)> wanted_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses the others
};

}  // namespace essequence::sidecar
