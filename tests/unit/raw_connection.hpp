// A connection to a Unix socket for bytes that no well-mannered client sends.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

namespace control_test {

class Raw {
 public:
  explicit Raw(const std::string &path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
  }
  Raw(const Raw &) = delete;
  ~Raw() { close(fd_); }
  Raw &send(const std::string &bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) break;  // turned away in the middle: the reply tells
      sent += static_cast<std::size_t>(size);
    }
    return *this;
  }
  Raw &say_no_more() {
    shutdown(fd_, SHUT_WR);
    return *this;
  }
  // All that comes until the server closes.
  std::string to_the_end() { return read_until(""); }
  std::string read_until(const std::string &end) {
    std::string all;
    char part[4096];
    while (end.empty() || all.find(end) == std::string::npos) {
      const ssize_t size = ::read(fd_, part, sizeof part);
      REQUIRE((size >= 0 || errno == ECONNRESET));
      if (size <= 0) break;
      all.append(part, static_cast<std::size_t>(size));
    }
    return all;
  }
  bool silent_for(std::chrono::milliseconds time) {
    pollfd reply{fd_, POLLIN, 0};
    return poll(&reply, 1, static_cast<int>(time.count())) == 0;
  }

 private:
  int fd_;
};

}  // namespace control_test
