#include "sidecar/control/entrance.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sidecar/control/peer_address.hpp"
#include "sidecar/log.hpp"

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;

// Few beside the seats, so that who comes is heard and answered before his turn comes to be let go.
constexpr int kAtATime = 32;

constexpr std::chrono::milliseconds kPauseAfterFailure{100};
constexpr std::chrono::seconds kSilence{60};  // after a message that may come thousands of times

// Journal and source need descriptors too, also when both entrances are full.
std::size_t seats_within_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 256;
  return std::clamp<std::size_t>(files.rlim_cur / 4, 8, 256);
}

// An entrance that would stay shut ends the sidecar: it is started again, and the ring outlives it.
void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

// Given back whatever happens.
class Entrance::Seat {
 public:
  Seat(std::shared_ptr<Entrance> entrance, std::shared_ptr<HttpConnection> connection)
      : entrance_(std::move(entrance)), connection_(std::move(connection)) {}
  Seat(Seat &&) = default;
  ~Seat() {
    if (connection_) entrance_->seats_.leave(connection_);
  }
  HttpConnection &connection() const { return *connection_; }

 private:
  std::shared_ptr<Entrance> entrance_;
  std::shared_ptr<HttpConnection> connection_;
};

Entrance::Entrance(asio::io_context &io, std::shared_ptr<Routes> routes, shm::Descriptor listener,
                   Door door, std::string name)
    : io_(io),
      routes_(std::move(routes)),
      door_(door),
      name_(std::move(name)),
      acceptor_(io),
      seats_(seats_within_limits()) {
  acceptor_.assign(Protocol(door == Door::control_socket ? AF_UNIX : AF_INET, 0), listener.get());
  listener.release();
}

void Entrance::open() {
  auto accepting = [self = shared_from_this()] { return self->accept(); };
  asio::co_spawn(io_, std::move(accepting), rethrow);
}

void Entrance::stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto &guest : seats_.seated()) static_cast<HttpConnection &>(*guest).stop();
}

awaitable<void> Entrance::accept() {
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  acceptor_.non_blocking(true);
  while (!stopping_) {
    co_await acceptor_.async_wait(acceptor_.wait_read, token);
    // Several at a time, else those who are in would keep others waiting, the more the more they
    // are.
    for (int i = 0; i < kAtATime && !stopping_ && !error; ++i) {
      Protocol::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error) break;
      try {
        welcome(std::move(socket));
      } catch (const std::exception &failure) {  // somebody who is gone already, or no memory
        tell(std::string("a connection failed: ") + failure.what());
      }
    }
    if (stopping_) co_return;
    const bool nothing = error == asio::error::would_block || error == asio::error::try_again ||
                         error == asio::error::connection_aborted;
    if (error && !nothing) co_await recover(error);
  }
}

// Out of descriptors, most likely: who rests gives one back.
awaitable<void> Entrance::recover(boost::system::error_code error) {
  tell("cannot accept a connection: " + error.message());
  const auto pause = seats_.let_one_go() ? std::chrono::milliseconds(0) : kPauseAfterFailure;
  boost::system::error_code ignored;
  asio::steady_timer timer(io_, pause);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Entrance::welcome(Protocol::socket socket) {
  const int handle = socket.native_handle();
  fcntl(handle, F_SETFD, FD_CLOEXEC);
  Caller caller;
  std::string who;
  bool administrator = false;
  if (door_ == Door::control_socket) {
    caller.peer = peer_of(handle);
    who = "uid " + std::to_string(caller.peer->uid);
    administrator = routes_->is_admin(*caller.peer);
  } else {
    who = remote_address_of(handle);
    caller.check_host = is_at_loopback(handle);
  }
  const auto connection =
      std::make_shared<HttpConnection>(std::move(socket), std::move(who), administrator);
  if (seats_.full()) {
    tell("as many connections as there are seats, most of them from " + seats_.holder_of_most() +
         ": those that rest are let go for others");
  }
  if (!seats_.enter(connection)) {
    connection->refuse("all connections are taken by requests that are being answered: try again");
    return;
  }
  asio::co_spawn(io_, serve(Seat(shared_from_this(), connection), std::move(caller)),
                 asio::detached);
}

awaitable<void> Entrance::serve(Seat seat, Caller caller) {
  try {
    Answer answer = [routes = routes_, caller = std::move(caller)](HttpRequest request) {
      return routes->answer(std::move(request), caller);
    };
    awaitable<void> served = seat.connection().serve(std::move(answer));
    co_await std::move(served);
  } catch (const std::exception &error) {
    tell(std::string("a connection failed: ") + error.what());
  }
}

void Entrance::tell(const std::string &words) {
  if (Clock::now() < silent_until_) return;
  silent_until_ = Clock::now() + kSilence;
  spdlog::warn("{}: {}", name_, words);
}

}  // namespace essequence::sidecar
