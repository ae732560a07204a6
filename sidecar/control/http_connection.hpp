// One HTTP/1.1 connection: reads requests within bounds, writes replies, in order (so pipelining
// works). What is no HTTP is answered 400 and closed, a body that is too large 413; whoever says
// nothing for kPatience, or takes longer than that to send one request or to read one reply, is let
// go. What it holds is bounded: the limits below, and a few kilobytes of the reply at a time.
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

#include "sidecar/control/joint_text.hpp"
#include "sidecar/control/seats.hpp"

namespace essequence::sidecar {

constexpr std::size_t kHeaderLimit = 16 * 1024;
constexpr std::size_t kBodyLimit = 64 * 1024;
constexpr std::chrono::seconds kPatience{10};

struct HttpRequest {
  std::string method;
  std::string target;
  std::string host;
  std::string body;
  std::shared_ptr<Interruption> interruption = std::make_shared<Interruption>();
};

struct HttpReply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::string allow = "";       // with 405: the methods there are
  SharedText shared = nullptr;  // in place of `body`
  // What a browser may do with it.
  std::string content_policy = "default-src 'none'; frame-ancestors 'none'";
};

// Does not throw: an error is a reply.
using Answer = std::function<boost::asio::awaitable<HttpReply>(HttpRequest)>;

class HttpConnection final : public Guest {
 public:
  using Protocol = boost::asio::generic::stream_protocol;
  HttpConnection(Protocol::socket socket, std::string who, bool administrator);

  // Until the other end has enough, breaks the rules, or is let go.
  boost::asio::awaitable<void> serve(Answer answer);

  // Reads no further request. A reply that is being made or written is still sent.
  void stop();

  // Without serving it: a refusal, as far as it is taken at once.
  void refuse(const std::string &reason);

  bool rests() const override { return state_ != State::answers || interruption_->possible(); }
  void let_go() override;

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class State { reads, answers, writes, leaves };

  boost::asio::awaitable<boost::system::error_code> read(Parser &parser);
  boost::asio::awaitable<bool> write(HttpReply reply, unsigned version, bool keep_alive,
                                     bool with_body = true);
  boost::asio::awaitable<void> say_goodbye();

  boost::beast::basic_stream<Protocol> stream_;
  boost::beast::flat_buffer buffer_;
  State state_ = State::reads;
  std::shared_ptr<Interruption> interruption_;  // of the answer that is being made
  bool stopping_ = false;
  bool let_go_ = false;
};

}  // namespace essequence::sidecar
