// Who may what on the control socket, asked by threads with other credentials.
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/control_daemon.hpp"

using namespace control_test;

namespace {

// Runs `act` on a thread with other credentials: on Linux they belong to the thread, as long as the
// C library is not asked to spread them over all of them.
template <class Act>
void as_user(uid_t uid, gid_t gid, const std::vector<gid_t> &supplementary, Act act) {
  std::thread([&] {
    const bool changed = syscall(SYS_setgroups, supplementary.size(), supplementary.data()) == 0 &&
                         syscall(SYS_setresgid, gid, gid, gid) == 0 &&
                         syscall(SYS_setresuid, uid, uid, uid) == 0;
    if (changed) act();
  }).join();
}

}  // namespace

TEST_CASE("who may what") {
  if (geteuid() != 0) {
    WARN("skipped: takes root, to act as other users");
    return;
  }
  constexpr uid_t somebody = 54321;
  constexpr gid_t elsewhere = 54321;
  const gid_t group = getegid();
  const struct group *admins = getgrnam("daemon");
  REQUIRE(admins != nullptr);

  Config config;
  config.control.admin_group = "daemon";
  config.sequences["closed"].auto_create = false;

  // The statuses of: read, take, open, open where auto_create is false, reset, reset all, raise,
  // unfence, delete, burn, reload.
  const auto statuses = [&](Daemon &daemon, gid_t gid, const std::vector<gid_t> &supplementary) {
    const std::pair<const char *, std::string> requests[] = {{"GET", "/v1/status"},
                                                             {"POST", "/v1/sequences/a/take"},
                                                             {"PUT", "/v1/sequences/a"},
                                                             {"PUT", "/v1/sequences/closed"},
                                                             {"POST", "/v1/sequences/a/reset"},
                                                             {"POST", "/v1/reset"},
                                                             {"POST", "/v1/sequences/a/raise"},
                                                             {"POST", "/v1/sequences/a/unfence"},
                                                             {"DELETE", "/v1/sequences/a"},
                                                             {"POST", "/v1/burn"},
                                                             {"POST", "/v1/reload"}};
    std::string all;
    as_user(somebody, gid, supplementary, [&] {
      for (const auto &[method, target] : requests) {
        const bool above = contains(target, "raise") || contains(target, "fence");
        all += std::to_string(daemon.ask(method, target, above ? R"({"above":1})" : "").status);
        all += ' ';
      }
    });
    return all;
  };
  const std::string nothing = "403 403 403 403 403 403 403 403 403 403 403 ";
  const std::string as_member = "200 200 200 403 403 403 403 403 403 403 403 ";
  const std::string may_reset = "200 200 200 403 200 200 403 403 403 403 403 ";
  const std::string everything = "200 200 200 200 200 200 200 200 200 200 200 ";
  const std::string but_resets = "200 200 200 200 403 403 200 200 200 200 200 ";

  const auto with = [&](ResetRight reset, gid_t gid, const std::vector<gid_t> &supplementary) {
    Config chosen = config;
    chosen.control.reset = reset;
    Daemon daemon(chosen);
    daemon.supply.add("a");
    daemon.supply.add("closed");
    return statuses(daemon, gid, supplementary);
  };
  CHECK(with(ResetRight::group, elsewhere, {}) == nothing);
  CHECK(with(ResetRight::group, elsewhere, {admins->gr_gid}) == nothing);
  CHECK(with(ResetRight::admin, group, {}) == as_member);
  CHECK(with(ResetRight::admin, elsewhere, {7, group}) == as_member);
  CHECK(with(ResetRight::group, group, {}) == may_reset);
  CHECK(with(ResetRight::never, group, {}) == as_member);
  CHECK(with(ResetRight::admin, group, {admins->gr_gid}) == everything);
  CHECK(with(ResetRight::admin, admins->gr_gid, {group}) == everything);
  CHECK(with(ResetRight::never, group, {admins->gr_gid}) == but_resets);

  // More groups than fit into the first guess.
  std::vector<gid_t> many;
  for (gid_t gid = 60000; gid < 60200; ++gid) many.push_back(gid);
  many.push_back(group);
  CHECK(with(ResetRight::admin, elsewhere, many) == as_member);

  // "never" binds root too.
  Config chosen = config;
  chosen.control.reset = ResetRight::never;
  Daemon daemon(chosen);
  daemon.add("a");
  const ControlReply reply = daemon.ask("POST", "/v1/reset");
  CHECK(reply.status == 403);
  CHECK_THAT(reason_of(reply), Catch::Contains("control.reset is \"never\""));
  daemon.on_loop([&] { daemon.server.reconfigure(config); });
  CHECK(daemon.ask("POST", "/v1/reset").status == 200);

  // What would allow it is named.
  as_user(somebody, group, {}, [&] {
    const ControlReply burn = daemon.ask("POST", "/v1/burn");
    CHECK_THAT(reason_of(burn), Catch::Contains("group 'daemon'") && Catch::Contains("54321"));
    const ControlReply put = daemon.ask("PUT", "/v1/sequences/closed");
    CHECK_THAT(reason_of(put), Catch::Contains("auto_create"));
    CHECK(body_of(put).at("error").at("type") == "creation_not_permitted");
  });
}
