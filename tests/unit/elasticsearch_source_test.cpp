#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>
#include <thread>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/identity.hpp"
#include "tests/unit/fake_http_server.hpp"

using namespace essequence::sidecar;
using essequence::test::FakeHttpServer;
using Kind = SourceError::Kind;
using Behaviour = FakeHttpServer::Behaviour;

namespace {

// Runs one call of the source to its end on the event loop.
template <class T>
T run(boost::asio::io_context &loop, awaitable<T> call) {
  auto result = boost::asio::co_spawn(loop, std::move(call), boost::asio::use_future);
  loop.restart();
  loop.run();
  return result.get();
}

struct Refused {
  std::optional<Kind> kind;  // absent: it succeeded
  std::string what;
};

template <class T>
Refused refusal(boost::asio::io_context &loop, awaitable<T> call) {
  try {
    run(loop, std::move(call));
  } catch (const SourceError &e) {
    return {e.kind(), e.what()};
  }
  return {};
}

std::string reply(const std::string &status, const std::string &body,
                  const std::string &header = "") {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + header + "\r\n" + body;
}

std::string error_reply(const std::string &status, const std::string &type,
                        const std::string &reason) {
  return reply(status, R"({"error":{"type":")" + type + R"(","reason":")" + reason +
                           R"("},"status":)" + status.substr(0, 3) + "}");
}

std::string source_with(const std::string &iid, const std::string &epoch = "1") {
  return R"({"name":"orders","iid":)" + iid + R"(,"epoch":)" + epoch +
         R"(,"origin":"o1","floor":0,"fenced":false,"replaces":[],"start":1,"increment":1,)"
         R"("max":9223372036854775807,"order":"host"})";
}

std::string updated(const std::string &source, const std::string &result = "updated",
                    const std::string &id = "orders") {
  return reply("200 OK", R"({"_index":"essequence","_id":")" + id + R"(","_version":2,"result":")" +
                             result +
                             R"(","_seq_no":4,"_primary_term":1,"get":{"_seq_no":4,)"
                             R"("_primary_term":1,"found":true,"_source":)" +
                             source + "}}");
}

std::string found(const std::string &source) {
  return reply("200 OK", R"({"_index":"essequence","_id":"orders","_version":2,"_seq_no":4,)"
                         R"("_primary_term":1,"found":true,"_source":)" +
                             source + "}");
}

ElasticsearchConfig config_for(std::vector<std::string> hosts) {
  ElasticsearchConfig config;
  config.hosts = std::move(hosts);
  config.request_timeout = std::chrono::seconds(10);
  return config;
}

Change to(std::int64_t iid) {
  Change change;
  change.iid = iid;
  return change;
}

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

TEST_CASE("a conflict with what may be our own write is no certain conflict") {
  const Behaviour answers = {found(source_with("10"))};
  const Behaviour cut = {"", false, false, true};
  const Behaviour conflict = {
      error_reply("409 Conflict", "version_conflict_engine_exception", "required seqNo")};
  // It takes the connection of the read, which closes, and cpprestsdk sends again; unless it was
  // too quick for that connection to be there again.
  bool sent_again = false;
  for (int attempt = 0; attempt < 100 && !sent_again; ++attempt) {
    FakeHttpServer server(answers, {cut, conflict});
    boost::asio::io_context loop;
    ElasticsearchSource source(config_for({server.url()}), loop);
    run(loop, source.read("orders"));
    std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
    CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == Kind::unknown);
    sent_again = server.requests().size() == 3;
    CHECK(refusal(loop, source.update("orders", {3, 1}, to(20))).kind == Kind::conflict);
  }
  CHECK(sent_again);
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
                          [](std::exception_ptr, Stored) { FAIL("it was abandoned"); });
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

TEST_CASE("on a real Elasticsearch") {
  const char *url = std::getenv("ESSEQUENCE_TEST_ELASTICSEARCH");
  if (!url) {
    std::cout << "skipped: ESSEQUENCE_TEST_ELASTICSEARCH=http://HOST:PORT is not set\n";
    return;
  }
  boost::asio::io_context loop;
  auto config = config_for({url});
  config.request_timeout = std::chrono::seconds(30);
  config.index = "essequence-test-" + random_identity();
  const std::string index = config.index;
  elasticsearch::Http administrator(config, loop);
  const auto ask = [&](const std::string &method, const std::string &path,
                       const std::string &body) {
    const elasticsearch::Request request{method, path, body};
    const auto heard = run(loop, administrator.ask(request, elasticsearch::Purpose::read));
    return std::get<elasticsearch::Reply>(heard.outcome);
  };
  ElasticsearchSource source(config, loop);

  Standing fresh;
  fresh.origin = random_identity();

  CHECK(refusal(loop, source.prepare(false)).kind == Kind::missing);
  CHECK(refusal(loop, source.read("orders")).kind == Kind::missing);
  CHECK(refusal(loop, source.read_many({"orders"})).kind == Kind::missing);
  CHECK(refusal(loop, source.read_marker()).kind == Kind::missing);
  CHECK_FALSE(source.health().healthy);

  run(loop, source.prepare(true));
  CHECK(source.health().healthy);
  const auto marker = run(loop, source.read_marker());
  CHECK(marker.index == index);
  CHECK(marker.origin.size() == 32);
  run(loop, source.prepare(false));
  run(loop, source.prepare(true));
  CHECK(run(loop, source.read_marker()) == marker);

  SECTION("creators that race agree") {
    config.index = index + "-race";
    std::vector<std::unique_ptr<ElasticsearchSource>> racers;
    std::vector<std::future<void>> done;
    for (int i = 0; i < 8; ++i) {
      racers.push_back(std::make_unique<ElasticsearchSource>(config, loop));
      done.push_back(
          boost::asio::co_spawn(loop, racers.back()->prepare(true), boost::asio::use_future));
    }
    loop.restart();
    loop.run();
    for (auto &one : done) CHECK_NOTHROW(one.get());
    const auto agreed = run(loop, racers[0]->read_marker());
    for (auto &racer : racers) CHECK(run(loop, racer->read_marker()) == agreed);
    ask("DELETE", "/" + config.index, "");
  }

  SECTION("the index holds exact integers, durably, and is searched by nobody") {
    const auto settings = ask("GET", "/" + index + "/_settings?flat_settings=true", "").body;
    CHECK_THAT(settings, Catch::Contains("\"index.hidden\":\"true\""));
    CHECK_THAT(settings, Catch::Contains("\"index.number_of_shards\":\"1\""));
    CHECK_THAT(settings, Catch::Contains("\"index.auto_expand_replicas\":\"0-1\""));
    CHECK_THAT(settings, Catch::Contains("durability\":\"request\""));
    const auto mapping = ask("GET", "/" + index + "/_mapping", "").body;
    CHECK_THAT(mapping, Catch::Contains(R"("dynamic":"strict")"));
    CHECK_THAT(mapping,
               Catch::Contains(R"("iid":{"type":"long","index":false,"doc_values":false})"));
  }

  SECTION("create, update, conflict, missing, remove") {
    fresh.progression = {1000, 5, 9223372036854775807, Order::cluster};
    fresh.iid = fresh.floor = 995;
    fresh.replaces = {"an-origin", "an-index"};
    const auto created = run(loop, source.create("orders", fresh));
    CHECK(created.standing.index == index);
    CHECK(refusal(loop, source.create("orders", fresh)).kind == Kind::conflict);
    CHECK(source.health().healthy);

    auto read = run(loop, source.read("orders"));
    REQUIRE(read.has_value());
    CHECK(read->standing.origin == fresh.origin);
    CHECK(read->standing.replaces == fresh.replaces);
    CHECK(read->standing.progression == fresh.progression);
    CHECK(read->standing.iid == 995);
    CHECK(read->version.seq_no == created.version.seq_no);

    const std::int64_t large = 9007199254740993;  // not a double
    const auto updated_once = run(loop, source.update("orders", created.version, to(large)));
    CHECK(updated_once.standing.iid == large);
    CHECK(updated_once.standing.origin == fresh.origin);
    CHECK(updated_once.version.seq_no > created.version.seq_no);
    CHECK(refusal(loop, source.update("orders", created.version, to(1))).kind == Kind::conflict);
    CHECK(refusal(loop, source.update("orders", updated_once.version, to(large))).kind ==
          Kind::not_applied);
    CHECK(source.health().healthy);

    Change all;
    all.iid = 7;
    all.epoch = 9223372036854775807u;
    all.floor = 8;
    all.fenced = true;
    all.origin = "another";
    all.replaces = std::vector<std::string>{fresh.origin};
    const auto changed = run(loop, source.update("orders", updated_once.version, all));
    CHECK(changed.standing.epoch == 9223372036854775807u);
    CHECK(changed.standing.fenced);
    CHECK(changed.standing.origin == "another");
    CHECK(changed.standing.replaces == std::vector<std::string>{fresh.origin});
    CHECK(run(loop, source.read("orders"))->standing.floor == 8);

    CHECK(refusal(loop, source.update("nobody", changed.version, to(1))).kind == Kind::missing);
    CHECK(source.health().healthy);
    CHECK(refusal(loop, source.remove("orders", created.version)).kind == Kind::conflict);
    run(loop, source.remove("orders", changed.version));
    CHECK_FALSE(run(loop, source.read("orders")).has_value());
  }

  SECTION("odd names") {
    const std::vector<std::string> names = {"a b",   "ü",     "100%", "a?b#c", "a+b",
                                            "a&b=c", "\"q\\", "%2F",  "..."};
    for (const auto &name : names) {
      CAPTURE(name);
      const auto created = run(loop, source.create(name, fresh));
      CHECK(run(loop, source.update(name, created.version, to(10))).standing.iid == 10);
      CHECK(run(loop, source.read(name))->standing.iid == 10);
    }
    auto asked = names;
    asked.insert(asked.begin() + 1, "nobody");
    const auto many = run(loop, source.read_many(asked));
    REQUIRE(many.size() == asked.size());
    CHECK_FALSE(many[1].has_value());
    for (std::size_t i = 0; i < many.size(); ++i) CHECK((i == 1) == !many[i].has_value());
  }

  SECTION("the marker counts, however many bump it at once") {
    std::vector<std::future<void>> bumps;
    for (int i = 0; i < 10; ++i) {
      bumps.push_back(boost::asio::co_spawn(loop, source.bump_marker(), boost::asio::use_future));
    }
    loop.restart();
    loop.run();
    for (auto &bump : bumps) CHECK_NOTHROW(bump.get());
    const auto bumped = run(loop, source.read_marker());
    CHECK(bumped.counter == marker.counter + 10);
    CHECK(bumped.origin == marker.origin);
  }

  SECTION("through an alias the concrete index answers, and no write creates an index") {
    config.index = index + "-alias";
    ask("PUT", "/" + index + "-concrete", R"({"aliases":{")" + config.index + R"(":{}}})");
    ElasticsearchSource aliased(config, loop);
    CHECK(refusal(loop, aliased.prepare(false)).kind == Kind::missing);
    run(loop, aliased.prepare(true));
    const auto created = run(loop, aliased.create("orders", fresh));
    CHECK(created.standing.index == index + "-concrete");
    CHECK(run(loop, aliased.update("orders", created.version, to(10))).standing.index ==
          index + "-concrete");
    ask("DELETE", "/" + index + "-concrete", "");
    CHECK(refusal(loop, aliased.update("orders", created.version, to(20))).kind == Kind::missing);
    CHECK(refusal(loop, aliased.create("more", fresh)).kind == Kind::missing);
    CHECK(ask("HEAD", "/" + config.index, "").status == 404);
  }

  SECTION("no write creates the index anew when it was deleted") {
    const auto created = run(loop, source.create("orders", fresh));
    ask("DELETE", "/" + index, "");
    CHECK(refusal(loop, source.update("orders", created.version, to(10))).kind == Kind::missing);
    CHECK(refusal(loop, source.create("more", fresh)).kind == Kind::missing);
    CHECK(refusal(loop, source.bump_marker()).kind == Kind::missing);
    CHECK_FALSE(source.health().healthy);
    CHECK(ask("HEAD", "/" + index, "").status == 404);
  }

  SECTION("an index that lost its alias for writes is written to by its name") {
    const auto created = run(loop, source.create("orders", fresh));
    ask("DELETE", "/" + index + "/_alias/" + index + "-write", "");
    CHECK(refusal(loop, source.update("orders", created.version, to(10))).kind ==
          Kind::not_applied);
    CHECK(run(loop, source.update("orders", created.version, to(10))).standing.iid == 10);
  }

  SECTION("the largest value of another index is exact") {
    const std::string other = index + "-other";
    const auto put = [&](const std::string &id, const std::string &body) {
      ask("PUT", "/" + other + "/_doc/" + id + "?refresh=true", body);
    };
    ask("PUT", "/" + other,
        R"({"mappings":{"properties":{"n":{"type":"long"},)"
        R"("none":{"type":"long"},"d":{"type":"double"}}}})");
    CHECK_FALSE(run(loop, source.largest_value(other, "n")).has_value());
    put("1", R"({"n":9007199254740993,"d":1.5})");
    put("2", R"({"n":9007199254740992})");
    CHECK(run(loop, source.largest_value(other, "n")) == 9007199254740993);
    CHECK_FALSE(run(loop, source.largest_value(other, "none")).has_value());
    CHECK(refusal(loop, source.largest_value(other, "d")).kind == Kind::not_applied);
    CHECK(refusal(loop, source.largest_value(other, "typo")).kind == Kind::not_applied);
    CHECK(refusal(loop, source.largest_value(other + "x", "n")).kind == Kind::missing);
    CHECK(source.health().healthy);
    ask("DELETE", "/" + other, "");
  }

  SECTION("a full disk is said as one") {
    const auto created = run(loop, source.create("orders", fresh));
    ask("PUT", "/" + index + "/_settings", R"({"index.blocks.read_only_allow_delete":true})");
    const auto refused = refusal(loop, source.update("orders", created.version, to(10)));
    CHECK(refused.kind == Kind::not_applied);
    CHECK_THAT(refused.what, Catch::Contains("the disk of Elasticsearch is full"));
    CHECK_FALSE(source.health().healthy);
  }

  ask("DELETE", "/" + index, "");
}
