#include "shmclient/src/open_sequence.hpp"

#include <algorithm>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/patience.hpp"
#include "shmclient/src/sidecar_verbs.hpp"

namespace essequence::shm {
namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(20);

// A wish for larger blocks; that nobody hears it is no reason to fail an open.
void tell_bulk_size(const Place &place, const Attached &attached, Clock::time_point deadline) {
  if (place.bulk_size <= attached.entry().min_block.load(std::memory_order_relaxed)) return;
  try {
    create(place, std::min(deadline, Clock::now() + std::chrono::seconds(1)));
  } catch (const Failure &) {
  }
}

std::unique_ptr<Attached> attach(const Place &place, Clock::time_point deadline) {
  Attachment memory(place.runtime_dir);
  if (memory.retired()) {
    throw Failure(ESSEQUENCE_UNAVAILABLE,
                  place.runtime_dir + "/ring is retired and not yet replaced");
  }
  std::optional<std::uint32_t> number = memory.find(place.name);
  const bool found = number.has_value();
  if (!found) {
    create(place, deadline);
    number = memory.find(place.name);
  }
  if (!number) throw Failure(ESSEQUENCE_UNAVAILABLE, "the sidecar moved to a new ring meanwhile");
  auto attached = std::make_unique<Attached>(std::move(memory), *number);
  if (found) tell_bulk_size(place, *attached, deadline);
  return attached;
}

}  // namespace

std::unique_ptr<Attached> open_sequence(const Place &place, Clock::time_point deadline) {
  for (;;) {
    try {
      return attach(place, deadline);
    } catch (const Failure &failure) {
      // Whoever starts together with the sidecar waits for it.
      if (failure.status() != ESSEQUENCE_UNAVAILABLE || time_left(deadline) <= kRetryPause) throw;
    }
    sleep_for(kRetryPause);
  }
}

}  // namespace essequence::shm
