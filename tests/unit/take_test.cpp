// The client library against a ring that the test fills.
#include <essequence/essequence.hpp>

#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/unit/filled_ring.hpp"

using namespace essequence;
using namespace std::chrono_literals;
using sidecar::CutReason;

TEST_CASE("ids come in order, across blocks and handles") {
  Filled filled;
  filled.publish(1, 10, 5);
  filled.publish(11, 10, 5);
  Sequence one = filled.open(), two = filled.open();
  for (int id = 1; id <= 20; id += 2) {
    CHECK(one.next() == id);
    CHECK(two.next() == id + 1);
  }
  CHECK_FALSE(one.try_next());
}

TEST_CASE("a run stays within one block") {
  Filled filled;
  filled.publish(1, 10);
  filled.publish(101, 10);
  Sequence sequence = filled.open();
  Run run = sequence.take(7);
  CHECK((run.first == 1 && run.count == 7 && run.increment == 1 && run.epoch == 1));
  run = sequence.take(7);
  CHECK((run.first == 8 && run.count == 3));
  run = sequence.take(UINT32_MAX);
  CHECK((run.first == 101 && run.count == 10));
}

TEST_CASE("what a thread remembers of one ring is not taken for another one's") {
  Filled one, other;  // with the same tickets
  one.publish(1, 10);
  other.publish(1001, 10);
  Sequence of_one = one.open(), of_other = other.open();
  for (int taken = 0; taken < 10; taken += 2) {
    CHECK(of_one.take(2).first == 1 + taken);
    CHECK(of_other.take(2).first == 1001 + taken);
  }
  for (int round = 1; round <= 3; ++round) {  // may lie where the last one lay
    Filled next;
    next.publish(round * 100, 10);
    Sequence sequence = next.open();
    CHECK(sequence.take(5).first == round * 100);
    next.slot.cut(CutReason::reset, 2, 0);
    next.publish(1, 10);
    const Run run = sequence.take(5);
    CHECK((run.first == 1 && run.epoch == 2));
  }
}

TEST_CASE("an empty ring makes nobody claim") {
  Filled filled;
  Sequence sequence = filled.open(1ms);
  for (int i = 0; i < 10; ++i) CHECK(status_of(sequence) != ESSEQUENCE_OK);
  CHECK(filled.slot.waiting() == 0);
}

TEST_CASE("try_next and take never claim past what is filled") {
  Filled filled;
  Sequence sequence = filled.open();
  for (int i = 0; i < 100; ++i) CHECK_FALSE(sequence.try_next());
  CHECK_THROWS_AS(sequence.take(5), Error);
  CHECK(filled.slot.waiting() == 0);
  filled.publish(1, 1);
  CHECK(sequence.try_next() == 1);
}

TEST_CASE("a ticket that timed out is kept and gives no gap") {
  Filled filled;
  filled.publish(1, 1);
  Sequence sequence = filled.open(1ms);
  CHECK(sequence.next() == 1);
  // The fast path claims before it knows that the ring is empty.
  for (int i = 0; i < 10; ++i) CHECK(status_of(sequence) != ESSEQUENCE_OK);
  CHECK(filled.slot.waiting() == 1);
  filled.publish(2, 10);
  CHECK(sequence.next() == 2);
  CHECK(sequence.next() == 3);
}

TEST_CASE("a kept ticket is dropped when a later one was claimed, or a cut came") {
  Filled filled;
  filled.publish(1, 1);
  Sequence sequence = filled.open(1ms), other = filled.open();
  CHECK(sequence.next() == 1);
  CHECK(status_of(sequence) != ESSEQUENCE_OK);  // keeps the ticket of id 2
  SECTION("later one claimed") {
    filled.publish(2, 10);
    CHECK(other.next() == 3);
    CHECK(sequence.next() == 4);  // 2 would be below an id that was returned before
  }
  SECTION("cut") {
    filled.slot.cut(CutReason::reset, 2, 0);
    filled.publish(1, 10);
    CHECK(sequence.next() == 1);
    CHECK(other.next() == 2);
  }
  CHECK(filled.ring.counter(0).dropped == 1);
}

TEST_CASE("a waiter is woken by a publication, a cut and a fence") {
  Filled filled;
  Sequence sequence = filled.open(30s);
  std::thread later;
  SECTION("publication") {
    later = std::thread([&] { filled.publish(1, 10); });
    CHECK(sequence.next() == 1);
  }
  SECTION("cut, then publication") {
    later = std::thread([&] {
      std::this_thread::sleep_for(10ms);
      filled.slot.cut(CutReason::raise, 1, 0);
      filled.publish(50, 10);
    });
    CHECK(sequence.next() == 50);
  }
  SECTION("fence") {
    later = std::thread([&] {
      std::this_thread::sleep_for(10ms);
      filled.slot.set_state(shm::State::fenced);
    });
    CHECK(status_of(sequence) == ESSEQUENCE_FENCED);
  }
  later.join();
}

TEST_CASE("states of an empty ring are told at once, and not before it is empty") {
  Filled filled;
  filled.publish(1, 1);
  const auto [state, status] =
      GENERATE(table<shm::State, essequence_status>({{shm::State::fenced, ESSEQUENCE_FENCED},
                                                     {shm::State::exhausted, ESSEQUENCE_EXHAUSTED},
                                                     {shm::State::deleted, ESSEQUENCE_NOT_FOUND}}));
  filled.slot.set_state(state);
  Sequence sequence = filled.open(std::chrono::hours(1));
  CHECK(sequence.next() == 1);
  CHECK(status_of(sequence) == status);
  CHECK_THROWS_AS(sequence.try_next(), Error);
}

TEST_CASE("UNAVAILABLE with a stale heartbeat or an unhealthy source, else TIMEOUT") {
  Filled filled;
  Sequence sequence = filled.open(1ms);
  filled.ring.header().heartbeat.fetch_add(1);
  filled.ring.header().source_healthy = 1;
  CHECK(status_of(sequence) == ESSEQUENCE_TIMEOUT);
  filled.ring.header().source_healthy = 0;
  CHECK(status_of(sequence) == ESSEQUENCE_UNAVAILABLE);
  filled.ring.header().source_healthy = 1;
  std::this_thread::sleep_for(2100ms);
  CHECK(status_of(sequence) == ESSEQUENCE_UNAVAILABLE);
  filled.ring.header().heartbeat.fetch_add(1);
  CHECK(status_of(sequence) == ESSEQUENCE_TIMEOUT);
}

TEST_CASE("a take that begins after a cut never returns an id from before, leased or not") {
  Filled filled;
  filled.publish(1, 1000);
  Sequence sequence = filled.open();
  Lease lease(sequence, 100);
  CHECK(lease.next() == 1);
  CHECK(sequence.next() == 101);
  filled.slot.cut(CutReason::reset, 2, 0);
  filled.publish(5001, 1000);
  CHECK(sequence.next() == 5001);
  CHECK(lease.next() == 5002);
  CHECK(sequence.take(1).epoch == 2);
}

TEST_CASE("threads of one handle never share an id") {
  Filled filled;
  Sequence sequence = filled.open(10s);
  std::vector<std::int64_t> all;
  bool sorted = true;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::int64_t> mine;
      for (int i = 0; i < 20000; ++i) {
        if (t == 3) {
          const Run run = sequence.take(1);
          mine.push_back(run.first);
        } else {
          mine.push_back(sequence.next());
        }
      }
      const std::lock_guard lock(mutex);
      sorted = sorted && std::is_sorted(mine.begin(), mine.end());
      all.insert(all.end(), mine.begin(), mine.end());
    });
  }
  // No slot is reused here: a thread that sleeps through that drops its ticket, which is a gap.
  for (int block = 0; block < int(shm::kMaxBlocks); ++block) {
    filled.publish(1 + block * 5000, 5000, 500);
    std::this_thread::yield();
  }
  for (std::thread &thread : threads) thread.join();
  CHECK(sorted);
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() == 80000);
  CHECK(all.front() == 1);
  CHECK(all.back() == 80000);
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("parent and child go on after a fork and never share an id") {
  Filled filled;
  filled.publish(1, 100000);
  Sequence sequence = filled.open(1s);
  Lease lease(sequence, 50);
  lease.next();
  sequence.next();
  int ids[2];
  REQUIRE(pipe(ids) == 0);
  const pid_t child = fork();
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t mine[] = {sequence.next(), lease.next()};
    if (write(ids[1], mine, sizeof mine) != sizeof mine) _exit(1);
  }
  if (child == 0) _exit(0);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  close(ids[1]);
  std::vector<std::int64_t> all;
  std::int64_t id = 0;
  while (read(ids[0], &id, sizeof id) == sizeof id) all.push_back(id);
  close(ids[0]);
  std::sort(all.begin(), all.end());
  CHECK(all.size() == 4000);
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("a child drops what its parent's handle kept") {
  Filled filled;
  filled.publish(1, 1);
  Sequence sequence = filled.open(1ms);
  sequence.next();
  CHECK(status_of(sequence) != ESSEQUENCE_OK);  // keeps the ticket of id 2
  auto *const shared = static_cast<std::int64_t *>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  filled.publish(2, 10);
  const pid_t child = fork();
  if (child == 0) {
    *shared = sequence.next();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  CHECK(*shared == 3);
  CHECK(sequence.next() == 4);
  munmap(shared, 4096);
}

TEST_CASE("a handle moves over to a ring that replaces its own") {
  Filled filled;
  filled.publish(1, 10);
  Sequence sequence = filled.open(5s);
  CHECK(sequence.next() == 1);
  sidecar::retire_ring(filled.directory.path);
  sidecar::RingFile ring(filled.directory.path);
  REQUIRE_FALSE(ring.adopted());
  shm::Ledger ledger{};
  ledger.epoch = 1;
  sidecar::Slot slot(ring, ring.append("orders", ledger));
  slot.ask(10);
  slot.publish(11, 10, 1, 0);
  CHECK(sequence.next() == 11);
  CHECK(sequence.take(5).first == 12);
}

TEST_CASE("a ring that was retired and is half replaced is not damaged, but not there yet") {
  Filled filled, other;
  const auto status_of_open = [&] {
    try {
      filled.open();
    } catch (const Error &error) {
      return error.status();
    }
    return ESSEQUENCE_OK;
  };
  rename((other.directory.path + "/tickets").c_str(), (filled.directory.path + "/tickets").c_str());
  CHECK(status_of_open() == ESSEQUENCE_SYSTEM);
  filled.ring.header().retired = 1;
  CHECK(status_of_open() == ESSEQUENCE_UNAVAILABLE);
}

TEST_CASE("records that are damaged are a status, never a guess") {
  Filled filled;
  filled.publish(1, 100000);
  filled.ring.entry(0).records[0].base.fetch_add(1);
  Sequence sequence = filled.open();
  CHECK(status_of(sequence) == ESSEQUENCE_SYSTEM);
  CHECK_THROWS_AS(sequence.try_next(), Error);
}

TEST_CASE("what open answers") {
  Filled filled;
  const std::string &directory = filled.directory.path;
  essequence_options options{sizeof options, directory.c_str(), 1000000, 0};
  essequence_sequence *sequence = nullptr;
  CHECK(essequence_open("orders", &options, &sequence) == ESSEQUENCE_OK);
  essequence_close(sequence);
  CHECK(essequence_open("unknown", &options, &sequence) == ESSEQUENCE_UNAVAILABLE);
  CHECK(sequence == nullptr);
  CHECK(std::string(essequence_last_error()).find("control.sock") != std::string::npos);
  CHECK(essequence_open("", &options, &sequence) == ESSEQUENCE_INVALID);
  CHECK(essequence_open("_x", &options, &sequence) == ESSEQUENCE_INVALID);
  CHECK(essequence_open("a/b", &options, &sequence) == ESSEQUENCE_INVALID);
  CHECK(essequence_open(std::string(256, 'x').c_str(), &options, &sequence) == ESSEQUENCE_INVALID);
  CHECK(essequence_open(nullptr, &options, &sequence) == ESSEQUENCE_INVALID);
  CHECK(essequence_open("orders", &options, nullptr) == ESSEQUENCE_INVALID);
  options.size = 8;
  CHECK(essequence_open("orders", &options, &sequence) == ESSEQUENCE_INVALID);
  options.size = sizeof options;
  options.runtime_dir = "/nonexistent";
  CHECK(essequence_open("orders", &options, &sequence) == ESSEQUENCE_UNAVAILABLE);
  CHECK(essequence_next(nullptr, nullptr) == ESSEQUENCE_INVALID);
  CHECK_THROWS_AS(Sequence(std::string_view("a\0b", 3)), Error);
  filled.ring.header().layout = 2;
  options.runtime_dir = directory.c_str();
  CHECK(essequence_open("orders", &options, &sequence) == ESSEQUENCE_VERSION);
}

TEST_CASE("a taker at the low-water mark tells the sidecar once") {
  Filled filled;
  filled.publish(1, 10, 4);
  Sequence sequence = filled.open();
  for (int i = 0; i < 6; ++i) sequence.next();
  CHECK(filled.ring.wanted()[0] == 0);
  CHECK(filled.ring.tickets_header().bell == 0);
  sequence.next();
  CHECK(filled.ring.wanted()[0] == 1);
  CHECK(filled.ring.tickets_header().bell == 1);
  for (int i = 0; i < 3; ++i) sequence.next();
  CHECK(filled.ring.tickets_header().bell == 1);
}

TEST_CASE("a take that meets a cut between its jump and its commit waits for it") {
  Filled filled;
  filled.publish(1, 10);
  Sequence sequence = filled.open();
  CHECK(sequence.next() == 1);
  shm::SequenceEntry &entry = filled.ring.entry(0);
  const std::uint64_t to = entry.filled_end + shm::kCutGap;
  entry.intent.from = filled.ring.counter(0).next;
  entry.intent.reason = static_cast<std::uint64_t>(CutReason::reset);
  entry.intent.epoch = 2;
  entry.intent.floor = 0;
  entry.intent.to = to;
  filled.ring.counter(0).next = to;
  CHECK(status_of(sequence) == ESSEQUENCE_UNAVAILABLE);
  CHECK_FALSE(sequence.try_next());
  sidecar::Slot slot(filled.ring, 0);  // follows it up
  slot.ask(10);
  slot.publish(101, 10, 1, 0);
  CHECK(sequence.next() >= 101);
}

TEST_CASE("callers that come again and again to an empty ring do not carry the counter away") {
  Filled filled;
  Sequence sequence = filled.open(1ms);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) status_of(sequence);
    });
  }
  for (std::thread &thread : threads) thread.join();
  CHECK(filled.slot.waiting() <= 4);
}

TEST_CASE("a lease of a ring that was replaced is over") {
  Filled filled;
  for (int i = 0; i < 3; ++i) filled.slot.cut(CutReason::ring, 1, 0);
  filled.publish(1, 100);
  Sequence sequence = filled.open(5s);
  Lease lease(sequence, 50);
  CHECK(lease.next() == 1);
  sidecar::retire_ring(filled.directory.path);
  sidecar::RingFile ring(filled.directory.path);
  shm::Ledger ledger{};
  ledger.epoch = 1;
  sidecar::Slot slot(ring, ring.append("orders", ledger));
  slot.ask(100);
  slot.publish(101, 100, 1, 0);
  CHECK(sequence.next() == 101);
  CHECK(lease.next() == 102);
}

TEST_CASE("try_next moves over to a ring that replaced its own without retiring it") {
  Filled filled;
  Sequence sequence = filled.open();
  CHECK_FALSE(sequence.try_next());
  std::filesystem::remove(filled.directory.path + "/ring");
  std::filesystem::remove(filled.directory.path + "/tickets");
  sidecar::RingFile ring(filled.directory.path);
  shm::Ledger ledger{};
  ledger.epoch = 1;
  sidecar::Slot slot(ring, ring.append("orders", ledger));
  CHECK_FALSE(sequence.try_next());
  slot.ask(10);
  slot.publish(11, 10, 1, 0);
  CHECK(sequence.try_next() == 11);
}
