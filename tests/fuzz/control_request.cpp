// What somebody sends to the control socket: the real connection, routes, checks and handlers, with
// a supply that has two sequences. Every answer is HTTP, and none is 500.
#include <sys/socket.h>
#include <unistd.h>

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <spdlog/spdlog.h>
#include <boost/asio/co_spawn.hpp>

#include "sidecar/control/routes.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/unit/scripted_supply.hpp"

using namespace essequence::sidecar;
namespace asio = boost::asio;

namespace {

awaitable<void> nothing_to_reload() { co_return; }

// Larger than what it sends back to any input.
constexpr int kSocketBuffer = 4 * 1024 * 1024;

std::string answer_to(const std::uint8_t *data, std::size_t size, Caller caller) {
  int ends[2];
  fuzz::require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "a socket pair");
  for (const int end : ends) {
    setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  }
  fuzz::require(write(ends[0], data, size) == static_cast<ssize_t>(size), "the input fits");
  shutdown(ends[0], SHUT_WR);

  asio::io_context io(1);
  control_test::ScriptedSupply supply;
  supply.add("orders");
  supply.add("fenced");
  supply.sequences["fenced"].state = "fenced";
  static const Authorization authorization(Config{}, geteuid(), getegid());  // it looks up a group
  Routes routes(supply, authorization, DaemonFacts{}, nothing_to_reload);
  HttpConnection::Protocol::socket socket(io, HttpConnection::Protocol(AF_UNIX, SOCK_STREAM),
                                          ends[1]);
  HttpConnection connection(std::move(socket), "somebody", false);
  Answer answer = [&](HttpRequest request) { return routes.answer(std::move(request), caller); };
  bool over = false;
  asio::co_spawn(io, connection.serve(std::move(answer)), [&](std::exception_ptr error) {
    fuzz::require(!error, "a connection ends without an exception");
    over = true;
  });
  std::string said;
  char part[65536];
  while (!over) {
    io.run_one();  // nobody's patience ends: all that is to be said was said at once
    for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;) {
      said.append(part, static_cast<std::size_t>(got));
    }
  }
  for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;) {
    said.append(part, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  Caller local;
  local.peer = Peer{geteuid(), getegid(), getpid(), {}};
  Caller remote;
  remote.check_host = true;
  for (const Caller &caller : {local, remote}) {
    const std::string said = answer_to(data, size, caller);
    fuzz::require(
        said.empty() || said.rfind("HTTP/1.1 ", 0) == 0 || said.rfind("HTTP/1.0 ", 0) == 0,
        "an answer is HTTP");
    fuzz::require(said.find("\"internal_error\"") == std::string::npos, "no answer is 500");
    const bool changed = said.find("\"acknowledged\"") != std::string::npos;
    fuzz::require(caller.peer || !changed, "a stranger changes nothing");
  }
  return 0;
}
