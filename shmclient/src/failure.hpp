// A failure on its way to the caller of the C interface: a status, and words for it.
#pragma once

#include <essequence/essequence.h>

#include <stdexcept>
#include <string>

namespace essequence::shm {

class Failure : public std::runtime_error {
 public:
  Failure(essequence_status status, const std::string &words)
      : std::runtime_error(words), status_(status) {}
  essequence_status status() const { return status_; }

 private:
  essequence_status status_;
};

// "opening /run/essequence/ring: Permission denied". EACCES and EPERM are DENIED, a missing file is
// UNAVAILABLE (no sidecar has run here), anything else SYSTEM.
Failure system_failure(const std::string &doing, int error);

}  // namespace essequence::shm
