// Runs threads one at a time and decides at each operation on shared memory who goes on, from a
// seed: the same seed gives the same run.
//
// Two strategies, by the seed: random switches, and priorities that change at a few random points
// (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs",
// ASPLOS 2010). Time is virtual. The threads are contexts of one operating system thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/protocol/schedule/memory.hpp"

namespace essequence::protocol {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();  // splitmix64, Steele et al. 2014
  std::uint32_t below(std::uint32_t count) {
    return static_cast<std::uint32_t>((next() >> 32) * count >> 32);
  }
  bool one_in(std::uint32_t count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

// What a run found wrong.
class Violation : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed);
  ~Scheduler();

  // Time passes also while somebody could go on: deadlines are met at any moment. Else it passes
  // only when all wait, and with `sleepless` that is a violation: somebody was not woken.
  bool time_passes = false;
  bool sleepless = false;
  bool settles = false;  // the run goes on until all in the background wait

  struct Fate {
    bool background = false;                       // the run does not wait for its end
    std::optional<std::uint32_t> killed_after{};   // so many operations of its own
    std::function<void()> successor{};             // runs when it was killed, seeing all it did
    std::optional<std::uint32_t> stalled_after{};  // until all others wait or have ended
  };
  void spawn(std::function<void()> body, Fate fate);
  void spawn(std::function<void()> body) { spawn(std::move(body), Fate{}); }

  // Until every thread that is not in the background has ended or was killed. Throws Violation.
  void run();

  Random &random() { return random_; }

  // ---- for the machine, on a thread of a run ----
  static Scheduler *active();  // nullptr outside
  // Another thread may go on here.
  void step();
  [[noreturn]] void violate(const std::string &what);
  Memory &memory() { return memory_; }
  Sight &sight();
  std::int64_t now() const { return now_; }
  void sleep_until(std::int64_t time);
  // Until woken, or `time` is reached.
  void wait(std::uint64_t place, std::int64_t time);
  void wake(std::uint64_t place, int count);

 private:
  struct Thread;
  void switch_from(Thread &thread);
  Thread *choose();
  bool pass_time();
  static void enter();

  Random random_;
  Memory memory_;
  std::vector<std::unique_ptr<Thread>> threads_;
  Thread *running_ = nullptr;
  std::unique_ptr<Thread> outside_;
  std::int64_t now_ = 0;
  std::uint32_t steps_ = 0;
  std::uint32_t switch_one_in_;
  bool by_priority_;
  std::uint32_t usual_steps_;  // where change points lie
  std::vector<std::uint32_t> change_points_;
  bool reconsider_ = false;  // somebody can go on who could not
  std::optional<std::string> violation_;
};

}  // namespace essequence::protocol
