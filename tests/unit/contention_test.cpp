#include "sidecar/refill/contention.hpp"

#include <catch2/catch.hpp>

using essequence::sidecar::Contention;
using namespace std::chrono_literals;

TEST_CASE("a host that is alone takes blocks as they are asked for, without a pause or a read") {
  Contention contention;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(contention.expected());
    CHECK(contention.factor() == 1);
    CHECK(contention.pause() == 0ns);
    contention.granted();
  }
}

TEST_CASE("each conflict makes blocks larger and pauses longer, up to a limit") {
  Contention contention;
  contention.conflicted();
  CHECK(contention.expected());
  CHECK(contention.factor() == 2);
  CHECK(contention.pause() == 5ms);
  contention.conflicted();
  CHECK(contention.factor() == 4);
  CHECK(contention.pause() == 20ms);
  for (int i = 0; i < 100; ++i) contention.conflicted();
  CHECK(contention.factor() == 8);
  CHECK(contention.pause() == 5120ms);
}

TEST_CASE("conflicts are forgotten slowly, one by four grants in a row") {
  Contention contention;
  contention.conflicted();
  contention.conflicted();
  for (int i = 0; i < 3; ++i) contention.granted();
  CHECK(contention.factor() == 4);
  contention.granted();
  CHECK(contention.factor() == 2);
  for (int i = 0; i < 3; ++i) contention.granted();
  contention.conflicted();  // begins the count anew
  CHECK(contention.factor() == 4);
  for (int i = 0; i < 3; ++i) contention.granted();
  CHECK(contention.factor() == 4);
  for (int i = 0; i < 5; ++i) contention.granted();
  CHECK(contention.factor() == 1);
  CHECK_FALSE(contention.expected());
}
