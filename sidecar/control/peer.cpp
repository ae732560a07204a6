#include "sidecar/control/peer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace essequence::sidecar {
namespace {

std::vector<gid_t> supplementary_groups_of(int socket) {
  std::vector<gid_t> groups(64);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const bool known = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0;
    if (!known && errno != ERANGE) {
      throw std::system_error(errno, std::generic_category(), "asking for a peer's groups");
    }
    groups.resize(bytes / sizeof(gid_t));  // ERANGE tells how many there are
    if (known) return groups;
  }
}

}  // namespace

bool Peer::in_group(gid_t group) const {
  return gid == group ||
         std::find(supplementary.begin(), supplementary.end(), group) != supplementary.end();
}

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) {
    throw std::system_error(errno, std::generic_category(), "asking for a peer's credentials");
  }
  return {credentials.uid, credentials.gid, credentials.pid, supplementary_groups_of(socket)};
}

}  // namespace essequence::sidecar
