// Makes a ring that no benchmark empties: one block of 10^15 ids of one sequence, and no sidecar,
// which nobody misses while there are ids.
//
//   full_ring DIRECTORY SEQUENCE
#include <cstdio>
#include <exception>

#include "sidecar/ring/slot.hpp"

int main(int argc, char **argv) {
  using namespace essequence;
  if (argc != 3) {
    std::fprintf(stderr, "usage: full_ring DIRECTORY SEQUENCE\n");
    return 64;
  }
  try {
    sidecar::prepare_runtime_directory(argv[1]);
    sidecar::RingFile ring(argv[1]);
    shm::Ledger ledger{};
    ledger.epoch = 1;
    sidecar::Slot slot(ring, ring.append(argv[2], ledger));
    constexpr std::uint64_t kIds = 1'000'000'000'000'000;
    slot.ask(kIds);
    slot.publish(1, kIds, 1, 0);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "full_ring: %s\n", error.what());
    return 1;
  }
}
