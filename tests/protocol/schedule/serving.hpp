// Sidecars of a play: the ring's side of one, with grants that cost nothing.
#pragma once

#include "tests/protocol/schedule/world.hpp"

namespace essequence::protocol {

// Lays in blocks until `wanted` ids are ready, or no record is free.
void refill(World &world, sidecar::Slot &slot, std::uint64_t wanted);

// Takes the ring over and serves whoever rings the bell, for ever.
void serve(World &world);
// The same, after a reset and telling that it is done.
void reset_and_serve(World &world);
// Retires the ring, makes another one, and serves that.
void replace_and_serve(World &world);

// Ready ids that are left when takers ask for more, and how many are laid in then.
constexpr std::uint64_t kLowWater = 2;
constexpr std::uint64_t kEnough = 2;

}  // namespace essequence::protocol
