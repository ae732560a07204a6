#include "sidecar/control/authorization.hpp"

#include <grp.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "sidecar/refill/refusal.hpp"

namespace essequence::sidecar {
namespace {

// The largest entry that is worth reading: a group with tens of thousands of members.
constexpr std::size_t kLargestGroupEntry = 16 * 1024 * 1024;

std::optional<gid_t> find_group(const std::string &name) {
  group entry{};
  group *found = nullptr;
  std::vector<char> space(4096);
  while (getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found) == ERANGE &&
         space.size() < kLargestGroupEntry) {
    space.resize(space.size() * 2);
  }
  return found == nullptr ? std::nullopt : std::optional(entry.gr_gid);
}

std::string described(gid_t gid) {
  group entry{};
  group *found = nullptr;
  std::vector<char> space(64 * 1024);
  getgrgid_r(gid, &entry, space.data(), space.size(), &found);
  return found == nullptr ? "group " + std::to_string(gid)
                          : "group '" + std::string(entry.gr_name) + "'";
}

}  // namespace

Authorization::Authorization(Config config, uid_t own_user, gid_t group)
    : config_(std::move(config)),
      own_user_(own_user),
      group_(group),
      admin_group_(find_group(config_.control.admin_group)) {}

bool Authorization::is_admin(const Peer &peer) const {
  return peer.uid == 0 || peer.uid == own_user_ || (admin_group_ && peer.in_group(*admin_group_));
}

void Authorization::require_admin(const Peer &peer, const std::string &type,
                                  const std::string &doing, const std::string &or_else) const {
  if (is_admin(peer)) return;
  throw Refusal(403, type,
                doing + " is for root, the sidecar's own user and group '" +
                    config_.control.admin_group + "'" + (admin_group_ ? "" : " (no such group)") +
                    or_else + "; uid " + std::to_string(peer.uid) + " is none of them");
}

void Authorization::require(const Peer &peer, Right right, const std::string &name) const {
  if (peer.uid != 0 && peer.uid != own_user_ && !peer.in_group(group_)) {
    throw Refusal(403, "not_a_member",
                  "the control socket is for " + described(group_) + "; uid " +
                      std::to_string(peer.uid) + " is not a member");
  }
  switch (right) {
    case Right::read:
    case Right::take:
      return;
    case Right::open:
      if (config_.of(name).auto_create) return;
      return require_admin(peer, "creation_not_permitted", "opening '" + name + "'",
                           ", because auto_create is false for it");
    case Right::reset:
      if (config_.control.reset == ResetRight::group) return;
      if (config_.control.reset == ResetRight::never) {
        throw Refusal(
            403, "reset_not_permitted",
            "control.reset is \"never\", for everybody; set it to \"admin\" or \"group\"");
      }
      return require_admin(peer, "reset_not_permitted", "a reset",
                           ", because control.reset is \"admin\"");
    case Right::admin:
      return require_admin(peer, "not_permitted", "this request", "");
  }
}

}  // namespace essequence::sidecar
