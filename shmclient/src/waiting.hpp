// Waiting for the sidecar to fill the ring.
//
// No wake-up is lost: each side publishes, then fences (seq_cst), then looks at the other's word.
//
//    taker                                   sidecar
//    claims ticket t                         clears the wanted bit
//    w := wake (acquire)                     looks at the counter: t is claimed
//    sets the wanted bit, rings              publishes: filled_end := …, wake += 1
//    filled_end > t ? no                     FUTEX_WAKE(wake)
//    FUTEX_WAIT(wake, w)
//
// Either the sidecar's look comes after the claim, and it publishes; or its clearing comes before
// our setting, and it is rung again. If it publishes between our look and our wait, `wake` is no
// longer w. There is no count of waiters, which a killed taker could leave wrong; a time limit on
// each wait is the backstop for a ringer that was killed between setting the bit and ringing.
#pragma once

#include "shmclient/src/failure.hpp"
#include "shmclient/src/open_sequence.hpp"

namespace essequence::shm {

enum class Woken {
  look_again,  // something changed
  expired,     // the deadline has passed
  moved,       // the directory names another ring now
};

// Waits until `ticket` is filled or cut, or the state says that it will not be. Throws Failure
// (FENCED, EXHAUSTED, NOT_FOUND) at once where the state is that.
Woken wait_for(Attached &ring, std::uint64_t ticket, const Place &place,
               Clock::time_point deadline);

// Why there was no id within the time: UNAVAILABLE if the sidecar's heartbeat is stale or its
// source unhealthy, else TIMEOUT.
Failure no_id(Attached &ring, const Place &place);

}  // namespace essequence::shm
