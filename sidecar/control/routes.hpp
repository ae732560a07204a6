// What may be asked over HTTP: one table of method, path, right and handler.
//
// Thread rules: the event loop only.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "sidecar/control/authorization.hpp"
#include "sidecar/control/http_connection.hpp"
#include "sidecar/control/joint_text.hpp"
#include "sidecar/control/overview.hpp"
#include "sidecar/control/peer.hpp"
#include "sidecar/refill/supply.hpp"

namespace essequence::sidecar {

// What GET /v1/status tells of the process.
struct DaemonFacts {
  std::string version;
  std::chrono::system_clock::time_point started_at = std::chrono::system_clock::now();
  std::uint32_t layout = 0;  // of the ring
  pid_t pid = 0;
  // For the uptime, because the other clock may be set.
  std::chrono::steady_clock::time_point running_since = std::chrono::steady_clock::now();
};

// What takes long to make where there are thousands of sequences.
struct CostlyTexts {
  JointText sequences;
  JointText metrics;
  JointText overview;
};

using Reload = std::function<awaitable<void>()>;

// Who asks.
struct Caller {
  std::optional<Peer> peer;  // absent: somebody on the read-only listener
  bool check_host = false;   // only a Host that names this machine's loopback is answered
};

class Routes {
 public:
  Routes(Supply &supply, Authorization authorization, DaemonFacts facts, Reload reload);

  void set_authorization(Authorization authorization) { authorization_ = std::move(authorization); }

  // The administrator's connections come first where there are too many.
  bool is_admin(const Peer &peer) const { return authorization_.is_admin(peer); }

  // For the history; every History::kInterval.
  void take_sample() { overview_.take_sample(); }

  // Every change is logged with who asked for it and what came of it.
  awaitable<HttpReply> answer(HttpRequest request, Caller caller);

 private:
  awaitable<HttpReply> dispatch(HttpRequest request, Caller caller);

  Supply &supply_;
  Authorization authorization_;
  DaemonFacts facts_;
  Reload reload_;
  CostlyTexts costly_;
  Overview overview_;
};

}  // namespace essequence::sidecar
