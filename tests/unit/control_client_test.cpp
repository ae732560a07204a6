// The client of the control socket against listeners that misbehave.
#include "shmclient/src/control_client.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>

#include "shmclient/src/patience.hpp"

using essequence::shm::control_request;
using essequence::shm::ControlReply;
using namespace std::chrono_literals;

namespace {

auto in(std::chrono::nanoseconds time) { return std::chrono::steady_clock::now() + time; }

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// A directory of its own with a listening socket, which says what it is told to say.
class Listener {
 public:
  explicit Listener(int backlog = 16) {
    directory_ = std::filesystem::temp_directory_path() / "essequence-client-XXXXXX";
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    path_ = directory_ + "/control.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    REQUIRE(listen(socket_, backlog) == 0);
  }
  ~Listener() {
    close();
    std::filesystem::remove_all(directory_);
  }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  const std::string &path() const { return path_; }

  // Answers one connection with `bytes`, once its request is complete, and closes it.
  std::string answer(const std::string &bytes) {
    const int connection = accept(socket_, nullptr, nullptr);
    std::string request;
    char part[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t size = read(connection, part, sizeof part);
      if (size <= 0) break;
      request.append(part, static_cast<std::size_t>(size));
    }
    REQUIRE(write(connection, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(connection);
    return request;
  }
  void hang_up() { ::close(accept(socket_, nullptr, nullptr)); }

 private:
  std::string directory_, path_;
  int socket_ = -1;
};

std::error_code failure_of(const std::string &path, std::chrono::nanoseconds time = 10s) {
  try {
    control_request(path, "GET", "/v1/status", "", in(time));
  } catch (const std::system_error &error) {
    return error.code();
  }
  return {};
}

}  // namespace

TEST_CASE("a reply comes back with its status and body, whatever the status") {
  Listener listener;
  ControlReply reply;
  std::thread client([&] {
    reply = control_request(listener.path(), "PUT", "/v1/sequences/a", R"({"start":7})", in(10s));
  });
  const std::string request =
      listener.answer("HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nno!");
  client.join();
  CHECK(reply.status == 409);
  CHECK(reply.body == "no!");
  CHECK(request.rfind("PUT /v1/sequences/a HTTP/1.1\r\n", 0) == 0);
  CHECK(request.find("Content-Length: 11\r\n") != std::string::npos);
}

// Who is asked for patience may fork: Python runs the handlers of signals then.
TEST_CASE("forked in the middle of a request, a child makes one of its own") {
  struct Forks {
    const int at;
    int asked = 0;
    std::atomic<pid_t> child{-1};
  };
  // Before the connection is made, and while the reply is awaited.
  for (int at = 1; at <= 6; ++at) {
    Listener listener;
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    Forks forks{at};
    std::thread serving([&] {
      while (forks.child == -1) std::this_thread::sleep_for(1ms);
      for (const char *number : {"1", "2"}) {
        listener.answer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n") + number);
      }
    });
    essequence::shm::set_patience(
        [](void *context) {
          auto &self = *static_cast<Forks *>(context);
          if (++self.asked == self.at) self.child = fork();
          return std::int64_t{1'000'000};
        },
        &forks);
    const std::string mine = control_request(listener.path(), "POST", "/", "", in(60s)).body;
    essequence::shm::set_patience(nullptr, nullptr);
    if (forks.child == 0) _exit(write(ends[1], mine.data(), mine.size()) == 1 ? 0 : 1);
    char other = 0;
    CHECK(read(ends[0], &other, 1) == 1);
    CHECK(std::set<std::string>{mine, {other}} == std::set<std::string>{"1", "2"});
    int status = -1;
    waitpid(forks.child, &status, 0);
    CHECK(status == 0);
    serving.join();
    close(ends[0]);
    close(ends[1]);
  }
}

TEST_CASE("nobody there: the cause is told apart") {
  CHECK(failure_of("/nowhere/control.sock") == std::errc::no_such_file_or_directory);
  Listener listener;
  listener.close();
  CHECK(failure_of(listener.path()) == std::errc::connection_refused);
  CHECK(failure_of(std::string(200, 'x')) == std::errc::filename_too_long);
}

TEST_CASE("a silent listener, or one whose backlog is full, costs no more than the deadline") {
  Listener silent;
  CHECK(failure_of(silent.path(), 50ms) == std::errc::timed_out);
  CHECK(failure_of(silent.path(), -1s) == std::errc::timed_out);

  Listener full(0);
  CHECK(failure_of(full.path(), 50ms) == std::errc::timed_out);  // takes the only place there is
  CHECK(failure_of(full.path(), 50ms) == std::errc::timed_out);
}

TEST_CASE("a listener that hangs up or talks nonsense is an error, and no signal") {
  Listener listener;
  for (const char *nonsense : {"", "220 smtp ready\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9",
                               "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
                               "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}) {
    CAPTURE(nonsense);
    std::error_code failure;
    std::thread client([&] { failure = failure_of(listener.path()); });
    listener.answer(nonsense);
    client.join();
    CHECK(failure);
    CHECK(failure != std::errc::timed_out);
  }
  std::error_code failure;
  // Larger than the socket's buffer, so that the client is still writing when the line goes dead.
  const std::string large(8 * 1024 * 1024, 'x');
  std::thread client([&] {
    try {
      control_request(listener.path(), "PUT", "/", large, in(10s));
    } catch (const std::system_error &error) {
      failure = error.code();
    }
  });
  listener.hang_up();
  client.join();
  CHECK(failure);
}

TEST_CASE("a request leaves no descriptor behind") {
  Listener listener;
  const std::size_t before = open_descriptors();
  failure_of("/nowhere/control.sock");
  failure_of(std::string(200, 'x'));
  failure_of(listener.path(), 20ms);
  std::thread client([&] { failure_of(listener.path()); });
  listener.hang_up();  // of the request that gave up
  listener.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client.join();
  CHECK(open_descriptors() == before);
}

TEST_CASE("a name is percent-encoded byte by byte") {
  using essequence::shm::path_of_sequence;
  CHECK(path_of_sequence("orders-1.a_b~") == "/v1/sequences/orders-1.a_b~");
  CHECK(path_of_sequence("a b?%#/") == "/v1/sequences/a%20b%3F%25%23%2F");
  CHECK(path_of_sequence("ä") == "/v1/sequences/%C3%A4");
}
