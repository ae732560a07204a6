// One request to the sidecar's control socket: HTTP/1.1 over a Unix socket, one connection each.
//
// Thread safety: any number of threads; nothing is shared between calls. A guest in its host
// process: no thread, no signal (not even SIGPIPE), no output; the few descriptors that it needs
// are close-on-exec, and closed again when it returns or throws.
#pragma once

#include <string>
#include <string_view>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

struct ControlReply {
  unsigned status = 0;
  std::string body;
};

// Sends `body` (JSON, or nothing) and returns the reply, whatever its status. `deadline` is for all
// of it together. Throws std::system_error: no_such_file_or_directory and connection_refused (no
// sidecar), permission_denied, timed_out, or what else broke the exchange. After timed_out, or a
// connection that broke, the request may have been carried out.
ControlReply control_request(const std::string &socket_path, std::string_view method,
                             std::string_view target, std::string_view body,
                             Clock::time_point deadline);

// "/v1/sequences/" and the name, percent-encoded.
std::string path_of_sequence(std::string_view name);

}  // namespace essequence::shm
