// Where an address lies: two mappings of a file give the same place for the same byte.
#pragma once

#include <cstdint>

namespace essequence::protocol {

// A number that two addresses share only if they are the same memory. Mappings are read when one is
// first asked for; forget_mappings() after one was made or replaced.
std::uint64_t place_of(const void *address);
void forget_mappings();

}  // namespace essequence::protocol
