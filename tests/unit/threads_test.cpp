// Threads of one handle where the ring changes under them. Under ThreadSanitizer this is the
// client's side of every such change on one mapping.
#include <essequence/essequence.hpp>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "tests/unit/filled_ring.hpp"
#include "tests/unit/returned_ids.hpp"

using namespace essequence;
using namespace std::chrono_literals;
using sidecar::CutReason;

namespace {

void add(ReturnedIds &returned, const Run &run) {
  for (std::uint32_t i = 0; i < run.count; ++i) returned.add(run.first + i);
}

// Runs each task again and again in a thread of its own; a timeout is no failure.
class Threads {
 public:
  explicit Threads(const std::vector<std::function<void()>> &tasks) {
    for (const auto &task : tasks) {
      threads_.emplace_back([this, task] {
        while (!done_) {
          try {
            task();
          } catch (const Error &error) {
            if (error.status() != ESSEQUENCE_TIMEOUT && error.status() != ESSEQUENCE_UNAVAILABLE) {
              ++failures;
            }
          }
        }
      });
    }
  }
  ~Threads() {
    stop([] {});
  }
  // `serve` is to let each thread have one more take.
  void stop(const std::function<void()> &serve) {
    done_ = true;
    if (!threads_.empty()) serve();
    for (std::thread &thread : threads_) thread.join();
    threads_.clear();
  }
  std::atomic<int> failures{0};

 private:
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE(
    "what threads claimed was returned or dropped, though windows change and takes time out") {
  Filled filled;
  std::int64_t next = 1;
  ReturnedIds returned;
  {
    Sequence patient = filled.open(60s), hasty = filled.open(100us);
    const auto take = [&](Sequence &sequence) { return [&] { returned.add(sequence.next()); }; };
    const auto run = [&] { add(returned, patient.take(7)); };
    const auto attempt = [&] {
      if (const auto id = hasty.try_next()) returned.add(*id);
    };
    Threads threads({take(patient), take(patient), take(hasty), take(hasty), run, attempt});
    {
      const Refill refill(filled.slot, next, 40);
      while (returned.count() < 20'000) std::this_thread::sleep_for(1ms);
    }
    threads.stop([&] { filled.publish(next, 1'000); });
    CHECK(threads.failures == 0);
  }
  const sidecar::Slot::Accounts accounts = filled.slot.accounts(0);
  CHECK(filled.slot.waiting() == 0);
  CHECK(accounts.taken == returned.count() + accounts.dropped);
  CHECK(returned.repeats() == 0);
}

TEST_CASE("threads move over to new rings together") {
  Filled filled;
  std::int64_t next = 1;
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  std::optional<Threads> threads;
  {
    const Refill refill(filled.slot, next);
    threads.emplace(std::vector<std::function<void()>>{
        [&] { returned.add(sequence.next()); }, [&] { add(returned, sequence.take(7)); },
        [&, leased = Lease(sequence, 7)]() mutable { returned.add(leased.next()); }});
    while (returned.count() < 1'000) std::this_thread::sleep_for(1ms);
  }
  for (int i = 0; i < 10; ++i) {
    sidecar::retire_ring(filled.directory.path);
    sidecar::RingFile ring(filled.directory.path);
    REQUIRE_FALSE(ring.adopted());
    sidecar::Slot slot(ring, Filled::append(ring));
    const std::uint64_t before = returned.count();
    {
      const Refill refill(slot, next);
      while (returned.count() < before + 1'000) std::this_thread::sleep_for(1ms);
    }
    if (i == 9) {
      threads->stop([&] {
        slot.ask(1'000);
        slot.publish(next, 1'000, 1, 0);
      });
    }
  }
  CHECK(threads->failures == 0);
  CHECK(returned.repeats() == 0);
}

TEST_CASE("no thread gets an id from before a cut, leased or not, in a take that begins after it") {
  Filled filled;
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  std::atomic<std::int64_t> least{0};
  std::atomic<int> late{0};
  const auto note = [&](std::int64_t least_id, std::int64_t id) {
    if (id < least_id) ++late;
    returned.add(id);
  };
  const std::function<void()> leased = [&, lease = Lease(sequence, 7)]() mutable {
    const std::int64_t least_id = least;
    note(least_id, lease.next());
  };
  Threads threads({leased, leased, [&] {
                     const std::int64_t least_id = least;
                     note(least_id, sequence.next());
                   }});
  for (std::uint64_t epoch = 2; epoch < 60; ++epoch) {
    const auto first = static_cast<std::int64_t>(epoch * 1'000'000);
    filled.slot.cut(CutReason::reset, epoch, 0);
    least = first;
    const std::uint64_t before = returned.count();
    filled.publish(first, 100'000);
    while (returned.count() < before + 100) std::this_thread::yield();
  }
  threads.stop([&] { filled.publish(60'000'000, 1'000); });
  CHECK(threads.failures == 0);
  CHECK(late == 0);
  CHECK(returned.repeats() == 0);
}
