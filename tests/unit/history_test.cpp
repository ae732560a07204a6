// What the last five minutes of whom are remembered.
#include "sidecar/control/history.hpp"

#include <catch2/catch.hpp>
#include <numeric>

using namespace essequence::sidecar;

namespace {

Activity taken(std::vector<std::pair<std::string, std::uint64_t>> of) {
  Activity activity;
  activity.taken_of = std::move(of);
  return activity;
}

}  // namespace

TEST_CASE("a line has as many samples as the instance, the oldest first") {
  History history;
  history.add(taken({{"a", 1}}));
  history.add(taken({}));
  history.add(taken({{"a", 3}, {"b", 4}}));
  CHECK(history.taken_of("a") == std::vector<std::uint32_t>{1, 0, 3});
  CHECK(history.taken_of("b") == std::vector<std::uint32_t>{0, 0, 4});
  CHECK(history.taken_of("c").empty());
  CHECK(history.samples().back().taken == 7);
}

TEST_CASE("it goes back five minutes, and who was idle since is forgotten") {
  History history;
  history.add(taken({{"idle", 1}}));
  for (std::uint32_t i = 0; i < History::kSamples; ++i) history.add(taken({{"busy", i}}));
  CHECK(history.samples().size() == History::kSamples);
  std::vector<std::uint32_t> all(History::kSamples);
  std::iota(all.begin(), all.end(), 0);
  CHECK(history.taken_of("busy") == all);
  CHECK(history.taken_of("idle").empty());
}

TEST_CASE("of more than are remembered, who was idle longest makes room, and the busy stay") {
  History history;
  std::vector<std::pair<std::string, std::uint64_t>> many;
  for (std::size_t i = 0; i < History::kMostSequences; ++i) {
    many.emplace_back("s" + std::to_string(i), 1);
  }
  history.add(taken(many));
  many.erase(many.begin());
  many.emplace_back("late", 1);
  many.emplace_back("too late", 1);
  history.add(taken(many));
  CHECK(history.taken_of("s0").empty());
  CHECK(history.taken_of("s1") == std::vector<std::uint32_t>{1, 1});
  CHECK(history.taken_of("late") == std::vector<std::uint32_t>{0, 1});
  CHECK(history.taken_of("too late").empty());
}
