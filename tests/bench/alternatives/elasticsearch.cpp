#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace essequence::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using nlohmann::json;

class Document {
 public:
  // `url`: http://HOST:PORT
  Document(const std::string &url, const std::string &index) : index_(index), socket_(context_) {
    const std::size_t host = url.find("//") + 2, colon = url.rfind(':');
    asio::ip::tcp::resolver resolver(context_);
    asio::connect(socket_, resolver.resolve(url.substr(host, colon - host), url.substr(colon + 1)));
    socket_.set_option(asio::ip::tcp::no_delay(true));
  }

  std::int64_t next() {
    if (last_ == end_) take_ten();
    return ++last_;
  }

 private:
  void take_ten() {
    for (;;) {
      if (seq_no_ < 0) read();
      const auto [status, reply] =
          request(http::verb::post,
                  "/" + index_ + "/_update/orders?if_seq_no=" + std::to_string(seq_no_) +
                      "&if_primary_term=" + std::to_string(primary_term_),
                  json{{"doc", {{"iid", iid_ + 10}}}}.dump());
      if (status == 200) {
        seq_no_ = reply.at("_seq_no");
        primary_term_ = reply.at("_primary_term");
        last_ = iid_;
        end_ = iid_ += 10;
        return;
      }
      if (status != 409) throw std::runtime_error("_update: status " + std::to_string(status));
      seq_no_ = -1;  // another process was faster
    }
  }

  void read() {
    const auto [status, reply] = request(http::verb::get, "/" + index_ + "/_doc/orders", "");
    if (status != 200) throw std::runtime_error("_doc: status " + std::to_string(status));
    seq_no_ = reply.at("_seq_no");
    primary_term_ = reply.at("_primary_term");
    iid_ = reply.at("_source").at("iid");
  }

  std::pair<unsigned, json> request(http::verb verb, const std::string &target,
                                    const std::string &body) {
    http::request<http::string_body> request{verb, target, 11, body};
    request.set(http::field::host, "localhost");
    request.set(http::field::content_type, "application/json");
    request.prepare_payload();
    http::write(socket_, request);
    http::response<http::string_body> response;
    http::read(socket_, buffer_, response);
    return {response.result_int(), json::parse(response.body())};
  }

  const std::string index_;
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::int64_t seq_no_ = -1, primary_term_ = 0, iid_ = 0;
  std::int64_t last_ = 0, end_ = 0;
};

}  // namespace

ctl::Way by_elasticsearch(const std::string &url, const std::string &index) {
  const auto document = std::make_shared<Document>(url, index);
  return one_by_one([document] { return document->next(); });
}

}  // namespace essequence::bench
