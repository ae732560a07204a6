#include "sidecar/journal/journal.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sidecar/journal/directory_lock.hpp"
#include "sidecar/journal/sqlite.hpp"
#include "tests/unit/disk.hpp"

using namespace essequence::sidecar;
using namespace essequence::testing;
using Catch::Matchers::Contains;

namespace {

Pin orders(std::int64_t mark) {
  Pin pin;
  pin.name = "orders";
  pin.index = "essequence-000001";
  pin.origin = "0f0e";
  pin.epoch = 3;
  pin.mark = mark;
  return pin;
}

JournalledBlock block_of(const std::string &ring, std::uint64_t number, std::int64_t first,
                         std::uint64_t count = 10) {
  JournalledBlock block;
  block.ring_uuid = ring;
  block.number = number;
  block.epoch = 3;
  block.first = first;
  block.count = count;
  block.granted_at_ns = 1700000000000000000;
  return block;
}

template <class Opened>  // a journal, or one that is open for this alone
void store(Opened &&journal, const Pin &pin) {
  journal.store({{pin, std::nullopt, 0}});
}

void store(Journal &journal, const Pin &pin, const JournalledBlock &block,
           std::uint64_t taken_below) {
  journal.store({{pin, block, taken_below}});
}

Pin only_pin(const Journal &journal) {
  const std::vector<Pin> pins = journal.pins();
  REQUIRE(pins.size() == 1);
  return pins[0];
}

std::string fate_of(const Journal &journal, std::int64_t id) {
  const std::vector<JournalledBlock> blocks = journal.blocks_with("orders", id);
  REQUIRE(blocks.size() == 1);
  return blocks[0].fate;
}

}  // namespace

TEST_CASE("a pin comes back whole after reopening") {
  const TemporaryDirectory directory;
  Pin pin = orders(41);
  pin.name = "Bestellungen \"ä\"; DROP TABLE pins";
  pin.floor = 40;
  pin.progression = {.start = 7, .increment = 2, .max = INT64_MAX, .order = Order::cluster};
  pin.deleted = true;
  pin.fence_cause = "the index was recreated";
  pin.fenced_at_ns = 12;
  pin.fence_seen = true;
  store(Journal(directory.path()), pin);

  const Pin again = only_pin(Journal(directory.path()));
  CHECK(again.name == pin.name);
  CHECK(again.index == pin.index);
  CHECK(again.origin == pin.origin);
  CHECK(again.epoch == 3);
  CHECK(again.mark == 41);
  CHECK(again.floor == 40);
  CHECK(again.progression == pin.progression);
  CHECK(again.deleted);
  CHECK(again.fence_cause == pin.fence_cause);
  CHECK(again.fenced_at_ns == 12);
  CHECK(again.fence_seen);
}

TEST_CASE("mark and floor are never lowered within one origin and epoch") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  Pin pin = orders(100);
  pin.floor = 50;
  store(journal, pin);

  Pin lower = orders(99);
  lower.floor = 49;
  lower.fence_cause = "went back";
  SECTION("by a pin") { store(journal, lower); }
  SECTION("by a pin with a block") { store(journal, lower, block_of("ring", 0, 1), 0); }
  CHECK(only_pin(journal).mark == 100);
  CHECK(only_pin(journal).floor == 50);
  CHECK(only_pin(journal).fence_cause == "went back");

  store(journal, orders(101));
  CHECK(only_pin(journal).mark == 101);
}

TEST_CASE("a new epoch or origin starts anew") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  store(journal, orders(100));
  Pin pin = orders(0);
  SECTION("epoch") { pin.epoch = 4; }
  SECTION("origin") { pin.origin = "1a1b"; }
  store(journal, pin);
  CHECK(only_pin(journal).mark == 0);
  CHECK(only_pin(journal).floor == 0);
}

TEST_CASE("a block is stored with its pin or not at all") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  store(journal, orders(10), block_of("ring", 0, 1), 0);

  JournalledBlock block = block_of("ring", 1, 11);
  SECTION("the last id overflows") { block.first = INT64_MAX - 5; }
  SECTION("too many ids for a block") { block.count = UINT64_MAX; }
  SECTION("no ids") { block.count = 0; }
  SECTION("ids that do not grow") { block.increment = 0; }
  SECTION("a fate that is none") { block.fate = "lost"; }
  SECTION("a number beyond what SQLite can hold") { block.number = UINT64_MAX; }
  CHECK_THROWS_AS(store(journal, orders(20), block, 0), std::runtime_error);
  CHECK(only_pin(journal).mark == 10);
  CHECK(journal.newest_blocks().at("orders").first == 1);
}

TEST_CASE("an epoch beyond what SQLite can hold is refused by name and value") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  Pin pin = orders(1);
  pin.epoch = std::uint64_t{1} << 63;
  CHECK_THROWS_WITH(store(journal, pin), Contains("epoch is 9223372036854775808"));
  pin.epoch = INT64_MAX;
  store(journal, pin);
  CHECK(only_pin(journal).epoch == INT64_MAX);
}

TEST_CASE("the newest block and the blocks of an id") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  CHECK(journal.newest_blocks().empty());

  JournalledBlock stepped = block_of("ring", 0, 100);  // 100, 103, … 127
  stepped.increment = 3;
  store(journal, orders(127), stepped, 0);
  store(journal, orders(127), block_of("ring", 1, 120), 0);
  Pin other = orders(1000);
  other.name = "invoices";
  store(journal, other, block_of("ring", 0, 100, 900), 0);

  const JournalledBlock newest = journal.newest_blocks().at("orders");
  CHECK(journal.newest_blocks().at("invoices").count == 900);
  CHECK(newest.ring_uuid == "ring");
  CHECK(newest.number == 1);
  CHECK(newest.epoch == 3);
  CHECK(newest.first == 120);
  CHECK(newest.count == 10);
  CHECK(newest.increment == 1);
  CHECK(newest.granted_at_ns == 1700000000000000000);
  CHECK(newest.fate == "granted");

  CHECK(journal.blocks_with("orders", 99).empty());
  CHECK(journal.blocks_with("orders", 101).empty());  // between two ids
  CHECK(journal.blocks_with("orders", 130).empty());
  CHECK(journal.blocks_with("orders", INT64_MIN).empty());
  CHECK(journal.blocks_with("orders", 100).size() == 1);
  const std::vector<JournalledBlock> both = journal.blocks_with("orders", 121);
  CHECK(both.size() == 2);
  CHECK(both.front().number == 1);
}

TEST_CASE("what became of a block") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  for (std::uint64_t n = 0; n < 3; ++n) {
    store(journal, orders(0), block_of("ring", n, static_cast<std::int64_t>(n) * 10), 0);
  }
  journal.set_fate("orders", "ring", 0, "published");
  CHECK(fate_of(journal, 0) == "published");
  CHECK(fate_of(journal, 20) == "published");

  SECTION("what lies below is taken as the next one comes") {
    store(journal, orders(0), block_of("ring", 3, 30), 2);
    CHECK(fate_of(journal, 0) == "taken");
    CHECK(fate_of(journal, 10) == "taken");
    CHECK(fate_of(journal, 20) == "published");
    CHECK(fate_of(journal, 30) == "granted");
    SECTION("and what is taken cannot be burnt") {
      journal.set_fate("orders", "ring", 0, "burnt_reset");
      CHECK(fate_of(journal, 10) == "taken");
      CHECK(fate_of(journal, 20) == "burnt_reset");
      CHECK(fate_of(journal, 30) == "burnt_reset");
    }
  }
  SECTION("of another ring") {
    journal.set_fate("orders", "another ring", 0, "burnt_fence");
    CHECK(fate_of(journal, 0) == "published");
  }
  SECTION("from a number on") {
    journal.set_fate("orders", "ring", 1, "burnt_raise");
    CHECK(fate_of(journal, 0) == "published");
    CHECK(fate_of(journal, 10) == "burnt_raise");
  }
  SECTION("a fate that is none") {
    CHECK_THROWS(journal.set_fate("orders", "ring", 0, "vanished"));
    CHECK(fate_of(journal, 0) == "published");
  }
}

TEST_CASE("the blocks of other rings are burnt once") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  store(journal, orders(0), block_of("old", 0, 0, 5), 0);
  journal.set_fate("orders", "old", 0, "published");
  store(journal, orders(0), block_of("old", 1, 5, 7), 1);  // the one before: taken
  store(journal, orders(0), block_of("older", 0, 20, 100), 0);
  store(journal, orders(0), block_of("now", 0, 200, 1000), 0);

  Pin other = orders(0);
  other.name = "invoices";
  store(journal, other, block_of("old", 0, 300, 3), 0);

  const std::map<std::string, std::uint64_t> both{{"invoices", 3}, {"orders", 107}};
  const std::map<std::string, std::uint64_t> not_named{{"invoices", 3}};
  CHECK(journal.left_in_other_rings("now") == both);
  journal.burn_other_rings({"orders", "unknown"}, "now");
  CHECK(journal.left_in_other_rings("now") == not_named);
  CHECK(fate_of(journal, 0) == "taken");
  CHECK(fate_of(journal, 5) == "burnt_ring");
  CHECK(fate_of(journal, 20) == "burnt_ring");
  CHECK(fate_of(journal, 200) == "granted");
}

TEST_CASE("the newest 10,000 blocks of a sequence are kept") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  Pin other = orders(0);
  other.name = "invoices";
  store(journal, other, block_of("ring", 0, 0), 0);
  for (std::uint64_t n = 0; n < 10002; ++n) {
    store(journal, orders(0), block_of("ring", n, static_cast<std::int64_t>(n), 1), n);
  }
  CHECK(journal.blocks_with("orders", 1).empty());
  CHECK(journal.blocks_with("orders", 2).size() == 1);
  CHECK(journal.blocks_with("orders", 10001).size() == 1);
  CHECK(journal.blocks_with("invoices", 0).size() == 1);
}

TEST_CASE("every acknowledged commit is there after kill -9") {
  const TemporaryDirectory directory;
  Journal(directory.path());
  std::int64_t acknowledged = 0;
  for (int round = 1; round <= 8; ++round) {
    int acks[2];
    REQUIRE(::pipe(acks) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Journal journal(directory.path());
      for (std::int64_t id = acknowledged + 1;; ++id) {
        store(journal, orders(id), block_of("ring", static_cast<std::uint64_t>(id), id, 1), 0);
        if (::write(acks[1], &id, sizeof id) != sizeof id) ::_exit(1);
      }
    }
    ::close(acks[1]);
    const std::int64_t enough = acknowledged + 37 * round;
    std::int64_t id = 0;
    while (::read(acks[0], &id, sizeof id) == sizeof id) {
      acknowledged = id;
      if (id == enough) ::kill(child, SIGKILL);  // what it has written until it dies is read too
    }
    ::close(acks[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const Journal journal(directory.path());
    const std::int64_t mark = only_pin(journal).mark;
    CHECK(mark >= acknowledged);
    CHECK(mark <= acknowledged + 1);  // committed, and killed before it could say so
    CHECK(journal.newest_blocks().at("orders").first == mark);
    for (std::int64_t each = 1; each <= mark; ++each) {
      if (journal.blocks_with("orders", each).size() != 1) FAIL("block of id " << each);
    }
    acknowledged = mark;
  }
}

TEST_CASE("a journal that is not whole or not ours is refused and left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/journal.db";
  {
    Journal journal(directory.path());
    for (std::uint64_t n = 0; n < 200; ++n) {
      Pin pin = orders(1);
      pin.name += std::to_string(n);
      store(journal, pin, block_of("ring", n, 1), 0);
    }
  }
  const std::string whole = content_of(path);
  REQUIRE(whole.size() > 3 * 4096);
  std::string why;

  SECTION("empty") {
    overwrite(path, "");
    why = "it is empty; it holds the marks";
  }
  SECTION("cut short") {
    overwrite(path, whole.substr(0, whole.size() / 2));
    why = "malformed; it holds the marks";
  }
  SECTION("garbage") {
    overwrite(path, std::string(8192, 'g'));
    why = "not a database; it holds the marks";
  }
  SECTION("garbage in the pins") {
    std::string damaged = whole;
    damaged.replace(4096, 4096, std::string(4096, 'g'));  // the root page of the first table
    overwrite(path, damaged);
    why = "it holds the marks";
  }
  SECTION("another program's database") {
    overwrite(path, "");
    sqlite::Database(path, "").execute("CREATE TABLE songs (title TEXT)");
    why = "is not the journal of Essequence";
  }
  SECTION("of a newer format") {
    sqlite::Database(path, "").execute("PRAGMA user_version = 2");
    why = "has format 2, this version of Essequence knows 1; install";
  }
  const std::string before = content_of(path);
  CHECK_THROWS_WITH(Journal(directory.path()), Contains(path) && Contains(why));
  CHECK(content_of(path) == before);
}

TEST_CASE("a log without its journal is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/journal.db";
  Journal journal(directory.path());
  store(journal, orders(1));
  REQUIRE(std::filesystem::exists(path + "-wal"));
  std::filesystem::remove(path);
  CHECK_THROWS_WITH(Journal(directory.path()), Contains("journal.db is gone, but"));
}

TEST_CASE("a creation that was killed is begun again") {
  const TemporaryDirectory directory;
  overwrite(directory.path() + "/journal.db.new", "half of a datab");
  store(Journal(directory.path()), orders(5));
  CHECK(only_pin(Journal(directory.path())).mark == 5);
}

TEST_CASE("a directory that is not there is an error with its name") {
  CHECK_THROWS_WITH(Journal("/nonexistent/state"), Contains("/nonexistent/state/journal.db"));
}

TEST_CASE("marks are synced, fates go with the next mark") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  store(journal, orders(1), block_of("ring", 0, 1), 0);
  syncs = 0;
  store(journal, orders(2), block_of("ring", 1, 11), 0);
  CHECK(syncs > 0);
  syncs = 0;
  journal.set_fate("orders", "ring", 0, "published");
  CHECK(syncs == 0);
  store(journal, orders(3));
  CHECK(syncs > 0);
}

TEST_CASE("after an fsync that failed nothing is built on the log that it was about") {
  const TemporaryDirectory directory;
  Journal journal(directory.path());
  for (std::int64_t mark = 1; mark <= 100; ++mark) store(journal, orders(mark));
  const std::string log = directory.path() + "/journal.db-wal";
  const auto size_before = std::filesystem::file_size(log);
  sync_fails = true;
  CHECK_THROWS_WITH(store(journal, orders(101)), Contains("check its disk"));
  CHECK_THROWS_AS(store(journal, orders(101)), std::runtime_error);
  sync_fails = false;
  store(journal, orders(102));
  CHECK(std::filesystem::file_size(log) < size_before / 10);
  CHECK(only_pin(journal).mark == 102);
  CHECK(only_pin(Journal(directory.path())).mark == 102);
}

TEST_CASE("a full disk loses nothing, and the journal goes on when there is space") {
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("skipped: only root can mount the small disk");
    return;
  }
  Journal journal(disk.path());
  store(journal, orders(1));
  disk.fill();
  std::int64_t mark = 1;
  std::string cause;
  while (cause.empty() && mark < 10000) {
    try {
      store(journal, orders(mark + 1), block_of("ring", 0, mark + 1, 1), 0);
      ++mark;
    } catch (const std::runtime_error &error) {
      cause = error.what();
    }
  }
  CHECK_THAT(cause, Contains("journal.db") && Contains("full; free space"));
  CHECK(only_pin(journal).mark == mark);
  CHECK(only_pin(Journal(disk.path())).mark == mark);
  disk.free();
  store(journal, orders(mark + 1));
  CHECK(only_pin(journal).mark == mark + 1);
}

TEST_CASE("a directory has one sidecar") {
  const TemporaryDirectory directory;
  {
    const DirectoryLock lock(directory.path());
    CHECK_THROWS_WITH(DirectoryLock(directory.path()),
                      Contains("another essequenced (pid " + std::to_string(::getpid()) +
                               ") uses " + directory.path()));
  }
  const DirectoryLock again(directory.path());
  CHECK_THROWS_WITH(DirectoryLock("/nonexistent"), Contains("/nonexistent/lock"));
}

TEST_CASE("the lock of a directory dies with its holder") {
  const TemporaryDirectory directory;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const DirectoryLock lock(directory.path());
    if (::write(ready[1], "!", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_WITH(DirectoryLock(directory.path()),
                    Contains("(pid " + std::to_string(child) + ")"));
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_NOTHROW(DirectoryLock(directory.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}
