#include "sidecar/allocation/identity.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace essequence::sidecar {

std::string random_identity() {
  std::array<unsigned char, 16> bytes;
  // Up to 256 bytes come whole or not at all; a signal can only interrupt the wait for entropy.
  while (::getrandom(bytes.data(), bytes.size(), 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace essequence::sidecar
