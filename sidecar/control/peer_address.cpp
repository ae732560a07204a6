#include "sidecar/control/peer_address.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <system_error>

namespace essequence::sidecar {
namespace {

using boost::asio::ip::address;

template <class Ask>
address asked(Ask ask, int socket, const char *doing) {
  boost::asio::ip::tcp::endpoint end;
  auto size = static_cast<socklen_t>(end.capacity());
  if (ask(socket, end.data(), &size) != 0) {
    throw std::system_error(errno, std::generic_category(), doing);
  }
  const address found = end.address();
  const bool mapped = found.is_v6() && found.to_v6().is_v4_mapped();
  return mapped ? make_address_v4(boost::asio::ip::v4_mapped, found.to_v6()) : found;
}

}  // namespace

std::string remote_address_of(int socket) {
  return asked(getpeername, socket, "asking where a connection comes from").to_string();
}

bool is_at_loopback(int socket) {
  return asked(getsockname, socket, "asking where a connection arrived").is_loopback();
}

}  // namespace essequence::sidecar
