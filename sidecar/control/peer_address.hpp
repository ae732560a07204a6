// Where a TCP connection comes from and where it arrived.
#pragma once

#include <string>

namespace essequence::sidecar {

// "192.0.2.7", without the port. Throws std::system_error.
std::string remote_address_of(int socket);

// Whether it arrived at a loopback address, whatever its listener is bound to. Throws
// std::system_error.
bool is_at_loopback(int socket);

}  // namespace essequence::sidecar
