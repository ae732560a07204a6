#include "sidecar/control/loopback_host.hpp"

#include <strings.h>

#include <boost/asio/ip/address.hpp>
#include <string>

namespace essequence::sidecar {

bool is_loopback_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  std::string name(has_port ? host.substr(0, colon) : host);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(name, error);
  return error ? strcasecmp(name.c_str(), "localhost") == 0 : address.is_loopback();
}

}  // namespace essequence::sidecar
