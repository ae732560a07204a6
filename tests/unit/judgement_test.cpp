#include "sidecar/refill/judgement.hpp"

#include <catch2/catch.hpp>

using namespace essequence::sidecar;
using Kind = Judgement::Kind;

namespace {

Pin pin_at(std::int64_t mark, std::uint64_t epoch = 3) {
  Pin pin;
  pin.name = "orders";
  pin.index = "essequence";
  pin.origin = "aaaa";
  pin.epoch = epoch;
  pin.mark = mark;
  return pin;
}

Standing standing_at(std::int64_t iid, std::uint64_t epoch = 3) {
  Standing standing;
  standing.index = "essequence";
  standing.origin = "aaaa";
  standing.epoch = epoch;
  standing.iid = iid;
  return standing;
}

Judgement judged(const Pin &pin, const Standing &standing) {
  return judge(pin, standing, "Elasticsearch index");
}

}  // namespace

TEST_CASE("what is consistent with what this host has seen") {
  CHECK(judged(pin_at(100), standing_at(100)).kind == Kind::consistent);
  CHECK(judged(pin_at(100), standing_at(101)).kind == Kind::consistent);
  CHECK(judged(pin_at(100), standing_at(0, 4)).kind == Kind::new_epoch);
}

TEST_CASE("what cannot be true is impossible, with the cause") {
  Judgement judgement = judged(pin_at(5581), standing_at(581));
  CHECK(judgement.kind == Kind::impossible);
  CHECK(judgement.cause.find("iid 581") != std::string::npos);
  CHECK(judgement.cause.find("5581") != std::string::npos);

  CHECK(judged(pin_at(1), standing_at(1000, 2)).kind == Kind::impossible);

  Standing standing = standing_at(1000);
  standing.fenced = true;
  CHECK(judged(pin_at(1), standing).kind == Kind::impossible);

  standing = standing_at(1000);
  standing.origin = "bbbb";
  CHECK(judged(pin_at(1), standing).kind == Kind::impossible);

  standing = standing_at(1000);
  standing.index = "other";
  CHECK(judged(pin_at(1), standing).kind == Kind::impossible);
}

TEST_CASE("an origin that replaces the pinned one is followed only at or above the mark") {
  Standing standing = standing_at(100);
  standing.origin = "bbbb";
  standing.replaces = {"aaaa"};
  CHECK(judged(pin_at(100), standing).kind == Kind::replaced);
  CHECK(judged(pin_at(101), standing).kind == Kind::impossible);
  CHECK(judged(pin_at(1, 4), standing).kind == Kind::impossible);
}

TEST_CASE("before a proof any origin is as good, but never a smaller iid than was published") {
  Pin pin = pin_at(100);
  pin.origin = pin.index = "";
  Standing standing = standing_at(100);
  standing.origin = "bbbb";
  CHECK(judged(pin, standing).kind == Kind::consistent);
  CHECK(judged(pin, standing_at(99)).kind == Kind::impossible);
}

TEST_CASE("an unfence covers a host only if the fence was there and its mark was heard of") {
  Standing standing = standing_at(200);
  standing.floor = 200;
  Pin pin = pin_at(200);
  CHECK_FALSE(covers(standing, pin));  // nobody lifted anything: the fence is not yet written
  pin.fence_seen = true;
  CHECK(covers(standing, pin));
  standing.fenced = true;
  CHECK_FALSE(covers(standing, pin));
  standing.fenced = false;
  pin.mark = 201;
  CHECK_FALSE(covers(standing, pin));
  pin.mark = 200;
  standing.floor = 150;  // grants went on meanwhile
  CHECK_FALSE(covers(standing, pin));
}

TEST_CASE(
    "an unfence of another origin or index covers a host only if it declares its own replaced") {
  Standing standing = standing_at(200);
  standing.floor = 200;
  standing.origin = "bbbb";
  CHECK_FALSE(covers(standing, pin_at(100)));
  standing.replaces = {"aaaa"};
  CHECK(covers(standing, pin_at(100)));
  standing.index = "other";
  CHECK_FALSE(covers(standing, pin_at(100)));
  standing.replaces = {"aaaa", "essequence"};
  CHECK(covers(standing, pin_at(100)));
  CHECK_FALSE(covers(standing, pin_at(201)));
}

TEST_CASE("iid above a value keeps the progression") {
  Progression by_ten;
  by_ten.start = 5;
  by_ten.increment = 10;
  by_ten.max = 100;
  CHECK(iid_for_above(by_ten, 4) == -5);     // next is 5
  CHECK(iid_for_above(by_ten, 5) == 5);      // next is 15
  CHECK(iid_for_above(by_ten, 14) == 5);     // next is 15
  CHECK(iid_for_above(by_ten, 15) == 15);    // next is 25
  CHECK(iid_for_above(by_ten, 1000) == 95);  // exhausted: the next would be 105
  CHECK(iid_for_above(Progression{}, INT64_MAX) == INT64_MAX);
}
