#include "sidecar/control/control_server.hpp"

#include <unistd.h>

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "sidecar/control/entrance.hpp"
#include "sidecar/control/listening_socket.hpp"

namespace essequence::sidecar {

struct ControlServer::State {
  boost::asio::io_context &io;
  std::shared_ptr<Routes> routes;
  std::vector<std::shared_ptr<Entrance>> entrances{};
  std::vector<std::string> socket_paths{};
  boost::asio::steady_timer next_sample{io};
  bool stopping = false;

  void open(shm::Descriptor listener, Door door, const std::string &name) {
    entrances.push_back(std::make_shared<Entrance>(io, routes, std::move(listener), door, name));
    entrances.back()->open();
  }
};

namespace {

awaitable<void> take_samples(std::shared_ptr<ControlServer::State> state) {
  while (!state->stopping) {
    boost::system::error_code ended;
    state->next_sample.expires_after(History::kInterval);
    co_await state->next_sample.async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, ended));
    try {
      if (!state->stopping) state->routes->take_sample();
    } catch (const std::exception &) {  // no memory: the history does without
    }
  }
}

}  // namespace

ControlServer::ControlServer(boost::asio::io_context &io, Supply &supply, const Config &config,
                             DaemonFacts facts, Reload reload)
    : state_(new State{io,
                       std::make_shared<Routes>(supply, Authorization(config, geteuid(), getegid()),
                                                std::move(facts), std::move(reload))}) {
  boost::asio::co_spawn(io, take_samples(state_), boost::asio::detached);
}

ControlServer::~ControlServer() { stop(); }

void ControlServer::listen(const std::string &socket_path, mode_t mode) {
  state_->open(listen_on_path(socket_path, mode), Door::control_socket, socket_path);
  state_->socket_paths.push_back(socket_path);
}

unsigned short ControlServer::listen_read_only(const std::string &address) {
  TcpListener listener = listen_on_address(address);
  state_->open(std::move(listener.socket), Door::read_only, address);
  return listener.port;
}

void ControlServer::reconfigure(const Config &config) {
  state_->routes->set_authorization(Authorization(config, geteuid(), getegid()));
}

void ControlServer::stop() {
  state_->stopping = true;
  state_->next_sample.cancel();
  for (const auto &entrance : state_->entrances) entrance->stop();
  state_->entrances.clear();
  for (const std::string &path : state_->socket_paths) unlink(path.c_str());
  state_->socket_paths.clear();
}

}  // namespace essequence::sidecar
