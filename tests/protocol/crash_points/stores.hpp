// Stops the calling process before any store to the shared memory of an instance.
//
// Every writable mapping of a `ring` or a `tickets` file is made read-only, so that each store is a
// fault, whoever makes it: an assignment, an atomic instruction, or one step of a memset. The fault
// is counted, the page opened for one instruction by the trap flag, and closed again by the trap
// that follows. So no store can be forgotten, and the product has no hook in it. (`rep stos` and
// `rep movs` trap after each of their elements, so each element is a point of its own; a store that
// straddles two pages counts twice.)
//
// What the kernel writes for a system call would fail on a read-only page: getrandom() is the one
// such call, and goes through a buffer.
//
// Thread rules: one thread of the process stores; the others may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace essequence::crash {

// From here on stores count in `visited`, and the process dies by SIGKILL before the `kill_at`-th
// is done. 0: it lives.
void watch_stores(std::uint64_t kill_at, std::atomic<std::uint64_t> &visited);

}  // namespace essequence::crash
