// A handle across fork, vfork and posix_spawn, in the middle of other threads' takes.
#include <essequence/waiting.h>
#include <essequence/essequence.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "tests/unit/filled_ring.hpp"
#include "tests/unit/returned_ids.hpp"

using namespace essequence;
using namespace std::chrono_literals;

namespace {

// Forks; the child ends with status 0 if `task` returns, and is killed if it hangs.
pid_t fork_child(const std::function<void()> &task) {
  const pid_t child = fork();
  if (child != 0) return child;
  alarm(120);
  try {
    task();
    _exit(0);
  } catch (...) {
    _exit(1);
  }
}

int status_of(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

void take_in_every_way(Sequence &sequence, Lease &lease, ReturnedIds &returned) {
  returned.add(sequence.next());
  if (const auto id = sequence.try_next()) returned.add(*id);
  const Run run = sequence.take(5);
  for (std::uint32_t i = 0; i < run.count; ++i) returned.add(run.first + i);
  returned.add(lease.next());
}

char true_path[] = "/bin/true";
char *const true_arguments[] = {true_path, nullptr};

pid_t spawn_true() {
  pid_t child = -1;
  posix_spawn(&child, true_path, nullptr, nullptr, true_arguments, nullptr);
  return child;
}

pid_t vfork_true() {
  const pid_t child = vfork();
  if (child == 0) {
    execv(true_path, true_arguments);
    _exit(1);
  }
  return child;
}

// Threads that take in every way until this ends.
class Takers {
 public:
  Takers(Sequence &sequence, ReturnedIds &returned) {
    for (int t = 0; t < 3; ++t) {
      threads_.emplace_back([&] {
        Lease lease(sequence, 7);
        while (!done_) take_in_every_way(sequence, lease, returned);
      });
    }
  }
  ~Takers() {
    done_ = true;
    for (std::thread &thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("forked in the middle of other threads' takes, a child goes on beside its parent") {
  Filled filled;
  std::int64_t next = 1;
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  {
    const Refill refill(filled.slot, next);
    const Takers takers(sequence, returned);
    Lease lease(sequence, 7);
    for (int i = 0; i < 100; ++i) {
      const pid_t child = fork_child([&] {
        for (int j = 0; j < 20; ++j) take_in_every_way(sequence, lease, returned);
        const Sequence closed(std::move(sequence));
      });
      for (int j = 0; j < 20; ++j) take_in_every_way(sequence, lease, returned);
      REQUIRE(status_of(child) == 0);
    }
  }
  CHECK(returned.repeats() == 0);
}

TEST_CASE("children of children go on with a handle that a fork server has opened") {
  Filled filled;
  std::int64_t next = 1;
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  Lease lease(sequence, 7);
  const Refill refill(filled.slot, next);
  // Each generation takes before, while and after it has children.
  const std::function<void(int)> generation = [&](int left) {
    const auto take = [&] {
      for (int i = 0; i < 50; ++i) take_in_every_way(sequence, lease, returned);
    };
    take();
    std::vector<pid_t> children;
    for (int i = 0; left > 0 && i < 3; ++i) {
      children.push_back(fork_child([&] { generation(left - 1); }));
    }
    take();
    for (const pid_t child : children) {
      if (status_of(child) != 0) throw std::runtime_error("a child failed");
    }
    take();
  };
  CHECK_NOTHROW(generation(3));
  CHECK(returned.repeats() == 0);
}

TEST_CASE("vfork and posix_spawn leave the handle and its leases as they are") {
  Filled filled;
  std::int64_t next = 1;
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  {
    const Refill refill(filled.slot, next);
    Lease lease(sequence, 50);
    std::int64_t last = lease.next();
    returned.add(last);
    const Takers takers(sequence, returned);
    for (int i = 0; i < 20; ++i) {
      CHECK(status_of(spawn_true()) == 0);
      CHECK(status_of(vfork_true()) == 0);
      CHECK(lease.next() == ++last);
      returned.add(last);
    }
  }
  CHECK(returned.repeats() == 0);
}

TEST_CASE("a child does not wait for the thread that was moving its parent to a new ring") {
  Filled filled;
  filled.publish(1, 10);
  ReturnedIds returned;
  Sequence sequence = filled.open(60s);
  returned.add(sequence.next());
  sidecar::retire_ring(filled.directory.path);
  std::thread moving([&] { returned.add(sequence.next()); });
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {  // before it begins to move, and while it does
    children.push_back(fork_child([&] { returned.add(sequence.next()); }));
    std::this_thread::sleep_for(1ms);
  }
  sidecar::RingFile ring(filled.directory.path);
  sidecar::Slot slot(ring, Filled::append(ring));
  slot.ask(100);
  slot.publish(11, 100, 1, 0);
  for (const pid_t child : children) CHECK(status_of(child) == 0);
  moving.join();
  CHECK(returned.count() == 22);
  CHECK(returned.repeats() == 0);
}

// Whoever is asked for patience may fork: Python runs the handlers of signals then.
TEST_CASE("forked in the middle of a wait, a child lets go of its parent's ticket") {
  const bool times_out = GENERATE(false, true);
  Filled filled;
  filled.publish(1, 10);
  ReturnedIds returned;
  Sequence sequence = filled.open(times_out ? 20ms : 60s);
  for (int i = 0; i < 10; ++i) returned.add(sequence.next());
  static std::atomic<pid_t> child;
  child = -1;
  std::thread refill([&] {
    while (child == -1) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(200ms);
    filled.publish(11, 100);
  });
  essequence_set_patience(
      [](void *) {
        if (child == -1 && (child = fork()) == 0) alarm(120);
        return INT64_MAX;
      },
      nullptr);
  for (bool served = false; !served;) {
    try {
      returned.add(sequence.next());
      served = true;
    } catch (const Error &) {
    }
  }
  if (child == 0) _exit(0);
  essequence_set_patience(nullptr, nullptr);
  refill.join();
  CHECK(status_of(child) == 0);
  CHECK(returned.count() == 12);
  CHECK(returned.repeats() == 0);
}

TEST_CASE("a child of threads whose takes time out gets its timeouts too") {
  Filled filled;
  Sequence sequence = filled.open(1ms);
  const auto fail = [&] {
    for (int i = 0; i < 5; ++i) {
      try {
        sequence.next();
        _exit(2);
      } catch (const Error &) {
      }
    }
  };
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!done) fail();
    });
  }
  for (int i = 0; i < 50; ++i) CHECK(status_of(fork_child(fail)) == 0);
  done = true;
  for (std::thread &thread : threads) thread.join();
}
