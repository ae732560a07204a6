// Takers of a play, and what they check of each id.
#pragma once

#include "tests/protocol/schedule/world.hpp"

namespace essequence::protocol {

// Stops the run unless `wrong` is empty.
void require(const std::string &wrong);

// Takes `count` times, in every way there is. A take whose deadline passes counts too.
void take_some(World &world, Sequence &sequence, int count);
// So many ids by next().
void take_next(World &world, Sequence &sequence, int count);
// So many by leases of two.
void take_leased(World &world, Sequence &sequence, int count);
// So many ids in runs, one after the other: quickly past many blocks.
void take_runs(World &world, Sequence &sequence, int count);

}  // namespace essequence::protocol
