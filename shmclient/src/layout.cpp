#include "shmclient/src/layout.hpp"

#include <cstring>

namespace essequence::shm {
namespace {

// Hashes the bytes [from, to) of `object`, whose size is a multiple of 8.
std::uint64_t checksum_of_bytes(const void *object, std::size_t from, std::size_t to) {
  std::uint64_t sum = kLayout;
  for (std::size_t at = from; at < to; at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, static_cast<const char *>(object) + at, sizeof word);
    sum = mix(sum, word);
  }
  return sum;
}

}  // namespace

std::uint64_t checksum_of(const RingHeader &header) {
  return checksum_of_bytes(&header, offsetof(RingHeader, layout), offsetof(RingHeader, checksum));
}

std::uint64_t checksum_of(const Ledger &ledger) {
  return checksum_of_bytes(&ledger, 0, offsetof(Ledger, checksum));
}

}  // namespace essequence::shm
