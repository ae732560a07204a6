// One HTTP/1.1 connection: reads requests within bounds, writes replies, in order (so pipelining
// works). What is no HTTP is answered 400 and closed, a body that is too large 413; whoever says
// nothing for kPatience, or takes longer than that for one request, is let go.
//
// Thread rules: the event loop only.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace essequence::sidecar {

constexpr std::size_t kHeaderLimit = 16 * 1024;
constexpr std::size_t kBodyLimit = 64 * 1024;
constexpr std::chrono::seconds kPatience{10};

struct HttpRequest {
  std::string method;
  std::string target;
  std::string host;
  std::string body;
};

struct HttpReply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::string allow = "";  // with 405: the methods there are
};

// Does not throw: an error is a reply.
using Answer = std::function<boost::asio::awaitable<HttpReply>(HttpRequest)>;

class HttpConnection {
 public:
  using Protocol = boost::asio::generic::stream_protocol;
  explicit HttpConnection(Protocol::socket socket);

  // Until the other end has enough, breaks the rules, or stop() is called.
  boost::asio::awaitable<void> serve(Answer answer);

  // A reply that is being made is still sent.
  void stop();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  boost::asio::awaitable<boost::system::error_code> read(Parser &parser);
  boost::asio::awaitable<bool> write(HttpReply reply, unsigned version, bool keep_alive);
  boost::asio::awaitable<void> say_goodbye();

  boost::beast::basic_stream<Protocol> stream_;
  boost::beast::flat_buffer buffer_;
  bool answering_ = false;
  bool stopping_ = false;
};

}  // namespace essequence::sidecar
