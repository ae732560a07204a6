#include "sidecar/control/http_connection.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "sidecar/control/sequence_json.hpp"

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

// A client that is still sending what nobody will read is listened to for so many bytes.
constexpr std::size_t kDrainLimit = 16 * 1024 * 1024;

auto resume_with(error_code &error) { return asio::redirect_error(asio::use_awaitable, error); }

// What to tell a client whose request could not be read; nothing where it just went away.
std::optional<Refusal> complaint(error_code error) {
  if (error == http::error::end_of_stream) return std::nullopt;
  if (error == http::error::body_limit) {
    return Refusal(413, "body_too_large",
                   "the body is larger than " + std::to_string(kBodyLimit) + " bytes");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Refusal(400, "header_too_large",
                   "the header is larger than " + std::to_string(kHeaderLimit) + " bytes");
  }
  if (error.category() != error_code(http::error::bad_method).category()) return std::nullopt;
  return Refusal(400, "bad_http", "this is not an HTTP/1.1 request: " + error.message());
}

}  // namespace

HttpConnection::HttpConnection(Protocol::socket socket)
    : stream_(std::move(socket)), buffer_(2 * kHeaderLimit) {}

void HttpConnection::stop() {
  stopping_ = true;
  if (!answering_) stream_.cancel();
}

asio::awaitable<error_code> HttpConnection::read(Parser &parser) {
  parser.header_limit(static_cast<std::uint32_t>(kHeaderLimit));
  parser.body_limit(kBodyLimit);
  stream_.expires_after(kPatience);
  error_code error;
  auto token = resume_with(error);
  co_await http::async_read_header(stream_, buffer_, parser, token);
  if (error) co_return error;
  if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto bytes = asio::buffer(go_on);
    co_await asio::async_write(stream_, bytes, token);
    if (error) co_return error;
  }
  co_await http::async_read(stream_, buffer_, parser, token);
  co_return error;
}

asio::awaitable<bool> HttpConnection::write(HttpReply reply, unsigned version, bool keep_alive) {
  http::response<http::string_body> message;
  message.version(version);
  message.result(reply.status);
  message.set(http::field::content_type, reply.content_type);
  message.set(http::field::cache_control, "no-store");
  if (!reply.allow.empty()) message.set(http::field::allow, reply.allow);
  message.keep_alive(keep_alive && !stopping_);
  message.body() = std::move(reply.body);
  message.prepare_payload();
  stream_.expires_after(kPatience);
  error_code error;
  auto token = resume_with(error);
  co_await http::async_write(stream_, message, token);
  co_return !error && message.keep_alive();
}

// Closing a socket with unread bytes would throw away the reply that is still on its way.
asio::awaitable<void> HttpConnection::say_goodbye() {
  error_code error;
  stream_.socket().shutdown(Protocol::socket::shutdown_send, error);
  stream_.expires_after(kPatience);
  std::array<char, 16 * 1024> ignored;
  auto token = resume_with(error);
  const auto space = asio::buffer(ignored);
  for (std::size_t total = 0; !error && !stopping_ && total < kDrainLimit;) {
    total += co_await stream_.async_read_some(space, token);
  }
}

asio::awaitable<void> HttpConnection::serve(Answer answer) {
  for (bool open = true; open && !stopping_;) {
    Parser parser;
    const error_code error = co_await read(parser);
    if (error) {
      const std::optional<Refusal> refusal = complaint(error);
      if (!refusal) co_return;
      HttpReply reply{static_cast<unsigned>(refusal->status()), text_of(json_of(*refusal))};
      co_await write(std::move(reply), 11, false);
      break;
    }
    const unsigned version = parser.get().version();
    const bool keep_alive = parser.get().keep_alive();
    HttpRequest request;
    request.method = parser.get().method_string().to_string();
    request.target = parser.get().target().to_string();
    request.host = parser.get()[http::field::host].to_string();
    request.body = std::move(parser.get().body());
    answering_ = true;
    asio::awaitable<HttpReply> pending = answer(std::move(request));
    HttpReply reply = co_await std::move(pending);
    open = co_await write(std::move(reply), version, keep_alive);
    answering_ = false;
  }
  co_await say_goodbye();
}

}  // namespace essequence::sidecar
