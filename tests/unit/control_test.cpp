// What each request of the control socket does, and what a bad one is told.
#include <spdlog/sinks/base_sink.h>

#include <set>

#include "sidecar/event.hpp"
#include "tests/unit/control_daemon.hpp"
#include "tests/unit/raw_connection.hpp"

using namespace control_test;
using namespace std::string_literals;

namespace {

class KindsTold final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  std::set<std::string> kinds;  // ESSEQUENCE_EVENT of what is logged

 private:
  void sink_it_(const spdlog::details::log_msg &) override {
    for (const Field &field : fields_of_event()) {
      if (field.name == "ESSEQUENCE_EVENT"s) kinds.insert(field.value);
    }
  }
  void flush_() override {}
};

}  // namespace

TEST_CASE("status tells of the process, its source and its journal") {
  Daemon daemon;
  daemon.add("a");
  const ControlReply reply = daemon.ask("GET", "/v1/status");
  CHECK(reply.status == 200);
  json body = body_of(reply);
  CHECK(body.at("uptime_seconds").get<double>() >= 0);
  CHECK(body.at("started_at").get<std::string>().size() == 24);
  body.erase("uptime_seconds");
  body.erase("started_at");
  CHECK(body == json::parse(R"({"version":"1.2.3","pid":5,"layout":4,"sequences":1,
      "source":{"kind":"local","healthy":true,"detail":""},
      "journal":{"healthy":true,"detail":""}})"));
}

TEST_CASE("a sequence is shown with exactly the public fields") {
  Daemon daemon;
  daemon.add("a");
  const std::string all = R"({"name":"a","state":"ready","detail":"","epoch":1,"origin":"",
      "next_id":null,"ready_ids":0,"cover_seconds":null,"rate_per_second":0.0,"block_size":0,
      "high_water":0,"start":1,"increment":1,"max":9223372036854775807,"order":"host",
      "granted_total":0,"taken_total":0,"lost_total":{"unknown_reply":0,"burnt_reset":0,
      "burnt_raise":0,"burnt_fence":0,"burnt_ring":0},"dropped_by_clients":0,
      "refills_total":0,"stalls_total":0,"refill_seconds":null})";
  CHECK(body_of(daemon.ask("GET", "/v1/sequences/a")) == json::parse(all));
  CHECK(body_of(daemon.ask("GET", "/v1/sequences")) ==
        json::parse(R"({"sequences":[)" + all + "]}"));
  daemon.on_loop([&] {
    daemon.supply.sequences["a"].next_id = INT64_MAX;
    daemon.supply.sequences["a"].cover_seconds = 1.5;
    daemon.supply.sequences["a"].detail = "\xff no UTF-8";
  });
  const json shown = body_of(daemon.ask("GET", "/v1/sequences/a"));
  CHECK(shown.at("next_id") == INT64_MAX);
  CHECK(shown.at("cover_seconds") == 1.5);
  CHECK(shown.at("detail") == "\uFFFD no UTF-8");
  CHECK(daemon.ask("GET", "/v1/sequences/b").status == 404);
}

TEST_CASE("PUT opens or creates, with every field") {
  Daemon daemon;
  CHECK(daemon.ask("PUT", "/v1/sequences/a").status == 201);
  CHECK(daemon.ask("PUT", "/v1/sequences/a").status == 200);
  const ControlReply reply = daemon.ask("PUT", "/v1/sequences/a", R"({
      "start":2,"increment":2147483647,"max":9223372036854775807,"order":"cluster",
      "bulk_size":50,"above":9,"above_field":{"index":"i","field":"f"},"from_start":true})");
  CHECK(reply.status == 200);
  CHECK(body_of(reply).at("name") == "a");
  daemon.on_loop([&] {
    const OpenRequest &opened = daemon.supply.opened;
    CHECK(opened.start == 2);
    CHECK(opened.increment == 2147483647);
    CHECK(opened.max == INT64_MAX);
    CHECK(opened.order == Order::cluster);
    CHECK(opened.bulk_size == 50);
    CHECK(opened.above == 9);
    CHECK(opened.above_field == std::pair<std::string, std::string>("i", "f"));
    CHECK(opened.from_start);
  });
}

TEST_CASE("a bad body is refused with the field, the value and the range") {
  Daemon daemon;
  const std::pair<const char *, const char *> bad[] = {
      {R"({"start":0})", "'start' is an integer from 1 to 9223372036854775807, not 0"},
      {R"({"start":1.0})", "'start' is an integer from 1 to 9223372036854775807, not 1.0"},
      {R"({"start":1e3})", "not 1000.0"},
      {R"({"start":"1"})", "not \"1\""},
      {R"({"start":null})", "not null"},
      {R"({"max":9223372036854775808})", "not 9223372036854775808"},
      {R"({"max":99999999999999999999})", "'max' is an integer"},
      {R"({"increment":2147483648})", "'increment' is an integer from 1 to 2147483647"},
      {R"({"bulk_size":0})", "'bulk_size' is an integer from 1"},
      {R"({"above":-1})", "'above' is an integer from 0"},
      {R"({"order":"both"})", "'order' is \"host\" or \"cluster\", not \"both\""},
      {R"({"above_field":"i/f"})", "'above_field' is {"},
      {R"({"above_field":{"index":"i"}})", "'above_field' is {"},
      {R"({"above_field":{"index":"i","field":""}})", "'above_field' is {"},
      {R"({"above_field":{"index":"i","field":"f","x":1}})", "'above_field' is {"},
      {R"({"from_start":1})", "'from_start' is true or false, not 1"},
      {R"({"strat":1})", "unknown field \"strat\"; known are: start, increment"},
      {R"([1])", "the body is a JSON object, not [1]"},
      {R"({"start":1)", "not valid JSON"},
      {"\xff", "not valid JSON"},
  };
  for (const auto &[body, words] : bad) {
    CAPTURE(body);
    const ControlReply reply = daemon.ask("PUT", "/v1/sequences/a", body);
    CHECK(reply.status == 400);
    CHECK_THAT(reason_of(reply), Catch::Contains(words));
  }
  CHECK(daemon.ask("POST", "/v1/sequences/a/raise").status == 400);
  CHECK(daemon.ask("POST", "/v1/sequences/a/unfence", "{}").status == 400);
  CHECK(daemon.ask("POST", "/v1/sequences/a/take", R"({"count":0})").status == 400);
  CHECK(daemon.ask("POST", "/v1/sequences/a/reset", R"({"above":1})").status == 400);
  CHECK(daemon.last_done() == "nothing");
}

TEST_CASE("each request does what it says") {
  Daemon daemon;
  daemon.add("a");
  CHECK(daemon.ask("POST", "/v1/sequences/a/reset").body == "{\"epoch\":2}\n");
  CHECK(daemon.last_done() == "reset a");
  CHECK(body_of(daemon.ask("POST", "/v1/sequences/a/raise", R"({"above":7})")).at("name") == "a");
  CHECK(daemon.last_done() == "raise a 7");
  CHECK(daemon.ask("POST", "/v1/sequences/a/unfence", R"({"above":8})").status == 200);
  CHECK(daemon.last_done() == "unfence a 8");
  CHECK(daemon.ask("POST", "/v1/sequences/a/take", R"({"count":4})").body ==
        "{\"first\":101,\"count\":4,\"increment\":2,\"epoch\":3}\n");
  CHECK(daemon.ask("POST", "/v1/sequences/a/take").status == 200);
  CHECK(daemon.last_done() == "take a 1");
  CHECK(body_of(daemon.ask("GET", "/v1/sequences/a/blocks?id=-7")) ==
        json::parse(R"({"blocks":[{"first":1,"last":46,"count":10,"increment":5,"epoch":1,
                        "granted_at":"2001-09-09T01:46:40.000Z","fate":"published"}]})"));
  CHECK(daemon.last_done() == "blocks a -7");
  CHECK(daemon.ask("POST", "/v1/burn").status == 200);
  CHECK(daemon.last_done() == "burn");
  CHECK(daemon.ask("POST", "/v1/reload").status == 200);
  CHECK(daemon.reloads == 1);
  CHECK(daemon.ask("DELETE", "/v1/sequences/a").status == 200);
  CHECK(daemon.last_done() == "remove a");
  CHECK(contains(daemon.ask("GET", "/").body, "href=\"v1/status\""));
}

TEST_CASE("a reset of all says for each how it went") {
  Daemon daemon;
  daemon.add("a");
  daemon.add("b");
  const ControlReply all = daemon.ask("POST", "/v1/reset");
  CHECK(all.status == 200);
  CHECK(body_of(all) == json::parse(R"({"sequences":{"a":{"epoch":2},"b":{"epoch":2}}})"));
  daemon.on_loop([&] { daemon.supply.sequences["b"].state = "fenced"; });
  const ControlReply some = daemon.ask("POST", "/v1/reset");
  CHECK(some.status == 207);
  CHECK(body_of(some).at("sequences").at("a") == json::parse(R"({"epoch":3})"));
  CHECK(body_of(some).at("sequences").at("b").at("error").at("type") == "sequence_fenced");
}

TEST_CASE("what the supply refuses is the reply; what breaks is 500, and the server goes on") {
  Daemon daemon;
  daemon.add("a");
  for (const int status : {403, 404, 409, 503, 504}) {
    daemon.on_loop([&] { daemon.supply.refusal = Refusal(status, "some_type", "some words"); });
    const ControlReply reply = daemon.ask("POST", "/v1/sequences/a/reset");
    CHECK(reply.status == static_cast<unsigned>(status));
    CHECK(reason_of(reply) == "some words");
    CHECK(body_of(reply).at("error").at("type") == "some_type");
  }
  daemon.on_loop([&] { daemon.supply.broken = true; });
  CHECK(daemon.ask("POST", "/v1/sequences/a/reset").status == 500);
  daemon.on_loop([&] {
    daemon.supply.broken = false;
    daemon.supply.refusal.reset();
  });
  CHECK(daemon.ask("POST", "/v1/sequences/a/reset").status == 200);
}

TEST_CASE("who may have changed something is always told, also where it failed halfway") {
  const auto logger_before = spdlog::default_logger();
  const auto kept = std::make_shared<KindsTold>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", kept));
  {
    Daemon daemon;
    daemon.add("a");
    const auto kind_of = [&](int status, const std::string &method, const std::string &target) {
      daemon.on_loop([&] {
        kept->kinds.clear();
        daemon.supply.refusal.reset();
        if (status != 200) daemon.supply.refusal = Refusal(status, "some_type", "some words");
      });
      CHECK(daemon.ask(method, target).status == static_cast<unsigned>(status));
      bool change = false;
      daemon.on_loop([&] { change = kept->kinds.count("change") > 0; });
      return change ? "change" : "request";
    };
    for (const int status : {200, 409, 500, 503, 504}) {
      CHECK(kind_of(status, "POST", "/v1/sequences/a/reset") == "change"s);
      CHECK(kind_of(status, "POST", "/v1/sequences/a/take") == "request"s);
    }
    for (const int status : {400, 403, 404}) {
      CHECK(kind_of(status, "POST", "/v1/sequences/a/reset") == "request"s);
    }
    CHECK(kind_of(405, "POST", "/v1/sequences/a") == "request"s);
    CHECK(kind_of(200, "PUT", "/v1/sequences/a") == "request"s);
    daemon.add("take");
    CHECK(kind_of(200, "DELETE", "/v1/sequences/take") == "change"s);
    CHECK(kind_of(504, "PUT", "/v1/sequences/a") == "change"s);
  }
  spdlog::set_default_logger(logger_before);
}

TEST_CASE("unknown paths, methods and parameters") {
  Daemon daemon;
  for (const char *path : {"/v2", "/v1", "/v1/", "/v1/sequence/a", "/v1/sequences/a/", "//",
                           "/v1/sequences/a/reset/x", "/v1/status/", "/metricsx"}) {
    CAPTURE(path);
    CHECK(daemon.ask("GET", path).status == 404);
  }
  const ControlReply reply = daemon.ask("PATCH", "/v1/sequences/a");
  CHECK(reply.status == 405);
  CHECK(reason_of(reply) == "allowed here: GET, PUT, DELETE");
  Raw raw(daemon.directory.socket());
  raw.send("GET /v1/sequences/a/reset HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(raw.to_the_end(), "\r\nAllow: POST\r\n"));
  CHECK(daemon.ask("GET", "/v1/status?pretty").status == 400);
  for (const char *query : {"", "?id=", "?id=1.0", "?id=1x", "?id=9223372036854775808",
                            "?id=1&id=2", "?id=1&x=2", "?id=%3", "?id=+1"}) {
    CAPTURE(query);
    CHECK(daemon.ask("GET", std::string("/v1/sequences/a/blocks") + query).status == 400);
  }
}

TEST_CASE("a name in a path is decoded once, and checked") {
  Daemon daemon;
  CHECK(daemon.ask("PUT", "/v1/sequences/a%2520%C3%A4").status == 201);
  CHECK(daemon.last_done() == "open a%20ä");
  const std::string odd = "a b?c#d%e\"\\";
  CHECK(daemon.ask("PUT", essequence::shm::path_of_sequence(odd)).status == 201);
  CHECK(daemon.last_done() == "open " + odd);
  for (const std::string bad :
       {"", "a%", "a%4", "a%zz", "a%2Fb", "%00", "%0A", "%FF", "_a", "%2e%2e", "."}) {
    CAPTURE(bad);
    CHECK(daemon.ask("PUT", "/v1/sequences/" + bad).status == 400);
  }
  CHECK(daemon.ask("PUT", "/v1/sequences/" + std::string(255, 'a')).status == 201);
  CHECK(daemon.ask("PUT", "/v1/sequences/" + std::string(256, 'a')).status == 400);
}

TEST_CASE("health is 503 with the cause when the source or the journal is not well") {
  Daemon daemon;
  CHECK(daemon.ask("GET", "/healthz").status == 200);
  daemon.on_loop([&] { daemon.supply.journal = "disk full"; });
  CHECK(daemon.ask("GET", "/healthz").status == 503);
  daemon.on_loop([&] { daemon.supply.health = {false, "no route to host"}; });
  const ControlReply reply = daemon.ask("GET", "/healthz");
  CHECK(reply.status == 503);
  CHECK(reason_of(reply) == "local: no route to host");
}

TEST_CASE("metrics: each is announced once, and labels are escaped") {
  Daemon daemon;
  daemon.add("plain");
  daemon.add("a\"b\\c");
  daemon.on_loop([&] {
    daemon.supply.sequences["plain"].lost_total.burnt_raise = 3;
    daemon.supply.sequences["plain"].cover_seconds = 2.5;
  });
  const std::string text = daemon.ask("GET", "/metrics").body;
  CHECK(contains(text, "essequence_source_healthy{kind=\"local\"} 1\n"));
  CHECK(contains(text, "essequence_sequences{state=\"ready\"} 2\n"));
  CHECK(contains(text, "essequence_lost_total{sequence=\"plain\",reason=\"burnt_raise\"} 3\n"));
  CHECK(contains(text, "essequence_cover_seconds{sequence=\"plain\"} 2.5\n"));
  CHECK(contains(text, "essequence_cover_seconds{sequence=\"a\\\"b\\\\c\"} +Inf\n"));
  CHECK(occurrences(text, "# TYPE essequence_lost_total counter\n") == 1);
  CHECK(occurrences(text, "# HELP") == occurrences(text, "# TYPE"));
}
