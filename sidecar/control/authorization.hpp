// Who may what on the control socket. Root and the sidecar's own user may everything; members of
// control.admin_group may use the whole socket; the group reads, opens, takes, and resets where
// control.reset says so. control.reset = "never" binds everybody.
//
// Thread rules: the event loop only. Everything throws Refusal 403, which names the group or the
// setting that would allow it.
#pragma once

#include <optional>
#include <string>

#include "sidecar/config/config.hpp"
#include "sidecar/control/peer.hpp"

namespace essequence::sidecar {

enum class Right {
  read,
  take,
  open,   // the group where auto_create is set for the name, else admin
  reset,  // as control.reset says
  admin,
};

class Authorization {
 public:
  // Looks up the admin group once, because a lookup may ask the network. `group`: of the runtime
  // directory, and so of the socket.
  Authorization(Config config, uid_t own_user, gid_t group);

  // `name`: the sequence that is asked for; empty where it is none.
  void require(const Peer &peer, Right right, const std::string &name) const;

  bool is_admin(const Peer &peer) const;

 private:
  void require_admin(const Peer &peer, const std::string &type, const std::string &doing,
                     const std::string &or_else) const;

  Config config_;
  uid_t own_user_;
  gid_t group_;
  std::optional<gid_t> admin_group_;  // absent: there is no group of that name
};

}  // namespace essequence::sidecar
