// The real control server on a real socket, for tests. Only the supply behind it is a stand-in: a
// map in memory, which says what it is told to say. What a reset or a raise does is tested where it
// is done.
#pragma once

#include <sys/stat.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shmclient/src/control_client.hpp"
#include "sidecar/control/control_server.hpp"
#include "tests/unit/scripted_supply.hpp"

namespace control_test {

using namespace essequence::sidecar;
using namespace std::chrono_literals;
using essequence::shm::control_request;
using essequence::shm::ControlReply;
using nlohmann::json;

class Directory {
 public:
  Directory() {
    path_ = std::filesystem::temp_directory_path() / "essequence-control-XXXXXX";
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    chmod(path_.c_str(), 0755);  // so that it is the server that turns strangers away
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string &path() const { return path_; }
  std::string socket() const { return path_ + "/control.sock"; }

 private:
  std::string path_;
};

class Daemon {
 public:
  explicit Daemon(const Config &config = {})
      : server(io, supply, config, DaemonFacts{"1.2.3", std::chrono::system_clock::now(), 4, 5},
               [this]() -> awaitable<void> {
                 ++reloads;
                 co_return;
               }) {
    server.listen(directory.socket(), 0666);
    port = server.listen_read_only("127.0.0.1:0");
    loop_ = std::thread([this] { io.run(); });
  }
  // The loop ends by itself: after stop() nothing of the server is left on it.
  ~Daemon() {
    boost::asio::post(io, [this] { server.stop(); });
    loop_.join();
  }

  template <class Act>
  void on_loop(Act act) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
      act();
      done.set_value();
    });
    done.get_future().wait();
  }

  void add(const std::string &name) {
    on_loop([&] { supply.add(name); });
  }

  ControlReply ask(const std::string &method, const std::string &target,
                   const std::string &body = "") {
    return control_request(directory.socket(), method, target, body,
                           std::chrono::steady_clock::now() + 30s);
  }
  std::string last_done() {
    std::string last;
    on_loop([&] { last = supply.done.empty() ? "nothing" : supply.done.back(); });
    return last;
  }

  Directory directory;
  ScriptedSupply supply;
  int reloads = 0;
  boost::asio::io_context io{1};
  ControlServer server;
  unsigned short port = 0;

 private:
  std::thread loop_;
};

inline json body_of(const ControlReply &reply) { return json::parse(reply.body); }

inline std::string reason_of(const ControlReply &reply) {
  const json body = body_of(reply);
  CHECK(body.at("status") == reply.status);
  CHECK(body.at("error").at("type").is_string());
  return body.at("error").at("reason");
}

inline bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

inline std::size_t occurrences(const std::string &text, const std::string &part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace control_test
