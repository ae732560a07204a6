#include "shmclient/src/name.hpp"

#include <catch2/catch.hpp>

using essequence::shm::name_problem;

TEST_CASE("good names") {
  for (const std::string name :
       {"a", "orders", "a b", "100%", "a_b", "...", "Größe", "日本", "😀"}) {
    CHECK(name_problem(name) == "");
  }
  CHECK(name_problem(std::string(255, 'x')) == "");
}

TEST_CASE("bad names") {
  using namespace std::string_literals;
  for (const std::string &name :
       {""s, "_x"s, "."s, ".."s, "a/b"s, "a\nb"s, "a\0b"s, "\x7f"s, "\xc2\x80"s /* C1 control */,
        std::string(256, 'x'), "\xff"s, "\xc0\xaf"s /* overlong */, "\xed\xa0\x80"s /* surrogate */,
        "\xf4\x90\x80\x80"s /* past U+10FFFF */, "\xe2\x82"s /* cut short */}) {
    CHECK(name_problem(name) != "");
  }
}
