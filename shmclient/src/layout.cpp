#include "shmclient/src/layout.hpp"

#include <cstring>

namespace essequence::shm {
namespace {

// Frozen with the header: a layout that hashed it in another way could not retire this one's rings.
constexpr std::uint64_t kHeaderSeed = 1;

// Hashes the bytes [from, to) of `object`, a multiple of 8.
std::uint64_t checksum_of_bytes(std::uint64_t seed, const void *object, std::size_t from,
                                std::size_t to) {
  std::uint64_t sum = seed;
  for (std::size_t at = from; at < to; at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, static_cast<const char *>(object) + at, sizeof word);
    sum = mix(sum, word);
  }
  return sum;
}

}  // namespace

std::uint64_t checksum_of(const RingHeader &header) {
  return checksum_of_bytes(kHeaderSeed, &header, offsetof(RingHeader, layout),
                           offsetof(RingHeader, checksum));
}

std::uint64_t checksum_of(const Ledger &ledger) {
  return checksum_of_bytes(kLayout, &ledger, 0, offsetof(Ledger, checksum));
}

}  // namespace essequence::shm
