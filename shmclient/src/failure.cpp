#include "shmclient/src/failure.hpp"

#include <cerrno>
#include <system_error>

namespace essequence::shm {

Failure system_failure(const std::string &doing, int error) {
  const bool denied = error == EACCES || error == EPERM;
  const bool absent = error == ENOENT;
  std::string words = doing + ": " + std::generic_category().message(error);
  if (denied) words += " (is this user in the sidecar's group?)";
  if (absent) words += " (has essequenced been started?)";
  return Failure(denied   ? ESSEQUENCE_DENIED
                 : absent ? ESSEQUENCE_UNAVAILABLE
                          : ESSEQUENCE_SYSTEM,
                 words);
}

}  // namespace essequence::shm
