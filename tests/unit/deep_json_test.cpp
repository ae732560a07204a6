// JSON that nests so deep that whoever copies or prints it needs more stack than there is.
#include <catch2/catch.hpp>

#include "sidecar/allocation/elasticsearch/answer.hpp"
#include "sidecar/control/request_fields.hpp"
#include "sidecar/refill/refusal.hpp"
#include "sidecar/shallow_json.hpp"

using namespace essequence::sidecar;

namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("JSON is read down to its deepest level and not further") {
  CHECK_FALSE(parse_shallow_json(nested(kDeepestJson)).is_discarded());
  CHECK(parse_shallow_json(nested(kDeepestJson + 2)).is_discarded());
  CHECK(parse_shallow_json("{\"a\":1").is_discarded());
  CHECK(parse_shallow_json("{\"a\":[1,{\"b\":null}]}") ==
        nlohmann::json::parse("{\"a\":[1,{\"b\":null}]}"));
}

TEST_CASE("a reply of Elasticsearch that nests too deep is no reply") {
  const std::string body = "{\"_id\":" + nested(500'000) + "}";
  const elasticsearch::Answer answer =
      elasticsearch::read_answer({"http://one:9200", elasticsearch::Reply{200, body, false}});
  CHECK_FALSE(answer.succeeded());
  CHECK_THAT(answer.cause, Catch::Contains("not a complete JSON object"));
}

TEST_CASE("a request that nests too deep is refused") {
  CHECK_THROWS_AS(RequestFields(nested(500'000)), Refusal);
  CHECK_THROWS_AS(RequestFields("{\"above\":" + nested(500'000) + "}"), Refusal);
}
