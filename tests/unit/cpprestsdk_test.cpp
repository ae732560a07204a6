// What cpprestsdk does by itself, and must not do to an id.
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/elasticsearch_replies.hpp"
#include "tests/unit/fake_http_server.hpp"
#include "tests/unit/source_calls.hpp"

using namespace essequence::sidecar;
using namespace essequence::test;
using Kind = SourceError::Kind;
using Behaviour = FakeHttpServer::Behaviour;

TEST_CASE("a redirect is not followed, least of all with the password") {
  const auto secret = std::filesystem::temp_directory_path() /
                      ("essequence-test-" + std::to_string(::getpid()) + "-password");
  std::ofstream(secret) << "sesame\n";
  FakeHttpServer elsewhere({updated(source_with("20"))});
  FakeHttpServer server({reply("302 Found", "", "Location: " + elsewhere.url() + "/x\r\n")});
  auto config = config_for({server.url()});
  config.username = "ali";
  config.password_file = secret;
  boost::asio::io_context loop;
  ElasticsearchSource source(config, loop);
  std::filesystem::remove(secret);

  const auto refused = refusal(loop, source.update("orders", {3, 1}, to(20)));
  CHECK(refused.kind == Kind::not_applied);
  CHECK(refused.what.find("redirects are not followed") != std::string::npos);
  CHECK(refusal(loop, source.read("orders")).kind == Kind::not_applied);
  CHECK_FALSE(source.health().healthy);
  CHECK(elsewhere.connections() == 0);
  REQUIRE(server.requests().size() == 2);
  CHECK(server.requests()[0]["Authorization"] == "Basic YWxpOnNlc2FtZQ==");

  std::ofstream(secret) << "aGFsbG86d2VsdA==\n";
  auto by_key = config_for({server.url()});
  by_key.api_key_file = secret;
  ElasticsearchSource key_holder(by_key, loop);
  std::filesystem::remove(secret);
  CHECK(refusal(loop, key_holder.read("orders")).kind == Kind::not_applied);
  CHECK(server.requests().back()["Authorization"] == "ApiKey aGFsbG86d2VsdA==");
}

TEST_CASE("a connection that was closed while it was idle costs nothing") {
  FakeHttpServer server({found(source_with("20")), false, false, true});
  boost::asio::io_context loop;
  ElasticsearchSource source(config_for({server.url()}), loop);
  for (int i = 0; i < 3; ++i) CHECK(run(loop, source.read("orders"))->standing.iid == 20);

  FakeHttpServer writes({updated(source_with("20")), false, false, true});
  ElasticsearchSource writer(config_for({writes.url()}), loop);
  for (int i = 0; i < 3; ++i) {
    CHECK(run(loop, writer.update("orders", {3, 1}, to(20))).standing.iid == 20);
  }
}

TEST_CASE("what answers a request that was sent twice does not say what became of the first") {
  const Behaviour answers = {found(source_with("10"))};
  const Behaviour cut = {"", false, false, true};
  const std::string conflict =
      error_reply("409 Conflict", "version_conflict_engine_exception", "required seqNo");
  const std::string missing =
      error_reply("404 Not Found", "document_missing_exception", "[orders]: document missing");
  const std::string busy =
      error_reply("429 Too Many Requests", "es_rejected_execution_exception", "busy");
  const std::string elsewhere = reply("302 Found", "", "Location: http://127.0.0.1:9/\r\n");
  const std::vector<std::pair<std::string, Kind>> refusals = {{conflict, Kind::conflict},
                                                              {missing, Kind::missing},
                                                              {busy, Kind::not_applied},
                                                              {elsewhere, Kind::not_applied}};
  for (const auto &[refused, when_sent_once] : refusals) {
    CAPTURE(refused);
    // It takes the connection of the read, which closes, and cpprestsdk sends again; unless it was
    // too quick for that connection to be there again.
    bool sent_again = false;
    for (int attempt = 0; attempt < 100 && !sent_again; ++attempt) {
      FakeHttpServer server(answers, {cut, {refused}});
      boost::asio::io_context loop;
      ElasticsearchSource source(config_for({server.url()}), loop);
      run(loop, source.read("orders"));
      std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
      CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == Kind::unknown);
      sent_again = server.requests().size() == 3;
      CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == when_sent_once);
    }
    CHECK(sent_again);
  }
}

TEST_CASE("a reply is read whatever type it says it is of") {
  const std::string whole = updated(source_with("20"));
  const std::string told = "application/json";
  for (const char *type : {"application/vnd.elasticsearch+json;compatible-with=8", "text/html",
                           "application/octet-stream", "application/json; charset=utf-16",
                           "text/plain; charset=klingon", "", "/;;=,"}) {
    CAPTURE(type);
    std::string odd = whole;
    odd.replace(odd.find(told), told.size(), type);
    FakeHttpServer server({odd});
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    CHECK(run(loop, source.update("orders", {3, 1}, to(20))).standing.iid == 20);
  }
}

TEST_CASE("no garbage ends the process, though nobody waits for it any more") {
  const std::vector<Behaviour> garbage = {
      {"\x01\x02 no HTTP at all\r\n\r\n", false, false, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"_index\":", false, false, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}", false, false, true},
      {"", false, false, true},
      {"", false, true}};
  for (const auto &answer : garbage) {
    FakeHttpServer server(answer);
    boost::asio::io_context loop;
    // From one that is given up before it is sent to one that hears it all.
    for (int patience = 0; patience < 40; ++patience) {
      auto config = config_for({server.url()});
      config.request_timeout = std::chrono::microseconds(100 * patience + 1);
      ElasticsearchSource source(config, loop);
      CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind.has_value());
      CHECK(refusal(loop, source.read("orders")).kind.has_value());
    }
  }
}
