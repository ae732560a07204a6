#include "sidecar/control/control_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <system_error>
#include <vector>

#include "sidecar/control/http_connection.hpp"
#include "sidecar/control/listening_socket.hpp"
#include "sidecar/log.hpp"

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;

// Further ones wait in the listener's backlog until somebody leaves.
constexpr std::size_t kMostConnections = 256;

constexpr std::chrono::milliseconds kPauseAfterFailure{100};

// Unix and TCP sockets alike.
using Protocol = HttpConnection::Protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

enum class Door { control_socket, read_only, read_only_loopback };

Caller caller_at(Door door, int socket) {
  Caller caller;
  if (door == Door::control_socket) caller.peer = peer_of(socket);
  caller.check_host = door == Door::read_only_loopback;
  return caller;
}

// A listening socket and who came in by it. Each has its own limit, so that those who fill one do
// not shut the other.
struct Entrance {
  Entrance(asio::io_context &io, Door what) : door(what), acceptor(io), departure(io) {
    departure.expires_at(asio::steady_timer::time_point::max());
  }

  Door door;
  Acceptor acceptor;
  std::set<std::shared_ptr<HttpConnection>> connections;
  asio::steady_timer departure;  // cancelled whenever a connection ends
};

}  // namespace

struct ControlServer::State {
  asio::io_context &io;
  Routes routes;
  std::vector<std::shared_ptr<Entrance>> entrances{};
  std::vector<std::string> socket_paths{};
  bool stopping = false;
};

namespace {

using StatePointer = std::shared_ptr<ControlServer::State>;

awaitable<void> serve(StatePointer state, std::shared_ptr<Entrance> entrance,
                      std::shared_ptr<HttpConnection> connection, int socket) {
  try {
    const Caller caller = caller_at(entrance->door, socket);
    Answer answer = [state, caller](HttpRequest request) {
      return state->routes.answer(std::move(request), caller);
    };
    awaitable<void> served = connection->serve(std::move(answer));
    co_await std::move(served);
  } catch (const std::exception &error) {
    spdlog::error("a connection failed: {}", error.what());
  }
  entrance->connections.erase(connection);
  entrance->departure.cancel();
}

awaitable<void> accept_from(StatePointer state, std::shared_ptr<Entrance> entrance) {
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  while (!state->stopping) {
    if (entrance->connections.size() >= kMostConnections) {
      co_await entrance->departure.async_wait(token);
      continue;
    }
    Protocol::socket socket(state->io);
    co_await entrance->acceptor.async_accept(socket, token);
    if (state->stopping) co_return;
    if (error) {  // out of descriptors or memory: others may give some back
      spdlog::error("cannot accept a connection: {}", error.message());
      asio::steady_timer pause(state->io, kPauseAfterFailure);
      co_await pause.async_wait(token);
      continue;
    }
    const int handle = socket.native_handle();
    fcntl(handle, F_SETFD, FD_CLOEXEC);
    auto connection = std::make_shared<HttpConnection>(std::move(socket));
    entrance->connections.insert(connection);
    awaitable<void> served = serve(state, entrance, std::move(connection), handle);
    asio::co_spawn(state->io, std::move(served), asio::detached);
  }
}

void open_entrance(const StatePointer &state, shm::Descriptor listener, int family, Door door) {
  auto entrance = std::make_shared<Entrance>(state->io, door);
  entrance->acceptor.assign(Protocol(family, 0), listener.get());
  listener.release();
  state->entrances.push_back(entrance);
  asio::co_spawn(state->io, accept_from(state, entrance), asio::detached);
}

}  // namespace

ControlServer::ControlServer(asio::io_context &io, Supply &supply, const Config &config,
                             DaemonFacts facts, Reload reload)
    : state_(new State{io, Routes(supply, Authorization(config, geteuid(), getegid()),
                                  std::move(facts), std::move(reload))}) {}

ControlServer::~ControlServer() { stop(); }

void ControlServer::listen(const std::string &socket_path, mode_t mode) {
  open_entrance(state_, listen_on_path(socket_path, mode), AF_UNIX, Door::control_socket);
  state_->socket_paths.push_back(socket_path);
}

unsigned short ControlServer::listen_read_only(const std::string &address) {
  TcpListener listener = listen_on_address(address);
  const Door door = listener.loopback ? Door::read_only_loopback : Door::read_only;
  open_entrance(state_, std::move(listener.socket), AF_INET, door);
  return listener.port;
}

void ControlServer::reconfigure(const Config &config) {
  state_->routes.set_authorization(Authorization(config, geteuid(), getegid()));
}

void ControlServer::stop() {
  state_->stopping = true;
  for (const auto &entrance : state_->entrances) {
    boost::system::error_code ignored;
    entrance->acceptor.close(ignored);
    entrance->departure.cancel();
    for (const auto &connection : entrance->connections) connection->stop();
  }
  state_->entrances.clear();
  for (const std::string &path : state_->socket_paths) unlink(path.c_str());
  state_->socket_paths.clear();
}

}  // namespace essequence::sidecar
