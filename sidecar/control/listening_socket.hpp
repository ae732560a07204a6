// The sockets that the sidecar listens on. Close-on-exec from birth, non-blocking.
#pragma once

#include <sys/types.h>

#include <string>

#include "shmclient/src/descriptor.hpp"

namespace essequence::sidecar {

// A Unix socket at `path`. One that a dead sidecar left there is replaced: the caller holds the
// lock of the directory. Throws std::system_error, also where `path` is there and is no socket.
shm::Descriptor listen_on_path(const std::string &path, mode_t mode);

struct TcpListener {
  shm::Descriptor socket;
  unsigned short port = 0;  // the one that was found where port 0 was asked for
};

// "127.0.0.1:9469" or "[::1]:9469": a numeric address. Throws std::system_error that names it.
TcpListener listen_on_address(const std::string &address);

}  // namespace essequence::sidecar
