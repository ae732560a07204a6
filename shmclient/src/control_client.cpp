#include "shmclient/src/control_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "shmclient/src/descriptor.hpp"
#include "shmclient/src/machine.hpp"
#include "shmclient/src/patience.hpp"

namespace essequence::shm {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kHeaderLimit = std::size_t{16} * 1024;
constexpr std::size_t kBodyLimit =
    std::size_t{64} * 1024 * 1024;  // a list of 65,536 sequences fits

[[noreturn]] void fail(std::error_code cause, const char *doing) {
  throw std::system_error(cause, doing);
}

// Who is asked for patience may fork. In the child this is thrown: the connection is its parent's,
// and so is what comes on it.
struct Forked {};

std::chrono::nanoseconds time_left_here(Clock::time_point deadline) {
  const pid_t process = getpid();
  const std::chrono::nanoseconds left = time_left(deadline);
  if (getpid() != process) throw Forked();
  return left;
}

// How long a connect may block: the time that is left, in slices.
void limit_connect(int fd, Clock::time_point deadline) {
  const auto left = std::min(time_left_here(deadline), kLongestSleep);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(left).count();
  if (micros <= 0) fail(std::make_error_code(std::errc::timed_out), "connecting");
  const timeval limit{micros / 1000000, micros % 1000000};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    fail({errno, std::generic_category()}, "setting the time limit of a socket");
  }
}

// By hand, because Asio makes sockets without SOCK_CLOEXEC, and because it would take a Unix socket
// whose listener has a full backlog (EAGAIN) for one that is on its way.
Descriptor connect_to(const std::string &path, Clock::time_point deadline) {
  const asio::local::stream_protocol::endpoint address(path);
  Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.get() < 0) fail({errno, std::generic_category()}, "making a socket");
  for (;;) {
    limit_connect(connection.get(), deadline);
    if (connect(connection.get(), address.data(), static_cast<socklen_t>(address.size())) == 0) {
      return connection;
    }
    if (errno != EINTR && errno != EAGAIN) fail({errno, std::generic_category()}, "connecting");
  }
}

ControlReply exchange(const std::string &path, const http::request<http::string_body> &request,
                      Clock::time_point deadline) {
  Descriptor connection = connect_to(path, deadline);
  asio::io_context io(1);
  asio::local::stream_protocol::socket socket(io);
  socket.assign({}, connection.get());
  connection.release();

  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderLimit);
  parser.body_limit(kBodyLimit);
  boost::system::error_code outcome = asio::error::timed_out;  // until something else is known
  const auto after_read = [&](boost::system::error_code error, std::size_t) { outcome = error; };
  const auto after_write = [&](boost::system::error_code error, std::size_t) {
    outcome = error;
    if (error) return;
    outcome = asio::error::timed_out;
    http::async_read(socket, buffer, parser, after_read);
  };
  http::async_write(socket, request, after_write);
  try {
    while (!io.stopped()) {
      const auto left = time_left_here(deadline);
      if (left.count() <= 0) break;
      io.run_for(std::min(left, kLongestSleep));
    }
  } catch (const Forked &) {
    io.notify_fork(asio::io_context::fork_child);  // or its end would be felt by the parent's
    throw;
  }
  if (outcome) fail(outcome, "waiting for the reply");
  return {parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace

ControlReply control_request(const std::string &socket_path, std::string_view method,
                             std::string_view target, std::string_view body,
                             Clock::time_point deadline) {
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.set(http::field::host, "sidecar");
  request.set(http::field::connection, "close");
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  for (;;) {
    try {
      return exchange(socket_path, request, deadline);
    } catch (const Forked &) {  // a request of its own, then
    } catch (const boost::system::system_error &error) {
      fail(error.code(), "using the control socket");  // Boost 1.74's is not a std::system_error
    }
  }
}

std::string path_of_sequence(std::string_view name) {
  static constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string path = "/v1/sequences/";
  for (const char c : name) {
    if (unreserved.find(c) != std::string_view::npos) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += '%';
      path += digits[byte >> 4];
      path += digits[byte & 15];
    }
  }
  return path;
}

}  // namespace essequence::shm
