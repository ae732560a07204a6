// Who is at the other end of a Unix socket, as the kernel noted it when the connection was made.
#pragma once

#include <sys/types.h>

#include <vector>

namespace essequence::sidecar {

struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> supplementary;

  bool in_group(gid_t group) const;
};

// Throws std::system_error.
Peer peer_of(int socket);

}  // namespace essequence::sidecar
