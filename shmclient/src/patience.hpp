// How long a call may still wait: until its deadline, and for as long as its caller has patience
// (include/essequence/waiting.h).
//
// THREAD SAFETY: everything is the calling thread's own.
#pragma once

#include <essequence/waiting.h>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

// Longest sleep between two looks: the backstop against a lost kick, how soon a waiter finds a ring
// that was replaced without being retired, and how often a caller is asked.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(100);

// Whom this thread's calls ask; NULL: nobody.
void set_patience(essequence_patience patience, void *context);

// Zero where the wait is over. Whoever is about to wait calls it each time, and then waits no
// longer than that and kLongestSleep.
std::chrono::nanoseconds time_left(Clock::time_point deadline);

}  // namespace essequence::shm
