#include "sidecar/allocation/local/local_source.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "sidecar/journal/sqlite.hpp"
#include "tests/unit/disk.hpp"

using namespace essequence::sidecar;
using namespace essequence::testing;
using Catch::Matchers::Contains;

namespace {

// One sidecar as far as its source is concerned.
class Host {
 public:
  explicit Host(const std::string &directory) : source_(directory, storage_) {}
  ~Host() { storage_.join(); }

  LocalSource *operator->() { return &source_; }

  // Runs the event loop until `work` is done.
  template <class T>
  static T wait(awaitable<T> work) {
    boost::asio::io_context loop;
    auto result = boost::asio::co_spawn(loop, std::move(work), boost::asio::use_future);
    loop.run();
    return result.get();
  }

 private:
  boost::asio::thread_pool storage_{1};
  LocalSource source_;
};

struct Failure {
  SourceError::Kind kind;
  std::string what;
};

template <class T>
Failure failure_of(awaitable<T> work) {
  try {
    Host::wait(std::move(work));
  } catch (const SourceError &error) {
    return {error.kind(), error.what()};
  }
  throw std::logic_error("it succeeded");
}

Standing fresh() {
  Standing standing;
  standing.origin = "0f0e";
  return standing;
}

Change grant(std::int64_t iid) {
  Change change;
  change.iid = iid;
  return change;
}

constexpr auto not_applied = SourceError::Kind::not_applied;
constexpr auto conflict = SourceError::Kind::conflict;
constexpr auto missing = SourceError::Kind::missing;
constexpr auto unknown = SourceError::Kind::unknown;

}  // namespace

TEST_CASE("a document comes back whole, also from a reopened store") {
  const TemporaryDirectory directory;
  Standing standing;
  standing.index = "ignored: the store knows its own name";
  standing.origin = "0f0e";
  standing.epoch = INT64_MAX;
  standing.iid = INT64_MAX;
  standing.floor = -41;
  standing.fenced = true;
  standing.replaces = {"one \"origin\"", "zwei"};
  standing.progression = {.start = 1000, .increment = 7, .max = 123456, .order = Order::cluster};
  Stored created;
  {
    Host host(directory.path());
    CHECK(host->kind() == "local");
    CHECK_FALSE(host->health().healthy);
    Host::wait(host->prepare(true));
    CHECK(host->health().healthy);
    created = Host::wait(host->create("orders", standing));
  }
  Host host(directory.path());
  Host::wait(host->prepare(false));
  Host::wait(host->prepare(true));  // as often as one likes
  const Stored stored = Host::wait(host->read("orders")).value();
  CHECK(stored.standing.index.size() == 32);
  CHECK(stored.standing.index == created.standing.index);
  CHECK(stored.version.seq_no == created.version.seq_no);
  CHECK(stored.standing.origin == "0f0e");
  CHECK(stored.standing.epoch == INT64_MAX);
  CHECK(stored.standing.iid == INT64_MAX);
  CHECK(stored.standing.floor == -41);
  CHECK(stored.standing.fenced);
  CHECK(stored.standing.replaces == standing.replaces);
  CHECK(stored.standing.progression == standing.progression);
}

TEST_CASE("a store that is absent is created only where it may be") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  CHECK(failure_of(host->prepare(false)).kind == missing);
  CHECK(failure_of(host->read("orders")).kind == missing);
  CHECK(failure_of(host->read_marker()).kind == missing);
  CHECK_FALSE(host->health().healthy);
  CHECK_THAT(host->health().detail, Contains(directory.path() + "/local.db is not there"));
  CHECK_FALSE(std::filesystem::exists(directory.path() + "/local.db"));

  Host::wait(host->prepare(true));
  CHECK(host->health().healthy);
  CHECK(host->health().detail.empty());
  CHECK_FALSE(Host::wait(host->read("orders")));
}

TEST_CASE("each store has an identity of its own") {
  const TemporaryDirectory one, two;
  Host first(one.path()), second(two.path());
  Host::wait(first->prepare(true));
  Host::wait(second->prepare(true));
  const Marker marker = Host::wait(first->read_marker());
  CHECK(marker.index != Host::wait(second->read_marker()).index);
  CHECK(marker.index == Host::wait(first->create("orders", fresh())).standing.index);
}

TEST_CASE("an update changes its fields and leaves the others") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  const Stored created = Host::wait(host->create("orders", fresh()));

  const Stored granted = Host::wait(host->update("orders", created.version, grant(10)));
  CHECK(granted.standing.iid == 10);
  CHECK(granted.standing.origin == "0f0e");
  CHECK(granted.version.seq_no > created.version.seq_no);

  Change change;
  change.epoch = 2;
  change.floor = 99;
  change.fenced = true;
  change.origin = "1a1b";
  change.replaces = {{"0f0e"}};
  const Stored fenced = Host::wait(host->update("orders", granted.version, change));
  for (const Stored &stored : {fenced, Host::wait(host->read("orders")).value()}) {
    CHECK(stored.version.seq_no == fenced.version.seq_no);
    CHECK(stored.standing.iid == 10);
    CHECK(stored.standing.epoch == 2);
    CHECK(stored.standing.floor == 99);
    CHECK(stored.standing.fenced);
    CHECK(stored.standing.origin == "1a1b");
    CHECK(stored.standing.replaces == std::vector<std::string>{"0f0e"});
  }
}

TEST_CASE("storing what is there already is no proof") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  Stored stored = Host::wait(host->create("orders", fresh()));
  stored = Host::wait(host->update("orders", stored.version, grant(10)));
  const Failure failure = failure_of(host->update("orders", stored.version, grant(10)));
  CHECK(failure.kind == not_applied);
  CHECK_THAT(failure.what, Contains("sequence orders holds already"));
  CHECK(host->health().healthy);
  CHECK(Host::wait(host->read("orders"))->version.seq_no == stored.version.seq_no);
}

TEST_CASE("of two writers with one version one wins") {
  const TemporaryDirectory directory;
  Host one(directory.path()), two(directory.path());
  Host::wait(one->prepare(true));
  Host::wait(two->prepare(false));
  const Stored created = Host::wait(one->create("orders", fresh()));
  CHECK(failure_of(two->create("orders", fresh())).kind == conflict);

  const Stored seen = Host::wait(two->read("orders")).value();
  Host::wait(one->update("orders", created.version, grant(10)));
  const Failure failure = failure_of(two->update("orders", seen.version, grant(20)));
  CHECK(failure.kind == conflict);
  CHECK_THAT(failure.what, Contains("sequence orders is at version"));
  CHECK(two->health().healthy);
  CHECK(failure_of(two->remove("orders", seen.version)).kind == conflict);
  CHECK(Host::wait(two->read("orders"))->standing.iid == 10);
}

TEST_CASE("a version of a removed document is never that of a later one") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  const Stored old = Host::wait(host->create("orders", fresh()));
  Host::wait(host->remove("orders", old.version));
  CHECK_FALSE(Host::wait(host->read("orders")));
  CHECK(failure_of(host->update("orders", old.version, grant(10))).kind == missing);
  CHECK(failure_of(host->remove("orders", old.version)).kind == missing);

  Host::wait(host->create("orders", fresh()));
  CHECK(failure_of(host->update("orders", old.version, grant(10))).kind == conflict);
}

TEST_CASE("many are read in the order in which they were asked for") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  Standing standing = fresh();
  standing.iid = 1;
  Host::wait(host->create("one", standing));
  standing.iid = 2;
  Host::wait(host->create("two", standing));
  const auto documents = Host::wait(host->read_many({"two", "none", "one", "two"}));
  REQUIRE(documents.size() == 4);
  CHECK(documents[0]->standing.iid == 2);
  CHECK_FALSE(documents[1]);
  CHECK(documents[2]->standing.iid == 1);
  CHECK(documents[3]->standing.iid == 2);
}

TEST_CASE("the marker counts, also across a reopening") {
  const TemporaryDirectory directory;
  Marker before;
  {
    Host host(directory.path());
    Host::wait(host->prepare(true));
    before = Host::wait(host->read_marker());
    Host::wait(host->bump_marker());
  }
  Host host(directory.path());
  Host::wait(host->prepare(false));
  Host::wait(host->bump_marker());
  const Marker after = Host::wait(host->read_marker());
  CHECK(after.counter == before.counter + 2);
  CHECK(after.index == before.index);
  CHECK(after.origin == before.origin);
}

TEST_CASE("what the store cannot hold or do is refused with words") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  const Stored stored = Host::wait(host->create("orders", fresh()));
  Change change;
  change.epoch = std::uint64_t{1} << 63;
  const Failure epoch = failure_of(host->update("orders", stored.version, change));
  CHECK(epoch.kind == not_applied);
  CHECK_THAT(epoch.what, Contains("epoch is 9223372036854775808"));
  CHECK(Host::wait(host->read("orders"))->standing.epoch == 1);

  const Failure search = failure_of(host->largest_value("invoices", "number"));
  CHECK(search.kind == not_applied);
  CHECK_THAT(search.what, Contains("number in invoices"));
}

TEST_CASE("a damaged or newer store is refused and left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/local.db";
  {
    Host host(directory.path());
    Host::wait(host->prepare(true));
    Host::wait(host->create("orders", fresh()));
  }
  std::string why;
  SECTION("garbage") {
    overwrite(path, std::string(8192, 'g'));
    why = "not a database; it holds the counters";
  }
  SECTION("cut short") {
    overwrite(path, content_of(path).substr(0, 4096));
    why = "malformed; it holds the counters";
  }
  SECTION("newer") {
    sqlite::Database(path, "").execute("PRAGMA user_version = 2");
    why = "has format 2";
  }
  const std::string before = content_of(path);
  Host host(directory.path());
  const Failure failure = failure_of(host->prepare(true));
  CHECK(failure.kind == not_applied);
  CHECK_THAT(failure.what, Contains(path) && Contains(why));
  CHECK(host->health().detail == failure.what);
  CHECK(content_of(path) == before);
}

TEST_CASE("every acknowledged grant is there after kill -9") {
  const TemporaryDirectory directory;
  {
    Host host(directory.path());
    Host::wait(host->prepare(true));
    Host::wait(host->create("orders", fresh()));
  }
  for (int round = 1; round <= 5; ++round) {
    int acks[2];
    REQUIRE(::pipe(acks) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Host host(directory.path());
      Host::wait(host->prepare(false));
      Stored stored = Host::wait(host->read("orders")).value();
      for (;;) {
        const std::int64_t next = stored.standing.iid + 1;
        stored = Host::wait(host->update("orders", stored.version, grant(next)));
        if (::write(acks[1], &next, sizeof next) != sizeof next) ::_exit(1);
      }
    }
    ::close(acks[1]);
    std::int64_t acknowledged = 0;
    std::int64_t iid = 0;
    for (int count = 1; ::read(acks[0], &iid, sizeof iid) == sizeof iid; ++count) {
      acknowledged = iid;
      if (count == 29 * round) ::kill(child, SIGKILL);
    }
    ::close(acks[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    Host host(directory.path());
    Host::wait(host->prepare(false));
    const std::int64_t found = Host::wait(host->read("orders"))->standing.iid;
    CHECK(acknowledged > 0);
    CHECK(found >= acknowledged);
    CHECK(found <= acknowledged + 1);
  }
}

TEST_CASE("an fsync that fails leaves the outcome unknown, until the store is read again") {
  const TemporaryDirectory directory;
  Host host(directory.path());
  Host::wait(host->prepare(true));
  const Stored stored = Host::wait(host->create("orders", fresh()));
  sync_fails = true;
  const Failure failure = failure_of(host->update("orders", stored.version, grant(10)));
  CHECK(failure.kind == unknown);
  CHECK_FALSE(host->health().healthy);
  CHECK_THAT(host->health().detail, Contains("local.db: cannot commit"));
  sync_fails = false;

  const Stored again = Host::wait(host->read("orders")).value();
  CHECK(host->health().healthy);
  CHECK((again.standing.iid == 0 || again.standing.iid == 10));
  CHECK(Host::wait(host->update("orders", again.version, grant(20))).standing.iid == 20);
}

TEST_CASE("a full disk grants nothing, and the store goes on when there is space") {
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("skipped: only root can mount the small disk");
    return;
  }
  Host host(disk.path());
  Host::wait(host->prepare(true));
  Stored stored = Host::wait(host->create("orders", fresh()));
  disk.fill();
  std::optional<Failure> failure;
  while (!failure && stored.standing.iid < 10000) {
    try {
      const std::int64_t next = stored.standing.iid + 1;
      stored = Host::wait(host->update("orders", stored.version, grant(next)));
    } catch (const SourceError &error) {
      failure = Failure{error.kind(), error.what()};
    }
  }
  REQUIRE(failure);
  CHECK(failure->kind == not_applied);
  CHECK_THAT(failure->what, Contains("local.db") && Contains("full; free space"));
  CHECK(host->health().detail == failure->what);
  CHECK(Host::wait(host->read("orders"))->version.seq_no == stored.version.seq_no);

  disk.free();
  stored = Host::wait(host->update("orders", stored.version, grant(20000)));
  CHECK(stored.standing.iid == 20000);
  CHECK(host->health().healthy);
}
