// The HTTP server of the sidecar: DIR/control.sock, and read-only on an address where one is
// configured. Coroutines on the event loop.
//
// Thread rules: the event loop only (listen and stop also before it runs). The supply outlives the
// event loop's last handler.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "sidecar/config/config.hpp"
#include "sidecar/control/routes.hpp"

namespace essequence::sidecar {

class ControlServer {
 public:
  // `reload`: what POST /v1/reload does. The sidecar's own user and group are those of the process.
  ControlServer(boost::asio::io_context &io, Supply &supply, const Config &config,
                DaemonFacts facts, Reload reload);
  ~ControlServer();  // stops

  // Throws std::system_error. A stale socket file is replaced: the caller holds the directory's
  // lock.
  void listen(const std::string &socket_path, mode_t mode = 0660);

  // Read-only, on "ADDR:PORT". Returns the port. Throws std::system_error.
  unsigned short listen_read_only(const std::string &address);

  // After a reload: who may what, and the group that is looked up for it.
  void reconfigure(const Config &config);

  // No further request is begun; replies that are being made are still sent. Removes the socket's
  // file.
  void stop();

  struct State;

 private:
  std::shared_ptr<State> state_;  // shared with a timer, which may outlive the server
};

}  // namespace essequence::sidecar
