#include "sidecar/ring/doorbell.hpp"

#include <utility>

namespace essequence::sidecar {

// A client may be killed between setting its bit and ringing: look at least this often.
constexpr std::chrono::milliseconds kLongestSleep{100};

Doorbell::Doorbell(const RingFile &ring, std::function<void(std::vector<std::uint32_t>)> wanted)
    : bell_(ring), wanted_(std::move(wanted)), thread_([this] { listen(); }) {}

Doorbell::~Doorbell() {
  stopping_ = true;
  bell_.ring();
  thread_.join();
}

void Doorbell::listen() {
  while (!stopping_) {
    Bell::Heard heard = bell_.look();
    if (!heard.numbers.empty()) wanted_(std::move(heard.numbers));
    bell_.sleep(heard, kLongestSleep);
  }
}

}  // namespace essequence::sidecar
