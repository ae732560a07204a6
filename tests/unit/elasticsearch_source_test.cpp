// The source on a real Elasticsearch, where ESSEQUENCE_TEST_ELASTICSEARCH names one.
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/identity.hpp"
#include "tests/unit/source_calls.hpp"

using namespace essequence::sidecar;
using namespace essequence::test;
using Kind = SourceError::Kind;

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
