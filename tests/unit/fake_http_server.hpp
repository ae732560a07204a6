// A tiny HTTP server for faults that a real Elasticsearch cannot be asked for. It answers each
// request with raw bytes, so that they need not be HTTP at all.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace essequence::test {

class FakeHttpServer {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  struct Behaviour {
    std::string bytes;           // of the reply
    bool silent = false;         // say nothing, and hold the connection
    bool close_at_once = false;  // before the request is read
    bool close_after = false;    // the connection, after the bytes
  };

  // `later`: what it does from the second request on, one each; the last one stays.
  explicit FakeHttpServer(Behaviour first, std::vector<Behaviour> later = {})
      : behaviour_(std::move(first)), later_(std::move(later)), acceptor_(io_, {address(), 0}) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~FakeHttpServer() {
    io_.stop();
    thread_.join();
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  std::size_t connections() const { return connections_; }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct Session {
    explicit Session(Socket accepted) : socket(std::move(accepted)) {}
    Socket socket;
    boost::beast::flat_buffer buffer;
    Request request;
  };

  static boost::asio::ip::address address() { return boost::asio::ip::make_address("127.0.0.1"); }

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, Socket socket) {
      if (error) return;
      ++connections_;
      if (!behaviour_.close_at_once) serve(std::make_shared<Session>(std::move(socket)));
      accept();
    });
  }

  void serve(const std::shared_ptr<Session> &session) {
    session->request = {};
    boost::beast::http::async_read(session->socket, session->buffer, session->request,
                                   [this, session](boost::system::error_code error, std::size_t) {
                                     if (error) return;
                                     {
                                       const std::lock_guard lock(mutex_);
                                       requests_.push_back(session->request);
                                     }
                                     const Behaviour now = behaviour_;
                                     if (!later_.empty()) {
                                       behaviour_ = later_.front();
                                       later_.erase(later_.begin());
                                     }
                                     if (now.silent) held_.push_back(session);
                                     if (now.silent) return;
                                     boost::asio::write(session->socket,
                                                        boost::asio::buffer(now.bytes), error);
                                     if (!error && !now.close_after) serve(session);
                                   });
  }

  Behaviour behaviour_;  // of the next request; the server's thread only
  std::vector<Behaviour> later_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Session>> held_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::atomic<std::size_t> connections_ = 0;
  std::thread thread_;
};

}  // namespace essequence::test
