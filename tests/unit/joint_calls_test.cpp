// What is asked for at the same moment goes out in one request, and each gets its own answer.
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <iostream>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/identity.hpp"
#include "tests/unit/elasticsearch_replies.hpp"
#include "tests/unit/fake_http_server.hpp"
#include "tests/unit/source_calls.hpp"

using namespace essequence::sidecar;
using essequence::test::FakeHttpServer;
using essequence::test::reply;
using essequence::test::run;
using essequence::test::to;

namespace {

struct Asker {
  boost::asio::io_context loop;
  ElasticsearchConfig config;
  std::unique_ptr<ElasticsearchSource> source;

  explicit Asker(const std::string &url) {
    config.hosts = {url};
    config.index = "essequence-test-" + random_identity();
    source = std::make_unique<ElasticsearchSource>(config, loop);
  }

  // All of them, begun in one turn of the loop. "iid N", or the kind of the refusal.
  template <class T>
  std::vector<std::string> outcomes(std::vector<awaitable<T>> calls) {
    std::vector<std::future<T>> asked;
    for (auto &call : calls) {
      asked.push_back(boost::asio::co_spawn(loop, std::move(call), boost::asio::use_future));
    }
    loop.restart();
    loop.run();
    std::vector<std::string> told;
    for (auto &one : asked) {
      try {
        told.push_back(words(one.get()));
      } catch (const SourceError &error) {
        constexpr const char *kinds[] = {"not applied", "conflict", "missing", "unknown"};
        told.push_back(kinds[static_cast<int>(error.kind())]);
      }
    }
    return told;
  }

  static std::string words(const std::optional<Stored> &stored) {
    return stored ? "iid " + std::to_string(stored->standing.iid) : "absent";
  }
};

}  // namespace

TEST_CASE("a joint reply that is not whole proves nothing to anybody") {
  const std::string fine = R"({"update":{"_index":"i","_id":"a","result":"updated","_seq_no":4,)"
                           R"("_primary_term":1,"status":200,"get":{"found":true,"_source":{)"
                           R"("name":"a","iid":10,"epoch":1,"origin":"o","floor":0,"fenced":false,)"
                           R"("replaces":[],"start":1,"increment":1,"max":99,"order":"host"}}}})";
  struct Case {
    std::string items;
    std::vector<std::string> outcomes;
  };
  const std::vector<Case> cases = {
      {"[" + fine + "," + fine + "]", {"iid 10", "unknown"}},  // of another document
      {"[" + fine + "]", {"unknown", "unknown"}},
      {"[" + fine +
           R"(,{"update":{"status":429,"error":{"type":"es_rejected_execution_exception",)"
           R"("reason":"busy"}}}])",
       {"iid 10", "not applied"}},
      {"[" + fine +
           R"(,{"update":{"status":403,"error":{"type":"cluster_block_exception",)"
           R"("reason":"blocked"}}}])",
       {"iid 10", "not applied"}},
      {"[" + fine + R"(,{"update":{"status":503,"error":{"type":"x","reason":"y"}}}])",
       {"iid 10", "unknown"}},
      {"[" + fine + R"(,{"update":{}}])", {"unknown", "unknown"}},
      {R"([{"update":7},{"index":{}}])", {"unknown", "unknown"}},
      {"7", {"unknown", "unknown"}},
  };
  for (const Case &one : cases) {
    CAPTURE(one.items);
    FakeHttpServer server(
        {reply("200 OK", R"({"took":1,"errors":false,"items":)" + one.items + "}")});
    Asker asker(server.url());
    std::vector<awaitable<Stored>> updates;
    updates.push_back(asker.source->update("a", {3, 1}, to(10)));
    updates.push_back(asker.source->update("b", {3, 1}, to(10)));
    CHECK(asker.outcomes(std::move(updates)) == one.outcomes);
    REQUIRE(server.requests().size() == 1);
    CHECK(server.requests()[0].target().find("/_bulk?") != std::string::npos);
  }
}

TEST_CASE("on a real Elasticsearch each of many gets its own answer") {
  const char *url = std::getenv("ESSEQUENCE_TEST_ELASTICSEARCH");
  if (!url) {
    std::cout << "skipped: ESSEQUENCE_TEST_ELASTICSEARCH=http://HOST:PORT is not set\n";
    return;
  }
  Asker asker(url);
  ElasticsearchSource &source = *asker.source;
  run(asker.loop, source.prepare(true));

  constexpr int kMany = 1200;  // more than one request holds
  Standing fresh;
  fresh.origin = random_identity();
  std::vector<awaitable<Stored>> creations, updates;
  for (const char *name : {"a", "b", "ü \"c\"\n"}) creations.push_back(source.create(name, fresh));
  REQUIRE(asker.outcomes(std::move(creations)) ==
          std::vector<std::string>{"iid 0", "iid 0", "iid 0"});
  std::vector<Version> versions;
  for (const char *name : {"a", "b", "ü \"c\"\n"}) {
    versions.push_back(run(asker.loop, source.read(name))->version);
  }
  updates.push_back(source.update("a", versions[0], to(10)));
  updates.push_back(source.update("b", {versions[1].seq_no + 7, 1}, to(10)));
  updates.push_back(source.update("nobody", versions[1], to(10)));
  updates.push_back(source.update("ü \"c\"\n", versions[2], to(30)));
  updates.push_back(source.update("b", versions[1], to(0)));  // is there already
  CHECK(asker.outcomes(std::move(updates)) ==
        std::vector<std::string>{"iid 10", "conflict", "missing", "iid 30", "not applied"});

  std::vector<awaitable<std::optional<Stored>>> reads;
  for (int i = 0; i < kMany; ++i) reads.push_back(source.read(i % 2 == 0 ? "a" : "nobody"));
  const auto found = asker.outcomes(std::move(reads));
  for (int i = 0; i < kMany; ++i) REQUIRE(found[i] == (i % 2 == 0 ? "iid 10" : "absent"));

  elasticsearch::Http administrator(asker.config, asker.loop);
  const elasticsearch::Request removal{"DELETE", "/" + asker.config.index, ""};
  run(asker.loop, administrator.ask(removal, elasticsearch::Purpose::read));
  std::vector<awaitable<Stored>> late;
  late.push_back(source.update("a", versions[0], to(20)));
  late.push_back(source.update("b", versions[1], to(20)));
  CHECK(asker.outcomes(std::move(late)) == std::vector<std::string>{"missing", "missing"});
}
