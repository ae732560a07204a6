// A caller's say in how long a call waits (essequence/waiting.h).
#include <essequence/waiting.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/unit/filled_ring.hpp"

using namespace essequence;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kForEver = INT64_MAX;

// Sets this thread's patience to the answers given, one for each question; the last one stays.
class Patience {
 public:
  explicit Patience(std::vector<std::int64_t> answers) : answers_(std::move(answers)) {
    essequence_set_patience(
        [](void *context) {
          auto &self = *static_cast<Patience *>(context);
          return self.answers_[std::min(self.asked_.fetch_add(1), self.answers_.size() - 1)];
        },
        this);
  }
  ~Patience() { essequence_set_patience(nullptr, nullptr); }
  std::size_t asked() const { return asked_; }

 private:
  const std::vector<std::int64_t> answers_;
  std::atomic<std::size_t> asked_{0};
};

}  // namespace

TEST_CASE("who does not wait is not asked") {
  Filled filled;
  filled.publish(1, 10, 5);
  filled.publish(11, 10, 5);
  const Patience patience({0});
  Sequence sequence = filled.open();
  for (int id = 1; id <= 18; ++id) CHECK(sequence.next() == id);
  CHECK(sequence.take(2).count == 2);
  CHECK_FALSE(sequence.try_next());
  CHECK(patience.asked() == 0);
}

TEST_CASE("a wait ends when the patience does") {
  Filled filled;
  filled.publish(1, 1);
  Sequence sequence = filled.open(-1ns);  // for ever
  CHECK(sequence.next() == 1);
  {
    const Patience patience({kForEver, 0});
    CHECK(status_of(sequence) != ESSEQUENCE_OK);
    CHECK(patience.asked() == 2);
  }
  filled.publish(2, 1);
  CHECK(sequence.next() == 2);  // nothing was lost by that
}

TEST_CASE("patience does not outlast the deadline") {
  Filled filled;
  Sequence sequence = filled.open(1ms);
  const Patience patience({kForEver});
  CHECK(status_of(sequence) != ESSEQUENCE_OK);
}

TEST_CASE("a waiter is asked again while he waits, and woken as ever") {
  Filled filled;
  Sequence sequence = filled.open(-1ns);
  const Patience patience({kForEver});
  std::thread later([&] {
    while (patience.asked() < 3) std::this_thread::sleep_for(1ms);
    filled.publish(1, 1);
  });
  CHECK(sequence.next() == 1);
  later.join();
}

TEST_CASE("an open that waits for a sidecar asks too") {
  const RuntimeDirectory empty;
  const Patience patience({kForEver, kForEver, 0});
  CHECK_THROWS_AS(Sequence("orders", {empty.path, -1ns, 0}), Error);
  CHECK(patience.asked() == 3);
}

TEST_CASE("a sequence in the ring is not on request") {
  Filled filled;
  essequence_options options{sizeof options, filled.directory.path.c_str(), 0, 0};
  essequence_sequence *sequence = nullptr;
  REQUIRE(essequence_open("orders", &options, &sequence) == ESSEQUENCE_OK);
  CHECK(essequence_on_request(sequence) == 0);
  CHECK(essequence_on_request(nullptr) == 0);
  essequence_close(sequence);
}
