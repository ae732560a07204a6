// How the control server treats connections: bytes that are no HTTP, sizes, pace, numbers, sockets.
#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <memory>

#include "sidecar/control/http_connection.hpp"
#include "tests/unit/control_daemon.hpp"
#include "tests/unit/raw_connection.hpp"

using namespace control_test;

TEST_CASE("bytes that are no HTTP are answered 400 and the connection is closed") {
  Daemon daemon;
  for (const std::string garbage : {"\x16\x03\x01 hello\r\n\r\n", "hello\r\n\r\n",
                                    "GET / HTTP/3.7\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
                                    "PUT /v1/sequences/a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                    "PUT /v1/sequences/a HTTP/1.1\r\nContent-Length: 1\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                    "PUT /v1/sequences/a HTTP/1.1\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    CAPTURE(garbage);
    const std::string reply =
        Raw(daemon.directory.socket()).send(garbage).say_no_more().to_the_end();
    CHECK(contains(reply, "HTTP/1.1 400 "));
    CHECK(contains(reply, "\"type\":\"bad_http\""));
  }
  CHECK(daemon.last_done() == "nothing");
  CHECK(daemon.ask("GET", "/v1/status").status == 200);
}

TEST_CASE("a header or a body that is too large is refused, however it is sent") {
  Daemon daemon;
  const std::string path = daemon.directory.socket();
  const std::string put = "PUT /v1/sequences/a HTTP/1.1\r\nHost: x\r\n";
  const std::string header = Raw(path).send(put + "X: " + std::string(20000, 'x')).to_the_end();
  CHECK(contains(header, "HTTP/1.1 400 "));
  CHECK(contains(header, "header_too_large"));

  const std::string large(1024 * 1024, ' ');
  const std::string length = "Content-Length: " + std::to_string(large.size()) + "\r\n\r\n";
  CHECK(contains(Raw(path).send(put + length + large).say_no_more().to_the_end(), "HTTP/1.1 413 "));
  const std::string chunked =
      "Transfer-Encoding: chunked\r\n\r\n100000\r\n" + large + "\r\n0\r\n\r\n";
  CHECK(contains(Raw(path).send(put + chunked).say_no_more().to_the_end(), "HTTP/1.1 413 "));
  CHECK(daemon.last_done() == "nothing");

  const std::string fits = "{" + std::string(65534, ' ') + "}";
  CHECK(daemon.ask("PUT", "/v1/sequences/a", fits).status == 201);
}

TEST_CASE("pipelined, chunked, half-closed and dribbled requests are served") {
  Daemon daemon;
  const std::string path = daemon.directory.socket();
  const std::string put = "PUT /v1/sequences/a HTTP/1.1\r\nHost: x\r\n";
  const std::string several =
      put + "Content-Length: 11\r\n\r\n{\"start\":7}" + "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" +
      put + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"sta\r\n6\r\nrt\":8}\r\n0\r\n\r\n";
  const std::string replies = Raw(path).send(several).say_no_more().to_the_end();
  CHECK(occurrences(replies, "HTTP/1.1 ") == 3);
  const std::size_t created = replies.find("HTTP/1.1 201 ");
  const std::size_t unknown = replies.find("HTTP/1.1 404 ");
  const std::size_t found = replies.find("HTTP/1.1 200 ");
  CHECK((created < unknown && unknown < found && found != std::string::npos));
  daemon.on_loop([&] { CHECK(daemon.supply.opened.start == 8); });

  Raw slow(path);
  for (const char byte : std::string("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")) {
    slow.send(std::string(1, byte));
    std::this_thread::sleep_for(1ms);
  }
  CHECK(contains(slow.read_until("\n{\"healthy\":true}\n"), "HTTP/1.1 200 "));
  slow.send("GET /healthz HTTP/1.0\r\n\r\n");
  CHECK(contains(slow.to_the_end(), "HTTP/1.0 200 "));  // 1.0 closes

  Raw polite(path);
  polite.send(put + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(contains(polite.read_until("\r\n\r\n"), "HTTP/1.1 100 "));
  CHECK(contains(polite.send("{}").read_until("}\n"), "HTTP/1.1 200 "));

  CHECK(contains(Raw(path).send("GET /healthz HT").say_no_more().to_the_end(), "HTTP/1.1 400 "));
  CHECK(Raw(path).say_no_more().to_the_end().empty());
}

TEST_CASE("whoever says nothing, or never comes to an end, is let go") {
  Daemon daemon;
  Raw silent(daemon.directory.socket());
  Raw endless(daemon.directory.socket());
  endless.send("GET /healthz HTTP/1.1\r\nX: ");
  CHECK(silent.to_the_end().empty());
  CHECK(endless.to_the_end().empty());
}

// As many as the sidecar's own user may have.
constexpr int kSeats = 256 + 32;

TEST_CASE("where all seats are taken, who came first is let go for who comes") {
  Daemon daemon;
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<std::unique_ptr<Raw>> holders;
  for (int i = 0; i < kSeats; ++i) {
    holders.push_back(std::make_unique<Raw>(daemon.directory.socket()));
    holders.back()->send(get).read_until("true}\n");
  }
  holders[1]->send("GET /healthz HT");
  Raw one_more(daemon.directory.socket());
  CHECK(contains(one_more.send(get).read_until("true}\n"), "HTTP/1.1 200 "));
  CHECK(holders[0]->to_the_end().empty());
  Raw another(daemon.directory.socket());  // while that one keeps its seat
  CHECK(contains(another.send(get).read_until("true}\n"), "HTTP/1.1 200 "));
  CHECK(contains(holders[1]->to_the_end(), "HTTP/1.1 503 "));  // it had begun
  CHECK(contains(holders[2]->send(get).read_until("true}\n"), "HTTP/1.1 200 "));
}

TEST_CASE("who is let go is gone at once, whatever of a request came just before") {
  for (int steps = 0; steps < 20; ++steps) {
    CAPTURE(steps);
    boost::asio::io_context io;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    HttpConnection::Protocol::socket socket(io, HttpConnection::Protocol(AF_UNIX, 0), ends[0]);
    HttpConnection connection(std::move(socket), "somebody", false);
    const auto answer = [](HttpRequest) -> awaitable<HttpReply> { co_return HttpReply{}; };
    bool over = false;
    boost::asio::co_spawn(io, connection.serve(answer), [&](std::exception_ptr) { over = true; });
    for (int i = 0; i < steps; ++i) {
      CHECK(write(ends[1], "x", 1) == 1);
      io.poll_one();
    }
    CHECK(write(ends[1], "x", 1) == 1);
    connection.let_go();
    io.poll();
    CHECK(over);
    close(ends[1]);
  }
}

TEST_CASE("where all are being answered, who comes is refused with words, and nothing is cut off") {
  Daemon daemon;
  daemon.add("a");
  boost::asio::steady_timer hold(daemon.io, std::chrono::hours(1));
  daemon.on_loop([&] { daemon.supply.hold = &hold; });
  std::vector<std::unique_ptr<Raw>> busy;
  for (int i = 0; i < kSeats; ++i) {
    busy.push_back(std::make_unique<Raw>(daemon.directory.socket()));
    busy.back()->send("POST /v1/sequences/a/reset HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  const auto asked = [&] {
    std::size_t resets = 0;
    daemon.on_loop([&] { resets = daemon.supply.done.size(); });
    return resets;
  };
  while (asked() < kSeats) std::this_thread::sleep_for(1ms);
  const std::string refusal = Raw(daemon.directory.socket()).to_the_end();
  CHECK(contains(refusal, "HTTP/1.1 503 "));
  CHECK(contains(refusal, "\"type\":\"too_many_connections\""));
  daemon.on_loop([&] { hold.cancel(); });
  for (const auto &waiting : busy) {
    CHECK(contains(waiting->read_until("}\n"), "HTTP/1.1 200 "));
  }
}

TEST_CASE("what is held for who is slow to read is bounded: the oldest replies break off") {
  Daemon daemon;
  constexpr std::size_t size = 4'000'000;
  daemon.on_loop([&] {
    daemon.supply.add("large");
    daemon.supply.sequences["large"].detail = std::string(size, 'x');
  });
  std::vector<std::unique_ptr<Raw>> slow;
  for (int i = 0; i < 12; ++i) {  // of which 32 MiB are held
    slow.push_back(std::make_unique<Raw>(daemon.directory.socket()));
    slow.back()->send("GET /v1/sequences HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    slow.back()->read_until("HTTP/1.1 200 OK\r\n");
  }
  CHECK(daemon.ask("GET", "/v1/sequences").body.size() > size);
  CHECK(slow.front()->to_the_end().size() < size);
  CHECK(slow.back()->to_the_end().size() > size - 4096);  // but for what was read with its head
}

TEST_CASE("HEAD answers as GET does, without the body") {
  Daemon daemon;
  Raw raw(daemon.directory.socket());
  raw.send("HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = raw.read_until("\r\n\r\n");
  CHECK(contains(head, "HTTP/1.1 200 "));
  CHECK_FALSE(contains(head, "Content-Length: 0\r\n"));
  raw.send("HEAD /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string last = raw.to_the_end();
  CHECK(last.rfind("HTTP/1.1 404 ", 0) == 0);
  CHECK(last.substr(last.size() - 4) == "\r\n\r\n");
}

TEST_CASE("every reply tells a browser to keep nothing, guess nothing and show it nowhere else") {
  Daemon daemon;
  for (const std::string target : {"/v1/status", "/metrics", "/", "/nowhere"}) {
    Raw raw(daemon.directory.socket());
    raw.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string reply = raw.to_the_end();
    CAPTURE(reply);
    CHECK(contains(reply, "\r\nCache-Control: no-store\r\n"));
    CHECK(contains(reply, "\r\nX-Content-Type-Options: nosniff\r\n"));
    CHECK(contains(reply, "\r\nReferrer-Policy: no-referrer\r\n"));
    CHECK(contains(reply, "\r\nX-Frame-Options: DENY\r\n"));
    CHECK(contains(reply, "\r\nContent-Security-Policy: default-src 'none'; "));
    CHECK(contains(reply, "frame-ancestors 'none'"));
    CHECK_FALSE(contains(reply, "Access-Control-"));
  }
}

TEST_CASE("a stale socket is replaced, anything else is not, and a clean stop leaves none") {
  Directory directory;
  boost::asio::io_context io;
  ScriptedSupply supply;
  for (int i = 0; i < 2; ++i) {  // the second finds what the first left behind
    ControlServer killed(io, supply, {}, {}, {});
    killed.listen(directory.socket());
    struct stat found {};
    REQUIRE(stat(directory.socket().c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0660);
    std::filesystem::rename(directory.socket(), directory.socket() + ".kept");
    killed.stop();
    std::filesystem::rename(directory.socket() + ".kept", directory.socket());
  }
  {
    ControlServer server(io, supply, {}, {}, {});
    server.listen(directory.socket());
  }
  CHECK_FALSE(std::filesystem::exists(directory.socket()));
  std::ofstream(directory.socket()) << "precious";
  ControlServer server(io, supply, {}, {}, {});
  CHECK_THROWS_WITH(server.listen(directory.socket()), Catch::Contains("is in the way"));
  CHECK_THROWS_WITH(server.listen("/" + std::string(200, 'x')), Catch::Contains("107 bytes"));
  for (const char *address : {"", "127.0.0.1", "localhost:80", "127.0.0.1:", "127.0.0.1:99999"}) {
    CHECK_THROWS_WITH(server.listen_read_only(address), Catch::Contains(address));
  }
}

TEST_CASE("a stop lets the reply that is being made go out, and lets idle connections go") {
  Daemon daemon;
  daemon.add("a");
  boost::asio::steady_timer hold(daemon.io, std::chrono::hours(1));
  daemon.on_loop([&] { daemon.supply.hold = &hold; });
  Raw idle(daemon.directory.socket());
  idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").read_until("true}\n");
  Raw busy(daemon.directory.socket());
  busy.send("POST /v1/sequences/a/reset HTTP/1.1\r\nHost: x\r\n\r\n");
  while (daemon.last_done() != "reset a") std::this_thread::sleep_for(1ms);

  daemon.on_loop([&] { daemon.server.stop(); });
  CHECK(idle.to_the_end().empty());
  daemon.on_loop([&] { hold.cancel(); });
  const std::string reply = busy.to_the_end();
  CHECK(contains(reply, "HTTP/1.1 200 "));
  CHECK(contains(reply, "Connection: close\r\n"));
  CHECK(contains(reply, "{\"epoch\":2}"));
}

TEST_CASE("the address is read-only, and a loopback one answers only to its own names") {
  Daemon daemon;
  const auto ask = [&](const std::string &method, const std::string &target,
                       const std::string &host) {
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::address_v4::loopback(), daemon.port});
    const std::string request = method + " " + target + " HTTP/1.1\r\n" +
                                (host.empty() ? "" : "Host: " + host + "\r\n") +
                                "Connection: close\r\n\r\n";
    boost::asio::write(socket, boost::asio::buffer(request));
    std::string reply;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(reply), end);
    return reply.substr(0, 12);
  };
  const std::string port = ":" + std::to_string(daemon.port);
  for (const std::string host : {"127.0.0.1", "localhost", "LocalHost", "[::1]", "127.0.0.1:1"}) {
    CHECK(ask("GET", "/v1/status", host) == "HTTP/1.1 200");
  }
  CHECK(ask("GET", "/metrics", "localhost" + port) == "HTTP/1.1 200");
  CHECK(ask("GET", "/nowhere", "localhost" + port) == "HTTP/1.1 404");
  for (const std::string host :
       {"evil.example", "evil.example:80", "", "localhost.evil.example", "10.0.0.1", "[::2]"}) {
    CHECK(ask("GET", "/v1/status", host) == "HTTP/1.1 403");
  }
  for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"}) {
    for (const std::string target : {"/v1/reset", "/v1/sequences/a", "/"}) {
      CHECK(ask(method, target, "localhost") == "HTTP/1.1 403");
    }
  }
  CHECK(daemon.last_done() == "nothing");
}
