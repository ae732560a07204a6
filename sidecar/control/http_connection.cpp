#include "sidecar/control/http_connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <sstream>

#include "sidecar/control/sequence_json.hpp"

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

// A client that is still sending what nobody will read is listened to for so many bytes.
constexpr std::size_t kDrainLimit = 16 * 1024 * 1024;

// Of a reply, at a time: what a slow reader holds.
constexpr std::size_t kSlice = 16 * 1024;

constexpr char kOthersCame[] = "it took its time, and others came: try again";

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

HttpConnection::HttpConnection(Protocol::socket socket, std::string who, bool administrator)
    : Guest(std::move(who), administrator), stream_(std::move(socket)), buffer_(2 * kHeaderLimit) {}

void HttpConnection::stop() {
  stopping_ = true;
  if (state_ == State::reads || state_ == State::leaves) stream_.cancel();
}

void HttpConnection::let_go() {
  stopping_ = let_go_ = true;
  if (state_ == State::answers) {
    interruption_->happen();
    return;
  }
  stream_.cancel();
  // What is complete already, and only waits for its turn, is not cancelled: it finds the end.
  error_code ignored;
  const auto what = state_ == State::reads ? Protocol::socket::shutdown_receive  // refuse() sends
                                           : Protocol::socket::shutdown_both;
  stream_.socket().shutdown(what, ignored);
}

void HttpConnection::refuse(const std::string &reason) {
  const std::string body = text_of(json_of(Refusal(503, "too_many_connections", reason)));
  const std::string text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  error_code error;
  stream_.socket().non_blocking(true, error);
  stream_.socket().send(asio::buffer(text), 0, error);
  stream_.socket().shutdown(Protocol::socket::shutdown_send, error);
  // What lies unread would throw the refusal away.
  std::array<char, kSlice> ignored;
  stream_.socket().receive(asio::buffer(ignored), 0, error);
}

asio::awaitable<error_code> HttpConnection::read(Parser &parser) {
  parser.header_limit(static_cast<std::uint32_t>(kHeaderLimit));
  parser.body_limit(kBodyLimit);
  error_code error;
  auto token = resume_with(error);
  stream_.expires_after(kPatience);
  if (buffer_.size() == 0) {  // the time for a request begins with its first byte
    const auto space = buffer_.prepare(kSlice);
    buffer_.commit(co_await stream_.async_read_some(space, token));
    if (error || let_go_) co_return error;
    stream_.expires_after(kPatience);
  }
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

// Slice by slice, each a copy: so that the text is not held by those who are slow to read it.
asio::awaitable<bool> HttpConnection::write(HttpReply reply, unsigned version, bool keep_alive,
                                            bool with_body) {
  state_ = State::writes;
  const SharedText text =
      reply.shared ? reply.shared : std::make_shared<std::string>(std::move(reply.body));
  const std::size_t size = text->size();
  http::response<http::empty_body> message;
  message.version(version);
  message.result(reply.status);
  message.set(http::field::content_type, reply.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("Content-Security-Policy", reply.content_policy);
  message.set("Cross-Origin-Resource-Policy", "same-origin");
  message.set("Referrer-Policy", "no-referrer");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("X-Frame-Options", "DENY");
  if (!reply.allow.empty()) message.set(http::field::allow, reply.allow);
  message.keep_alive(keep_alive && !stopping_);
  message.content_length(size);
  std::ostringstream head;
  head << message.base();
  std::string slice = head.str();
  stream_.expires_after(kPatience);
  for (std::size_t sent = 0;;) {
    const std::size_t count = with_body ? std::min(kSlice, size - sent) : 0;
    slice.append(*text, sent, count);
    sent += count;
    error_code error;
    auto token = resume_with(error);
    const auto bytes = asio::buffer(slice);
    co_await asio::async_write(stream_, bytes, token);
    if (error || let_go_) co_return false;
    if (sent == size || !with_body) co_return message.keep_alive();
    if (text->size() != size) co_return false;  // it was taken back
    slice.clear();
  }
}

// Closing a socket with unread bytes would throw away the reply that is still on its way.
asio::awaitable<void> HttpConnection::say_goodbye() {
  state_ = State::leaves;
  error_code error;
  stream_.socket().shutdown(Protocol::socket::shutdown_send, error);
  stream_.expires_after(kPatience);
  std::array<char, kSlice> ignored;
  auto token = resume_with(error);
  const auto space = asio::buffer(ignored);
  for (std::size_t total = 0; !error && !stopping_ && total < kDrainLimit;) {
    total += co_await stream_.async_read_some(space, token);
  }
}

asio::awaitable<void> HttpConnection::serve(Answer answer) {
  for (bool open = true; open && !stopping_;) {
    Parser parser;
    state_ = State::reads;
    const error_code error = co_await read(parser);
    if (let_go_) {
      const bool begun = buffer_.size() > 0 || parser.got_some();
      if (begun) refuse(kOthersCame);
      co_return;
    }
    if (error) {
      const std::optional<Refusal> refusal = complaint(error);
      if (!refusal) co_return;
      HttpReply reply{static_cast<unsigned>(refusal->status()), text_of(json_of(*refusal))};
      co_await write(std::move(reply), 11, false);
      break;
    }
    const unsigned version = parser.get().version();
    const bool keep_alive = parser.get().keep_alive();
    const bool with_body = parser.get().method() != http::verb::head;
    HttpRequest request;
    request.method = parser.get().method_string().to_string();
    request.target = parser.get().target().to_string();
    request.host = parser.get()[http::field::host].to_string();
    request.body = std::move(parser.get().body());
    interruption_ = request.interruption;
    state_ = State::answers;
    asio::awaitable<HttpReply> pending = answer(std::move(request));
    HttpReply reply = co_await std::move(pending);
    if (let_go_) co_return refuse(kOthersCame);
    open = co_await write(std::move(reply), version, keep_alive, with_body);
  }
  if (!let_go_) co_await say_goodbye();
}

}  // namespace essequence::sidecar
