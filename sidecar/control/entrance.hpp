// A listening socket and who came in by it. Everybody is let in or told why not, at once: nobody
// waits in the backlog for others to leave. Who stays is decided by seats.hpp; each entrance has
// seats of its own, so that those who fill one do not shut the other.
//
// Thread rules: the event loop only.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "shmclient/src/descriptor.hpp"
#include "sidecar/control/http_connection.hpp"
#include "sidecar/control/routes.hpp"
#include "sidecar/control/seats.hpp"

namespace essequence::sidecar {

enum class Door { control_socket, read_only };

class Entrance : public std::enable_shared_from_this<Entrance> {
 public:
  // `name`: of it, in messages.
  Entrance(boost::asio::io_context &io, std::shared_ptr<Routes> routes, shm::Descriptor listener,
           Door door, std::string name);

  void open();
  // Nobody comes in any more; replies that are being made are still sent.
  void stop();

 private:
  using Protocol = HttpConnection::Protocol;
  using Clock = std::chrono::steady_clock;

  awaitable<void> accept();
  awaitable<void> recover(boost::system::error_code error);
  void welcome(Protocol::socket socket);
  class Seat;
  awaitable<void> serve(Seat seat, Caller caller);
  void tell(const std::string &words);

  boost::asio::io_context &io_;
  const std::shared_ptr<Routes> routes_;
  const Door door_;
  const std::string name_;
  boost::asio::basic_socket_acceptor<Protocol> acceptor_;
  Seats seats_;
  bool stopping_ = false;
  Clock::time_point silent_until_{};
};

}  // namespace essequence::sidecar
