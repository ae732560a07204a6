// Where an address lies: two mappings of a file give the same place for the same byte.
#pragma once

#include <cstdint>

namespace essequence::protocol {

// A number that two addresses share only if they are the same memory.
std::uint64_t place_of(const void *address);

// Unmaps what was mapped since and is mapped still: by threads that never came to their end.
class Mappings {
 public:
  Mappings();
  ~Mappings();
};

}  // namespace essequence::protocol
