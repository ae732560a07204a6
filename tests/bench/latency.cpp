// How long a taker waits who finds the ring empty.
//
//   latency first-id --runtime-dir DIR    reads names, one a line; opens each and takes one id, and
//                                         prints the nanoseconds that it took
//   latency resume [--rounds N]           from the publication of a block until the taker who waits
//                                         has his id, against a bare futex wake; one line of JSON
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "sidecar/ring/slot.hpp"
#include "tests/bench/ways.hpp"
#include "tests/unit/filled_ring.hpp"

namespace {

using namespace essequence;
using namespace essequence::bench;
using Clock = std::chrono::steady_clock;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

void time_first_ids(const std::string &runtime_dir) {
  for (std::string name; std::getline(std::cin, name);) {
    const std::int64_t begin = now_ns();
    open(runtime_dir, name)->next();
    std::printf("%ld\n", static_cast<long>(now_ns() - begin));
    std::fflush(stdout);
  }
}

// ---- resume ----

struct Moments {
  std::int64_t published = 0, resumed = 0;
};

struct Post {
  alignas(128) shm::Atomic<std::uint32_t> word{0};  // of the bare futex
  alignas(128) std::atomic<int> asleep{0};          // how often somebody said that he goes to sleep
};

// After this long who said so does sleep.
constexpr std::chrono::microseconds kAsleep{500};

// One of two processes waits for what the other one publishes, once from the ring and once on a
// bare futex, in turns.
class Resuming {
 public:
  explicit Resuming(int rounds)
      : rounds_(rounds),
        memory_(boost::interprocess::anonymous_shared_memory(sizeof(Post))),
        post_(*new (memory_.get_address()) Post),
        record_(boost::interprocess::anonymous_shared_memory(2 * sizeof(Moments) *
                                                             static_cast<std::size_t>(rounds))),
        moments_(static_cast<Moments *>(record_.get_address())) {}

  nlohmann::ordered_json run() {
    ctl::together(ctl::Takers::processes, 2, [this](ctl::Member &member) {
      const Handle taker = open(filled_.directory.path, "orders");
      for (int turn = 0; turn < 2 * rounds_; ++turn) {
        member.meet();
        if (member.number() == 0) {
          publish(turn);
        } else {
          wait(*taker, turn);
        }
      }
      member.meet();
    });
    std::vector<double> nanoseconds[2];
    for (int turn = 0; turn < 2 * rounds_; ++turn) {
      nanoseconds[turn % 2].push_back(
          static_cast<double>(moments_[turn].resumed - moments_[turn].published));
    }
    return {{"name", "resume"}, {"ours", nanoseconds[0]}, {"bare", nanoseconds[1]}};
  }

 private:
  void publish(int turn) {
    while (post_.asleep.load() <= turn) std::this_thread::sleep_for(kAsleep / 10);
    std::this_thread::sleep_for(kAsleep);
    moments_[turn].published = now_ns();
    if (turn % 2 == 0) {
      filled_.publish(turn + 1, 1);
    } else {
      post_.word.fetch_add(1, std::memory_order_release);
      shm::futex_wake(post_.word);
    }
  }

  void wait(Sequence &taker, int turn) {
    const std::uint32_t seen = post_.word.load();
    post_.asleep.fetch_add(1);
    if (turn % 2 == 0) {
      taker.next();
    } else {
      while (post_.word.load(std::memory_order_acquire) == seen) {
        shm::futex_wait(post_.word, seen, std::chrono::milliseconds(100));
      }
    }
    moments_[turn].resumed = now_ns();
  }

  const int rounds_;
  Filled filled_;
  const boost::interprocess::mapped_region memory_;
  Post &post_;
  const boost::interprocess::mapped_region record_;
  Moments *const moments_;
};

}  // namespace

int main(int argc, char **argv) {
  std::string runtime_dir;
  int rounds = 1000;
  CLI::App app("How long a taker waits who finds the ring empty.");
  app.require_subcommand(1);
  CLI::App *first_id = app.add_subcommand("first-id", "of sequences that this host has not used");
  first_id->add_option("--runtime-dir", runtime_dir)->required();
  CLI::App *resume = app.add_subcommand("resume", "after a publication, against a bare futex");
  resume->add_option("--rounds", rounds)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    if (*first_id) time_first_ids(runtime_dir);
    if (*resume) std::printf("%s\n", Resuming(rounds).run().dump().c_str());
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "latency: %s\n", error.what());
    return 1;
  }
}
