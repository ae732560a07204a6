#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace essequence::bench {
namespace {

// An abstract name: no file is left behind.
socklen_t fill(sockaddr_un &address, const std::string &name) {
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

[[noreturn]] void serve(int listener) {
  const int poll = epoll_create1(0);
  const auto watch = [&](int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
  };
  watch(listener);
  std::uint64_t id = 0;
  for (;;) {
    epoll_event events[64];
    const int ready = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      const int descriptor = events[i].data.fd;
      if (descriptor == listener) {
        watch(accept(listener, nullptr, nullptr));
        continue;
      }
      char request = 0;
      if (read(descriptor, &request, 1) != 1) {
        close(descriptor);
        continue;
      }
      ++id;
      if (write(descriptor, &id, sizeof id) != sizeof id) close(descriptor);
    }
  }
}

}  // namespace

NumberServer::NumberServer() : name_("essequence-bench-" + std::to_string(getpid())) {
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  const socklen_t size = fill(address, name_);
  if (bind(listener_, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
      listen(listener_, 128) != 0) {
    throw std::runtime_error("cannot listen on a Unix socket");
  }
  server_ = fork();
  if (server_ < 0) throw std::runtime_error("cannot fork");
  if (server_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve(listener_);
  }
}

NumberServer::~NumberServer() {
  kill(server_, SIGKILL);
  waitpid(server_, nullptr, 0);
  close(listener_);
}

ctl::Way NumberServer::way() const {
  const auto close_it = [](int *descriptor) {
    close(*descriptor);
    delete descriptor;
  };
  const std::shared_ptr<int> connection(new int(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                                        close_it);
  sockaddr_un address{};
  const socklen_t size = fill(address, name_);
  if (connect(*connection, reinterpret_cast<sockaddr *>(&address), size) != 0) {
    throw std::runtime_error("cannot connect to a Unix socket");
  }
  return one_by_one([connection] {
    std::uint64_t id = 0;
    if (write(*connection, "", 1) != 1 || read(*connection, &id, sizeof id) != sizeof id) {
      throw std::runtime_error("the server of numbers is gone");
    }
    return id;
  });
}

}  // namespace essequence::bench
