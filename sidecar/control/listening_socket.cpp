#include "sidecar/control/listening_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;

void check(bool done, const std::string &doing) {
  if (!done) throw std::system_error(errno, std::generic_category(), doing);
}

shm::Descriptor make_socket(int family) {
  shm::Descriptor made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  check(made.get() >= 0, "making a socket");
  return made;
}

void remove_stale(const std::string &path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return;  // bind says what is wrong, if anything is
  if (!S_ISSOCK(found.st_mode)) {
    throw std::system_error(std::make_error_code(std::errc::not_a_socket),
                            path + " is in the way: move it");
  }
  check(unlink(path.c_str()) == 0, "removing the stale " + path);
}

asio::ip::tcp::endpoint parse(const std::string &address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string_view digits =
      colon == std::string::npos ? "" : std::string_view(address).substr(colon + 1);
  unsigned short port = 0;
  const auto end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, port);
  const bool numeric = !digits.empty() && problem == std::errc() && stopped == end;
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error || !numeric) {
    throw std::system_error(
        std::make_error_code(std::errc::invalid_argument),
        "listen = \"" + address + "\": it is like 127.0.0.1:9469 or [::1]:9469");
  }
  return {ip, port};
}

}  // namespace

shm::Descriptor listen_on_path(const std::string &path, mode_t mode) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    throw std::system_error(std::make_error_code(std::errc::filename_too_long),
                            path + ": a socket's path is at most 107 bytes long");
  }
  const asio::local::stream_protocol::endpoint where(path);
  shm::Descriptor listener = make_socket(AF_UNIX);
  remove_stale(path);
  const auto size = static_cast<socklen_t>(where.size());
  check(bind(listener.get(), where.data(), size) == 0, "binding " + path);
  check(chmod(path.c_str(), mode) == 0, "setting the mode of " + path);
  check(listen(listener.get(), SOMAXCONN) == 0, "listening on " + path);
  return listener;
}

TcpListener listen_on_address(const std::string &address) {
  asio::ip::tcp::endpoint where = parse(address);
  shm::Descriptor listener = make_socket(where.address().is_v6() ? AF_INET6 : AF_INET);
  const int yes = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  auto size = static_cast<socklen_t>(where.size());
  check(bind(listener.get(), where.data(), size) == 0, "listening on " + address);
  check(listen(listener.get(), SOMAXCONN) == 0, "listening on " + address);
  check(getsockname(listener.get(), where.data(), &size) == 0, "asking for the port");
  return {std::move(listener), where.port()};
}

}  // namespace essequence::sidecar
