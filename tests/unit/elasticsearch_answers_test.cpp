// What the source makes of each answer that a server can give: no faulty one is a grant, and each
// is said in words.
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "tests/unit/elasticsearch_replies.hpp"
#include "tests/unit/fake_http_server.hpp"
#include "tests/unit/source_calls.hpp"

using namespace essequence::sidecar;
using namespace essequence::test;
using Kind = SourceError::Kind;
using Behaviour = FakeHttpServer::Behaviour;

namespace {

struct Case {
  std::string name;
  Behaviour behaviour;
  Kind of_update;
  bool healthy;
  std::string words;  // that the error must hold
};

const std::string kHtml = "<html><body>It works!</body></html>";

const std::vector<Case> kFaults = {
    {"garbage", {"\x01\x02 no HTTP at all\r\n\r\n"}, Kind::unknown, false, ""},
    {"HTML", {reply("200 OK", kHtml)}, Kind::unknown, false, "HTML"},
    {"empty 200", {reply("200 OK", "")}, Kind::unknown, false, "empty"},
    {"truncated JSON",
     {reply("200 OK", R"({"_index":"essequence","_id":)")},
     Kind::unknown,
     false,
     "not a complete JSON"},
    {"cut in the body",
     {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"_index\":", false, false, true},
     Kind::unknown,
     false,
     ""},
    {"bad chunks",
     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}", false, false, true},
     Kind::unknown,
     false,
     ""},
    {"401",
     {error_reply("401 Unauthorized", "security_exception", "who are you")},
     Kind::not_applied,
     false,
     "password_file"},
    {"403",
     {error_reply("403 Forbidden", "security_exception", "action is unauthorized")},
     Kind::not_applied,
     false,
     "the role needs"},
    {"400",
     {error_reply("400 Bad Request", "illegal_argument_exception", "no such thing")},
     Kind::not_applied,
     false,
     "no such thing"},
    {"404 of a proxy", {reply("404 Not Found", kHtml)}, Kind::not_applied, false, "HTML"},
    {"404 of the index",
     {error_reply("404 Not Found", "index_not_found_exception", "no such index")},
     Kind::missing,
     false,
     "no such index"},
    {"405",
     {reply("405 Method Not Allowed", R"({"error":"Incorrect HTTP method","status":405})")},
     Kind::not_applied,
     false,
     "Incorrect HTTP method"},
    {"408 of a proxy", {reply("408 Request Timeout", kHtml)}, Kind::unknown, false, "408"},
    {"429",
     {error_reply("429 Too Many Requests", "es_rejected_execution_exception", "busy")},
     Kind::not_applied,
     false,
     "busy"},
    {"429 of a full disk",
     {error_reply("429 Too Many Requests", "cluster_block_exception",
                  "index [essequence] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded "
                  "flood-stage watermark, index has read-only-allow-delete block];")},
     Kind::not_applied,
     false,
     "the disk of Elasticsearch is full"},
    {"500",
     {error_reply("500 Internal Server Error", "null_pointer_exception", "oops")},
     Kind::unknown,
     false,
     "oops"},
    {"503",
     {error_reply("503 Service Unavailable", "unavailable_shards_exception", "no primary")},
     Kind::unknown,
     false,
     "no primary"},
    {"closed after the request", {"", false, false, true}, Kind::unknown, false, ""},
};

const std::vector<Case> kAnswersToAnUpdate = {
    {"404 of the document",
     {error_reply("404 Not Found", "document_missing_exception", "[orders]: document missing")},
     Kind::missing,
     true,
     "document missing"},
    {"409",
     {error_reply("409 Conflict", "version_conflict_engine_exception", "required seqNo")},
     Kind::conflict,
     true,
     "required seqNo"},
    {"noop", {updated(source_with("20"), "noop")}, Kind::not_applied, true, "proves nothing"},
    {"another result", {updated(source_with("20"), "deleted")}, Kind::unknown, false, "deleted"},
    {"another value", {updated(source_with("21"))}, Kind::unknown, false, "other values"},
    {"a rounded value", {updated(source_with("20.0"))}, Kind::unknown, false, "other values"},
    {"a text for a value", {updated(source_with("\"20\""))}, Kind::unknown, false, "other values"},
    {"another document",
     {updated(source_with("20"), "updated", "invoices")},
     Kind::unknown,
     false,
     "_id"},
    {"an epoch of 0", {updated(source_with("20", "0"))}, Kind::unknown, false, "epoch"},
    {"an epoch beyond 64 bits",
     {updated(source_with("20", "99999999999999999999"))},
     Kind::unknown,
     false,
     "epoch"},
    {"no document",
     {reply("200 OK", R"({"_index":"essequence","result":"updated"})")},
     Kind::unknown,
     false,
     "get"},
};

}  // namespace

TEST_CASE("a source starts unhealthy, and a proven update makes it healthy") {
  FakeHttpServer server({updated(source_with("9223372036854775806", "3"))});
  boost::asio::io_context loop;
  ElasticsearchSource source(config_for({server.url()}), loop);
  CHECK_FALSE(source.health().healthy);
  CHECK(source.health().detail == "not asked yet");

  const auto stored = run(loop, source.update("orders", {3, 1}, to(9223372036854775806)));
  CHECK(stored.standing.iid == 9223372036854775806);
  CHECK(stored.standing.epoch == 3);
  CHECK(stored.standing.index == "essequence");
  CHECK(stored.standing.origin == "o1");
  CHECK(stored.version.seq_no == 4);
  CHECK(source.health().healthy);

  const auto requests = server.requests();
  REQUIRE(requests.size() == 1);
  const std::string target(requests[0].target());
  CHECK(target.find("/essequence/_update/orders?") == 0);
  CHECK(target.find("if_primary_term=1&if_seq_no=3") != std::string::npos);
  CHECK(target.find("_source=true") != std::string::npos);
  CHECK(target.find("refresh") == std::string::npos);
  CHECK(requests[0].body() == R"({"doc":{"iid":9223372036854775806}})");
  CHECK(requests[0]["User-Agent"].starts_with("essequenced/"));
  CHECK_FALSE(requests[0]["X-Opaque-Id"].empty());
}

TEST_CASE("no faulty answer to an update is a grant") {
  auto cases = kFaults;
  cases.insert(cases.end(), kAnswersToAnUpdate.begin(), kAnswersToAnUpdate.end());
  for (const auto &fault : cases) {
    CAPTURE(fault.name);
    FakeHttpServer server(fault.behaviour);
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    const auto refused = refusal(loop, source.update("orders", {3, 1}, to(20)));
    CAPTURE(refused.what);
    REQUIRE(refused.kind.has_value());
    CHECK(*refused.kind == fault.of_update);
    CHECK(refused.what.find(fault.words) != std::string::npos);
    CHECK(refused.what.find("orders") != std::string::npos);
    CHECK(source.health().healthy == fault.healthy);
    CHECK(source.health().detail.empty() == fault.healthy);
    CHECK(server.requests().size() == 1);
  }
}

TEST_CASE("a block by script is granted on proof alone") {
  const auto noop = updated(source_with("20"), "noop");
  const auto no_painless =
      reply("400 Bad Request",
            R"({"error":{"type":"illegal_argument_exception","reason":"failed to execute script",)"
            R"("caused_by":{"reason":"script_lang not supported [painless]"}},"status":400})");
  struct {
    std::string reply;
    std::optional<Kind> refused;
    std::string words;
  } const cases[] = {
      {updated(source_with("130")), std::nullopt, ""},
      {updated(source_with("109")), Kind::unknown, "no block of 10 above 100"},
      {updated(source_with("130", "2")), Kind::unknown, "other values"},
      {updated(source_with("130"), "updated", "invoices"), Kind::unknown, "_id"},
      {noop, Kind::not_applied, "not as this host knows it"},
      {no_painless, Kind::not_applied, "not supported [painless]"},
      {error_reply("409 Conflict", "version_conflict_engine_exception", "busy"), Kind::conflict,
       "busy"},
  };
  for (const auto &one : cases) {
    CAPTURE(one.reply);
    FakeHttpServer server({one.reply});
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    REQUIRE(source.can_advance());
    const auto refused = refusal(loop, source.advance("orders", {"o1", 1, 100, 10}));
    CHECK(refused.kind == one.refused);
    CHECK(refused.what.find(one.words) != std::string::npos);
    CHECK(source.can_advance() == (one.reply != no_painless));
  }
  auto config = config_for({"http://127.0.0.1:9"});
  config.allocation = "cas";
  boost::asio::io_context loop;
  CHECK_FALSE(ElasticsearchSource(config, loop).can_advance());
}

TEST_CASE("a confirmed read believes the primary alone") {
  const auto item = [](const std::string &id, const std::string &rest) {
    return R"({"update":{"_index":"essequence","_id":")" + id + "\"," + rest + "}}";
  };
  const auto touched = [&](const std::string &id, const std::string &iid) {
    std::string source = source_with(iid);
    source.replace(source.find("orders"), 6, id);
    return item(id, R"("result":"updated","_seq_no":4,"_primary_term":1,"status":200,)"
                    R"("get":{"found":true,"_source":)" +
                        source + "}");
  };
  const std::string missing =
      R"("status":404,"error":{"type":"document_missing_exception","reason":"missing"})";
  const std::string no_primary =
      R"("status":503,"error":{"type":"unavailable_shards_exception","reason":"not active"})";
  // For the index, and then for the alias that writes go through.
  const std::string no_marker =
      reply("404 Not Found", R"({"_index":"essequence","_id":"_essequence","found":false})");
  struct {
    std::string items;
    std::string outcome;  // the iid, "absent", or words of the refusal
  } const cases[] = {
      {touched("_essequence", "7") + "," + touched("orders", "130"), "130"},
      {touched("_essequence", "7") + "," + item("orders", missing), "absent"},
      {item("_essequence", no_primary) + "," + item("orders", missing), "not active"},
      {touched("_essequence", "7") + "," + item("orders", no_primary), "not active"},
      {item("_essequence", missing) + "," + item("orders", missing), "absent"},
      {touched("_essequence", "7") + "," + touched("invoices", "130"), "other values"},
      {touched("_essequence", "7"), "one answer for each"},
  };
  for (const auto &one : cases) {
    CAPTURE(one.items);
    FakeHttpServer server({no_marker},
                          {{no_marker}, {reply("200 OK", R"({"items":[)" + one.items + "]}")}});
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    std::string outcome;
    try {
      const auto stored = run(loop, source.read_confirmed("orders"));
      outcome = stored ? std::to_string(stored->standing.iid) : "absent";
    } catch (const SourceError &error) {
      outcome = error.what();
      CHECK(error.kind() != Kind::missing);
    }
    CHECK(outcome.find(one.outcome) != std::string::npos);
    CHECK(server.requests().size() == 3);
    CHECK(server.requests()[2].target().find("require_alias=true") != std::string::npos);
  }

  // A write to a name that is gone would create an index.
  FakeHttpServer gone({error_reply("404 Not Found", "index_not_found_exception", "no such index")});
  boost::asio::io_context loop;
  ElasticsearchSource source(config_for({gone.url()}), loop);
  CHECK(refusal(loop, source.read_confirmed("orders")).kind == Kind::missing);
  CHECK(gone.requests().size() == 1);
}

TEST_CASE("a failed read changes nothing and says why") {
  for (const auto &fault : kFaults) {
    CAPTURE(fault.name);
    FakeHttpServer server(fault.behaviour);
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    const auto refused = refusal(loop, source.read("orders"));
    CAPTURE(refused.what);
    REQUIRE(refused.kind.has_value());
    CHECK(*refused.kind == (fault.of_update == Kind::missing ? Kind::missing : Kind::not_applied));
    CHECK_FALSE(source.health().healthy);
    CHECK_FALSE(source.health().detail.empty());
  }
}

TEST_CASE("a missing document is an answer, and a damaged one is not") {
  boost::asio::io_context loop;
  FakeHttpServer absent(
      {reply("404 Not Found", R"({"_index":"essequence","_id":"orders","found":false})")});
  ElasticsearchSource source(config_for({absent.url()}), loop);
  CHECK_FALSE(run(loop, source.read("orders")).has_value());
  CHECK(source.health().healthy);

  for (const char *iid : {"1.5", "\"1\"", "null", "9223372036854775808", "true", "[1]"}) {
    CAPTURE(iid);
    FakeHttpServer damaged({found(source_with(iid))});
    ElasticsearchSource reader(config_for({damaged.url()}), loop);
    const auto refused = refusal(loop, reader.read("orders"));
    REQUIRE(refused.kind.has_value());
    CHECK(*refused.kind == Kind::not_applied);
    CHECK(refused.what.find("\"iid\"") != std::string::npos);
    CHECK_FALSE(reader.health().healthy);
  }
}

TEST_CASE("a silent server is given up at the deadline, and the outcome is unknown") {
  FakeHttpServer server({"", true});
  auto config = config_for({server.url()});
  config.request_timeout = std::chrono::milliseconds(200);
  boost::asio::io_context loop;
  ElasticsearchSource source(config, loop);
  CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == Kind::unknown);
  CHECK_FALSE(source.health().healthy);
  CHECK(refusal(loop, source.read("orders")).kind == Kind::not_applied);
}

TEST_CASE("a server that nobody can reach has certainly got nothing") {
  std::string url;
  {
    const FakeHttpServer gone({});
    url = gone.url();
  }
  boost::asio::io_context loop;
  ElasticsearchSource source(config_for({url}), loop);
  CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == Kind::not_applied);
  CHECK(source.health().detail.find(url) != std::string::npos);

  FakeHttpServer closing({"", false, true});
  ElasticsearchSource closed(config_for({closing.url()}), loop);
  const auto refused = refusal(loop, closed.update("orders", {3, 1}, to(20)));
  REQUIRE(refused.kind.has_value());  // which of the two depends on who was faster
  CHECK((*refused.kind == Kind::unknown || *refused.kind == Kind::not_applied));
}

TEST_CASE("another host is asked only where that is safe") {
  boost::asio::io_context loop;
  FakeHttpServer good({updated(source_with("20"))});
  FakeHttpServer good_to_read({found(source_with("20"))});
  FakeHttpServer busy({error_reply("503 Service Unavailable", "no_master", "no master")});
  std::string nowhere;
  {
    const FakeHttpServer gone({});
    nowhere = gone.url();
  }

  ElasticsearchSource unsent(config_for({nowhere, good.url()}), loop);
  CHECK(run(loop, unsent.update("orders", {3, 1}, to(20))).standing.iid == 20);

  ElasticsearchSource reads(config_for({busy.url(), good_to_read.url()}), loop);
  CHECK(run(loop, reads.read("orders"))->standing.iid == 20);

  const auto before = good.requests().size();
  ElasticsearchSource writes(config_for({busy.url(), good.url()}), loop);
  CHECK(refusal(loop, writes.update("orders", {3, 1}, to(20))).kind == Kind::unknown);
  CHECK(good.requests().size() == before);
  // The host that failed is in its back-off: the other one has the next turns.
  CHECK(run(loop, writes.update("orders", {3, 1}, to(20))).standing.iid == 20);
  CHECK(run(loop, writes.update("orders", {3, 1}, to(20))).standing.iid == 20);
}

TEST_CASE("a call that is abandoned leaves nothing behind") {
  FakeHttpServer silent({"", true});
  FakeHttpServer prompt({updated(source_with("20"))});
  for (auto *server : {&silent, &prompt}) {
    auto loop = std::make_unique<boost::asio::io_context>();
    auto source = std::make_unique<ElasticsearchSource>(config_for({server->url()}), *loop);
    boost::asio::co_spawn(*loop, source->update("orders", {3, 1}, to(20)),
                          [&](std::exception_ptr, Stored) { CHECK(server == &prompt); });
    loop->poll();
    while (server->requests().empty()) std::this_thread::yield();
    source.reset();
    loop.reset();
  }
}

TEST_CASE("a configuration that cannot work is refused with the field") {
  boost::asio::io_context loop;
  const auto refused = [&loop](auto change) -> std::string {
    auto config = config_for({"https://127.0.0.1:1"});
    change(config);
    try {
      ElasticsearchSource source(config, loop);
    } catch (const ConfigError &e) {
      return e.what();
    }
    return "";
  };
  using Config = ElasticsearchConfig;
  CHECK(refused([](Config &) {}).empty());
  CHECK_THAT(refused([](Config &c) { c.hosts = {}; }), Catch::Contains("hosts"));
  CHECK_THAT(refused([](Config &c) { c.hosts = {"es1:9200"}; }), Catch::Contains("es1:9200"));
  CHECK_THAT(refused([](Config &c) { c.hosts = {"http://u:p@h"}; }), Catch::Contains("user"));
  CHECK_THAT(refused([](Config &c) { c.username = "u"; }), Catch::Contains("password_file"));
  CHECK_THAT(refused([](Config &c) { c.api_key_file = "/nonexistent"; }),
             Catch::Contains("/nonexistent"));
  CHECK_THAT(refused([](Config &c) { c.ca_file = "/nonexistent"; }), Catch::Contains("ca_file"));
  CHECK_THAT(refused([](Config &c) { c.cert_file = "/nonexistent"; }), Catch::Contains("key_file"));
}
