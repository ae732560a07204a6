// Waiting for the sidecar to fill the ring.
//
// No wake-up is lost, without a fence:
//
//    taker                                   sidecar
//    claims ticket t                         b := bell (acquire)
//    w := wake (acquire)                     takes and clears the wanted bits (acquire)
//    sets its bit (release)                  looks at the counters
//    bell += 1 (release), FUTEX_WAKE(bell)   publishes: filled_end := …, wake += 1 (release)
//    filled_end > t ? no                     FUTEX_WAKE(wake)
//    FUTEX_WAIT(wake, w)                     FUTEX_WAIT(bell, b)
//
// The sidecar hears of t: if it took the bit, it sees the claim that came before; if it cleared the
// bits before ours was set, then the bell is no longer b when it would sleep. (That it cannot see
// the bell rung and the bit not yet set is what the release and the acquire of the bell are for.)
// And the taker hears of the publication: either w is from before it, then `wake` is no longer w
// when he would sleep, or he is woken; or w is from after it, and then he sees filled_end. There is
// no count of waiters, which a killed taker could leave wrong; a time limit on each wait is the
// backstop for a ringer that was killed between setting the bit and ringing.
#pragma once

#include "shmclient/src/failure.hpp"
#include "shmclient/src/open_sequence.hpp"

namespace essequence::shm {

// Whether its ids come from the control socket, and never from the ring.
inline bool is_on_request(const SequenceEntry &entry) {
  return entry.state.load(std::memory_order_relaxed) ==
         static_cast<std::uint32_t>(State::on_request);
}

enum class Woken {
  look_again,  // something changed, or the ids are given on request
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
