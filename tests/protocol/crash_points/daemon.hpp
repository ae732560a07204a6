// The real essequenced, killed at a sample of its system calls from its first one on: while it
// makes or adopts the ring, fills it, resets it, and stops. A client is attached all the time.
#pragma once

#include "tests/protocol/crash_points/sweep.hpp"

namespace essequence::crash {

void sweep_daemon(Table &table);

}  // namespace essequence::crash
