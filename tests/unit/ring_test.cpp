// The writer's side of the ring: accounts, cuts, adoption from every state that a kill can leave.
#include "sidecar/ring/ring_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "sidecar/ring/slot.hpp"
#include "sidecar/ring/sweep.hpp"
#include "tests/unit/runtime_directory.hpp"

using namespace essequence;
using sidecar::CutReason;
using sidecar::RingFile;
using sidecar::Slot;

namespace {

std::uint32_t append(RingFile &ring, const std::string &name) {
  shm::Ledger ledger{};
  ledger.epoch = 1;
  return ring.append(name, ledger);
}

std::uint64_t claim(RingFile &ring, std::uint32_t number, std::uint64_t tickets) {
  return ring.counter(number).next.fetch_add(tickets);
}

// Promise 7. What is in flight was asked and is neither refused nor published.
void require_balanced(const Slot &slot, std::uint64_t in_flight = 0) {
  const Slot::Accounts a = slot.accounts(in_flight);
  const std::uint64_t lost =
      a.unknown_reply + a.burnt_reset + a.burnt_raise + a.burnt_fence + a.burnt_ring;
  REQUIRE(a.taken + lost == a.granted - a.ready);
}

void publish(Slot &slot, std::int64_t first, std::uint64_t count) {
  slot.ask(count);
  slot.publish(first, count, 1, count / 2);
}

}  // namespace

TEST_CASE("files are born with the modes of the design and the pair matches") {
  const RuntimeDirectory directory;
  const mode_t before = umask(077);
  const RingFile ring(directory.path);
  umask(before);
  REQUIRE_FALSE(ring.adopted());
  struct stat status {};
  REQUIRE(stat((directory.path + "/ring").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  REQUIRE(stat((directory.path + "/tickets").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
}

TEST_CASE("a ring is adopted with its sequences, blocks and accounts") {
  const RuntimeDirectory directory;
  std::string uuid;
  {
    RingFile ring(directory.path);
    uuid = ring.uuid();
    Slot slot(ring, append(ring, "orders"));
    publish(slot, 1, 100);
    claim(ring, 0, 30);
  }
  RingFile ring(directory.path);
  REQUIRE(ring.adopted());
  CHECK(ring.uuid() == uuid);
  REQUIRE(ring.find("orders") == 0u);
  CHECK_FALSE(ring.find("order"));
  const Slot slot(ring, 0);
  CHECK(slot.damage().empty());
  CHECK(slot.ready() == 70);
  CHECK(slot.next_id() == 31);
  CHECK(slot.last_id() == 100);
  CHECK(slot.accounts(0).taken == 30);
  require_balanced(slot);
}

TEST_CASE("a copied, a foreign and a damaged ring are replaced, and the old one is retired") {
  const RuntimeDirectory directory;
  {
    RingFile ring(directory.path);
    append(ring, "orders");
  }
  const std::string path = directory.path + "/ring";
  SECTION("copied") {
    std::filesystem::copy(path, path + ".copy");
    std::filesystem::rename(path + ".copy", path);
  }
  SECTION("another layout") {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(shm::RingHeader, layout));
    file.put(99);
  }
  SECTION("damaged header") {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(shm::RingHeader, boot_id));
    file.put('x');
  }
  SECTION("cut short") { std::filesystem::resize_file(path, 100); }
  SECTION("no tickets") { std::filesystem::remove(directory.path + "/tickets"); }
  const RingFile ring(directory.path);
  CHECK_FALSE(ring.adopted());
  CHECK_FALSE(ring.replaced_because().empty());
  CHECK(ring.sequences() == 0);
}

TEST_CASE("a cut burns exactly what was ready and passes every claimed ticket") {
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  Slot slot(ring, append(ring, "orders"));
  publish(slot, 1, 100);
  const std::uint64_t claimed = GENERATE(0u, 30u, 100u, 140u);
  claim(ring, 0, claimed);
  const std::uint64_t burnt = slot.cut(CutReason::reset, 2, 0);
  CHECK(burnt == 100 - std::min<std::uint64_t>(claimed, 100));
  CHECK(slot.accounts(0).burnt_reset == burnt);
  CHECK(slot.ready() == 0);
  CHECK(slot.epoch() == 2);
  require_balanced(slot);
  publish(slot, 1, 10);
  CHECK(slot.ready() == 10);
  CHECK(slot.next_id() == 1);
  CHECK(claim(ring, 0, 1) >= shm::kFirstTicket + shm::kCutGap);
  require_balanced(slot);
}

TEST_CASE("a kill between the steps of a cut is followed up exactly") {
  const RuntimeDirectory directory;
  {
    RingFile ring(directory.path);
    Slot slot(ring, append(ring, "orders"));
    publish(slot, 1, 100);
    claim(ring, 0, 30);
    shm::SequenceEntry &entry = ring.entry(0);
    const std::uint64_t from = ring.counter(0).next.load();
    const std::uint64_t to = entry.filled_end.load() + shm::kCutGap;
    entry.intent.from = from;
    entry.intent.reason = static_cast<std::uint64_t>(CutReason::raise);
    entry.intent.epoch = 1;
    entry.intent.floor = 0;
    entry.intent.to.store(to);
    if (GENERATE(true, false)) {
      ring.counter(0).next.store(to);
      claim(ring, 0, 5);  // takers that came after the jump
    }
  }
  RingFile ring(directory.path);
  Slot slot(ring, 0);
  CHECK(slot.damage().empty());
  require_balanced(slot);
  const bool jumped = ring.counter(0).next.load() > shm::kFirstTicket + 1000;
  CHECK(slot.accounts(0).burnt_raise == (jumped ? 70 : 0));
  CHECK(slot.ready() == (jumped ? 0 : 70));
  CHECK(slot.waiting() == (jumped ? 5 : 0));
}

TEST_CASE("a record that was written and not committed never comes into force") {
  const RuntimeDirectory directory;
  {
    RingFile ring(directory.path);
    Slot slot(ring, append(ring, "orders"));
    publish(slot, 1, 10);
    const std::uint64_t end = ring.entry(0).filled_end.load();
    shm::write(ring.entry(0).records[1], {end, end + 1000, 11, 1, 1, 1}, 0);
  }
  RingFile ring(directory.path);
  Slot slot(ring, 0);
  CHECK(slot.ready() == 10);
  const std::uint64_t ticket = ring.entry(0).filled_end.load() + 5;
  slot.cut(CutReason::fence, 1, 0);  // moves filled_end far past the record
  CHECK_FALSE(shm::find_block(ring.entry(0), ticket, ring.entry(0).filled_end.load()));
}

TEST_CASE("no id comes into the ring twice, whatever is asked for") {
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  Slot slot(ring, append(ring, "orders"));
  publish(slot, 1, 10);
  CHECK_THROWS_AS(publish(slot, 1, 10), std::logic_error);
  CHECK_THROWS_AS(publish(slot, 10, 10), std::logic_error);
  CHECK(slot.ready() == 10);
  publish(slot, 11, 10);
  slot.cut(CutReason::reset, 2, 0);
  publish(slot, 1, 10);
  CHECK(slot.ready() == 10);
}

TEST_CASE("a record is reused only when its block is claimed") {
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  Slot slot(ring, append(ring, "orders"));
  for (int i = 0; i < int(shm::kMaxBlocks); ++i) {
    REQUIRE(slot.has_room());
    publish(slot, 1 + 10 * i, 10);
  }
  CHECK_FALSE(slot.has_room());
  claim(ring, 0, 9);
  CHECK_FALSE(slot.has_room());
  claim(ring, 0, 1);
  CHECK(slot.has_room());
}

TEST_CASE("a counter that fell or jumped is damage, and a cut ends it") {
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  Slot slot(ring, append(ring, "orders"));
  publish(slot, 1, 100);
  claim(ring, 0, 50);
  CHECK(slot.look() == 50);
  const std::uint64_t value =
      GENERATE(std::uint64_t{0}, shm::kFirstTicket + 49, shm::kFirstTicket + 3 * shm::kCutGap);
  ring.counter(0).next.store(value);
  slot.look();
  CHECK_FALSE(slot.damage().empty());
  const std::uint64_t taken = value > shm::kFirstTicket + 50 ? 100 : 50;  // never given back
  CHECK(slot.accounts(0).taken == taken);
  CHECK(slot.cut(CutReason::fence, 1, 0) == 100 - taken);
  CHECK(slot.accounts(0).taken == taken);
  slot.look();
  CHECK(slot.damage().empty());
  CHECK(slot.ready() == 0);
  CHECK(slot.waiting() == 0);
  require_balanced(slot);
}

TEST_CASE("damaged accounts and damaged records are found at adoption") {
  const RuntimeDirectory directory;
  const bool ledger = GENERATE(true, false);
  {
    RingFile ring(directory.path);
    Slot slot(ring, append(ring, "orders"));
    publish(slot, 1, 100);
    if (ledger) {
      ring.entry(0).ledgers[0].published ^= 1;
      ring.entry(0).ledgers[1].published ^= 1;
    } else {
      ring.entry(0).records[0].base.fetch_add(1);
    }
  }
  RingFile ring(directory.path);
  const Slot slot(ring, 0);
  CHECK_FALSE(slot.damage().empty());
}

TEST_CASE("a sweep finds the counters that moved, once") {
  using Numbers = std::vector<std::uint32_t>;
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  sidecar::Sweep sweep(ring);
  CHECK(sweep.step().empty());
  for (const char *name : {"a", "b", "c"}) append(ring, name);
  CHECK(sweep.step() == Numbers{0, 1, 2});
  CHECK(sweep.step().empty());
  claim(ring, 1, 5);
  CHECK(sweep.step() == Numbers{1});
  CHECK(sweep.step().empty());
  ring.counter(2).next.store(0);  // damaged
  append(ring, "d");
  CHECK(sweep.step() == Numbers{3, 2});
}

TEST_CASE("however many sequences there are, a sweep comes round to each of them") {
  const RuntimeDirectory directory;
  RingFile ring(directory.path);
  sidecar::Sweep sweep(ring);
  constexpr std::uint32_t kSequences = 2 * sidecar::Sweep::kStep + 10;
  for (std::uint32_t i = 0; i < kSequences; ++i) append(ring, std::to_string(i));
  for (int round = 0; round < 3; ++round) {
    std::vector<bool> found(kSequences, round > 0);
    if (round > 0) {
      for (const std::uint32_t number : {0u, sidecar::Sweep::kStep, kSequences - 1}) {
        claim(ring, number, 1);
        found[number] = false;
      }
    }
    for (int step = 0; step < 3; ++step) {
      const std::vector<std::uint32_t> moved = sweep.step();
      REQUIRE(moved.size() <= sidecar::Sweep::kStep);
      for (const std::uint32_t number : moved) {
        REQUIRE_FALSE(found[number]);
        found[number] = true;
      }
    }
    REQUIRE(std::all_of(found.begin(), found.end(), [](bool it) { return it; }));
  }
}
