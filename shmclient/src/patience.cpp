#include "shmclient/src/patience.hpp"

#include <algorithm>

namespace essequence::shm {
namespace {

thread_local essequence_patience ask = nullptr;
thread_local void *asked = nullptr;

}  // namespace

void set_patience(essequence_patience patience, void *context) {
  ask = patience;
  asked = context;
}

std::chrono::nanoseconds time_left(Clock::time_point deadline) {
  constexpr std::chrono::nanoseconds none{0};
  const std::chrono::nanoseconds left =
      std::max<std::chrono::nanoseconds>(deadline - Clock::now(), none);
  if (left == none || ask == nullptr) return left;
  return std::clamp(std::chrono::nanoseconds(ask(asked)), none, left);
}

}  // namespace essequence::shm
