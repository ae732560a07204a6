// The whole chain below the control socket: a real local store, journal and ring. A source in front
// of the store loses replies and hides documents where the test says so.
#include "sidecar/refill/instance.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include <essequence/essequence.hpp>

#include "sidecar/allocation/local/local_source.hpp"
#include "tests/unit/runtime_directory.hpp"

using namespace essequence::sidecar;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

// The local store, with the faults of a network in front of it.
class FaultySource final : public Source {
 public:
  // `alone`: as the local store is for its one host; else it stands for Elasticsearch.
  FaultySource(const std::string &directory, asio::thread_pool &storage, bool alone)
      : alone_(alone), store_(directory, storage) {}

  bool lose_replies = false;            // of updates that were applied
  std::optional<std::int64_t> behind;   // reads come from a copy that stopped at this iid
  bool writable = true;                 // else nothing can be confirmed
  bool any_version = false;             // every document is as old as its writer thinks
  bool away = false;                    // for the poll
  int conflicts = 0;                    // to come: other hosts are faster
  int reads = 0;                        // of one document, so far
  std::function<void()> before_update;  // what takers do meanwhile

  std::string kind() const override { return "faulty"; }
  bool exclusive() const override { return alone_; }
  SourceHealth health() const override { return store_.health(); }
  awaitable<void> prepare(bool may_create) override { return store_.prepare(may_create); }
  awaitable<std::optional<Stored>> read(std::string name) override {
    ++reads;
    std::optional<Stored> stored = co_await store_.read(name);
    if (behind && stored) stored->standing.iid = *behind;
    co_return stored;
  }
  awaitable<std::optional<Stored>> read_confirmed(std::string name) override {
    if (!writable) throw SourceError(SourceError::Kind::not_applied, "no writes today");
    co_return co_await store_.read(name);
  }
  awaitable<std::vector<std::optional<Stored>>> read_many(std::vector<std::string> names) override {
    return store_.read_many(names);
  }
  awaitable<Stored> create(std::string name, Standing standing) override {
    return store_.create(name, standing);
  }
  awaitable<Stored> update(std::string name, Version only_if, Change change) override {
    if (before_update) before_update();
    if (any_version) {
      const std::optional<Stored> now = co_await store_.read(name);
      only_if = now->version;
    }
    if (conflicts > 0 && name == "orders") {
      --conflicts;
      throw SourceError(SourceError::Kind::conflict, "another host was faster");
    }
    const Stored stored = co_await store_.update(name, only_if, change);
    if (lose_replies) throw SourceError(SourceError::Kind::unknown, "the reply was lost");
    co_return stored;
  }
  awaitable<void> remove(std::string name, Version only_if) override {
    return store_.remove(name, only_if);
  }
  awaitable<Marker> read_marker() override {
    if (away) throw SourceError(SourceError::Kind::not_applied, "the index is closed");
    co_return co_await store_.read_marker();
  }
  awaitable<void> bump_marker() override { return store_.bump_marker(); }
  awaitable<std::optional<std::int64_t>> largest_value(std::string index,
                                                       std::string field) override {
    return store_.largest_value(index, field);
  }

 private:
  const bool alone_;
  LocalSource store_;
};

// One sidecar without its socket. Hosts share a store by sharing `store_directory`.
struct Host {
  asio::io_context loop;
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
  asio::thread_pool storage{1};
  Config config;
  FaultySource source;
  Journal journal;
  RingFile ring;
  std::optional<Instance> instance;

  Host(const std::string &runtime, const std::string &state, const std::string &store,
       bool alone = false)
      : source(store, storage, alone), journal(state), ring(runtime) {
    config.elasticsearch.epoch_poll = 20ms;
    instance.emplace(loop, storage, source, journal, ring, config);
    finish(instance->start());
    asio::co_spawn(loop, instance->beat(), asio::detached);
    asio::co_spawn(loop, instance->poll(), asio::detached);
  }
  ~Host() {
    finish(instance->stop());
    loop.run_for(100ms);
  }

  template <class T>
  T finish(awaitable<T> call) {
    auto result = asio::co_spawn(loop, std::move(call), asio::use_future);
    while (result.wait_for(0s) != std::future_status::ready) loop.run_one();
    return result.get();
  }
  void run_until(const std::function<bool()> &holds) {
    while (!holds()) loop.run_one();
  }
  SequenceStatus show() {
    const SequenceStatus s = instance->show("orders");
    const LostTotal &lost = s.lost_total;
    const std::uint64_t lost_total = lost.unknown_reply + lost.burnt_reset + lost.burnt_raise +
                                     lost.burnt_fence + lost.burnt_ring;
    REQUIRE(s.taken_total + lost_total == s.granted_total - s.ready_ids);  // promise 7
    return s;
  }
  void open() {
    run_until([&] { return source.health().healthy; });
    finish(instance->open("orders", {}));
  }
  void run_until_state(const std::string &state) {
    run_until([&] { return show().state == state; });
  }
  void run_for_heartbeats(std::uint64_t heartbeats) {
    const std::uint64_t end = ring.header().heartbeat.load() + heartbeats;
    run_until([&] { return ring.header().heartbeat.load() >= end; });
  }
  void open_many(std::uint32_t count) {  // "orders", "sequence 1", …
    open();
    for (std::uint32_t i = 1; i < count; ++i) {
      finish(instance->open("sequence " + std::to_string(i), {}));
    }
  }
  void run_until_all_ready() {
    const auto is_ready = [](const SequenceStatus &status) { return status.state == "ready"; };
    for (bool ready = false; !ready;) {
      run_for_heartbeats(1);
      const std::vector<SequenceStatus> all = instance->list();
      ready = std::all_of(all.begin(), all.end(), is_ready);
    }
  }
};

struct Directories {
  RuntimeDirectory runtime, state, store;
};

essequence::Sequence client(const Directories &directories) {
  return essequence::Sequence("orders", {directories.runtime.path, 1ms, 0});
}

std::int64_t take(Host &host, essequence::Sequence &sequence) {
  for (;;) {
    if (const auto id = sequence.try_next()) return *id;
    host.loop.run_for(1ms);
  }
}

int refusal_status(const std::function<void()> &call) {
  try {
    call();
  } catch (const Refusal &refusal) {
    return refusal.status();
  }
  return 0;
}

}  // namespace

TEST_CASE("a new sequence counts 1, 2, 3, also across restarts and kills") {
  const Directories d;
  std::int64_t expected = 1;
  for (int restart = 0; restart < 5; ++restart) {
    Host host(d.runtime.path, d.state.path, d.store.path);
    if (restart == 0) host.open();
    essequence::Sequence sequence = client(d);
    for (int i = 0; i < 100; ++i) REQUIRE(take(host, sequence) == expected++);
    host.run_until_state("ready");
  }
}

TEST_CASE("a lost reply is a gap of exactly that block, and counted") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  host.source.lose_replies = true;
  essequence::Sequence sequence = client(d);
  std::set<std::int64_t> ids;
  while (host.show().lost_total.unknown_reply == 0) {
    if (const auto id = sequence.try_next()) REQUIRE(ids.insert(*id).second);
    host.loop.run_for(1ms);
  }
  host.source.lose_replies = false;
  // Past every block that was asked for, and so past every gap.
  const std::int64_t asked = host.finish(host.source.read("orders"))->standing.iid;
  while (*ids.rbegin() <= asked) {
    try {
      const essequence::Run run = sequence.take(1000000);
      for (std::uint32_t i = 0; i < run.count; ++i) REQUIRE(ids.insert(run.first + i).second);
    } catch (const essequence::Error &) {
      host.loop.run_for(1ms);
    }
  }
  const SequenceStatus status = host.show();
  const std::int64_t missing = *ids.rbegin() - static_cast<std::int64_t>(ids.size());
  CHECK(missing == static_cast<std::int64_t>(status.lost_total.unknown_reply));
}

TEST_CASE("a host that meets others takes larger blocks, so that it meets them less often") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.run_until([&] { return host.source.health().healthy; });
  host.source.conflicts = 2;
  host.finish(host.instance->open("orders", {}));
  host.run_until_state("ready");
  CHECK(host.source.conflicts == 0);
  CHECK(host.show().ready_ids == 4 * 10);  // one block, twice doubled
  CHECK(host.show().lost_total.unknown_reply == 0);
}

TEST_CASE("a host that always comes too late goes on trying, and an order does not wait for it") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.run_until([&] { return host.source.health().healthy; });
  constexpr int kMany = 1000000;
  host.source.conflicts = kMany;
  host.finish(host.instance->open("orders", {}));
  host.run_until([&] { return host.source.conflicts <= kMany - 5; });  // far apart by now
  const int before = host.source.conflicts;
  host.finish(host.instance->burn_all());
  CHECK(host.source.conflicts >= before - 1);
  host.source.conflicts = 0;
  host.run_until([&] { return host.show().ready_ids > 0; });
}

TEST_CASE("an order gets its turn beside takers that empty the ring as fast as it is filled") {
  constexpr int kMany = 1000;
  int emptied = 0;
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.config.defaults.max_block = host.config.defaults.min_block;
  host.open();
  host.source.before_update = [&] {
    const std::uint64_t end = host.ring.entry(0).filled_end.load();
    if (emptied++ < kMany && host.ring.counter(0).next < end) host.ring.counter(0).next.store(end);
  };
  host.run_until([&] { return emptied > 10; });
  CHECK(host.finish(host.instance->reset("orders")) == 2);
  CHECK(emptied < kMany);
}

TEST_CASE("a reset is exact, and another host follows") {
  const Directories d;
  const Directories other;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  Host second(other.runtime.path, other.state.path, d.store.path);
  second.open();
  essequence::Sequence sequence = client(d);
  take(host, sequence);
  essequence::Sequence elsewhere = client(other);
  take(second, elsewhere);
  CHECK(host.finish(host.instance->reset("orders")) == 2);
  CHECK(take(host, sequence) == 1);
  second.run_until([&] { return second.show().epoch == 2; });
  const std::int64_t id = take(second, elsewhere);
  CHECK(id > 1);
  CHECK(id < 1000);
}

TEST_CASE("a raise burns what is below, here and elsewhere") {
  const Directories d, other;
  Host host(d.runtime.path, d.state.path, d.store.path);
  Host second(other.runtime.path, other.state.path, d.store.path);
  host.open();
  second.open();
  second.run_until_state("ready");
  host.finish(host.instance->raise("orders", 1000000));
  essequence::Sequence sequence = client(d), elsewhere = client(other);
  CHECK(take(host, sequence) > 1000000);
  second.run_until([&] { return second.show().lost_total.burnt_raise > 0; });
  CHECK(take(second, elsewhere) > 1000000);
  CHECK(refusal_status([&] { host.finish(host.instance->raise("orders", INT64_MAX)); }) == 400);
  CHECK(refusal_status([&] { host.finish(host.instance->raise("orders", -1)); }) == 400);
}

TEST_CASE("a counter that was set back fences every host, and unfence goes on above every mark") {
  const Directories d, other;
  Host host(d.runtime.path, d.state.path, d.store.path);
  Host second(other.runtime.path, other.state.path, d.store.path);
  host.open();
  second.open();
  host.run_until_state("ready");
  second.run_until_state("ready");
  essequence::Sequence sequence = client(d), elsewhere = client(other);
  take(host, sequence);

  const auto stored = host.finish(host.source.read("orders"));
  Change back;
  back.iid = 3;
  host.finish(host.source.update("orders", stored->version, back));
  while (host.show().state != "fenced") {  // the next refill finds out
    try {
      sequence.take(1000000);
    } catch (const essequence::Error &) {
    }
    host.loop.run_for(1ms);
  }
  CHECK(host.show().detail.find("essequencectl unfence orders --above") != std::string::npos);
  CHECK(host.show().ready_ids == 0);
  while (second.show().state != "fenced") {  // through the document, which the first host writes
    host.loop.run_for(1ms);
    second.loop.run_for(1ms);
  }

  const std::int64_t largest = std::max(host.show().high_water, second.show().high_water);
  CHECK(refusal_status([&] { host.finish(host.instance->reset("orders")); }) == 409);
  CHECK(refusal_status([&] { host.finish(host.instance->unfence("orders", largest)); }) == 409);
  std::this_thread::sleep_for(50ms);
  host.finish(host.instance->unfence("orders", largest));
  CHECK(take(host, sequence) > largest);
  second.run_until_state("ready");
  CHECK(take(second, elsewhere) > largest);
}

TEST_CASE("what went back while the source was away is found though the marker did not move") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  host.loop.run_for(100ms);  // the poll has seen that it was created
  const auto stored = host.finish(host.source.read("orders"));
  Change back;
  back.iid = 3;
  host.source.away = true;
  host.finish(host.source.update("orders", stored->version, back));
  host.loop.run_for(100ms);
  REQUIRE(host.show().state == "ready");
  host.source.away = false;
  host.run_until_state("fenced");
}

TEST_CASE("what an isolated copy says is not believed, and fences nothing") {
  const Directories here, there;
  Host host(here.runtime.path, here.state.path, here.store.path);
  Host other(there.runtime.path, there.state.path, here.store.path);
  host.open();
  other.open();
  auto orders = client(here);
  REQUIRE(take(host, orders) == 1);
  host.run_until_state("ready");
  other.run_until_state("ready");  // so that the version that `host` knows is an old one
  host.source.behind = 0;
  for (std::int64_t id = 2; id < 10; ++id) take(host, orders);
  host.run_until_state("ready");

  host.source.writable = false;
  auto others = client(there);
  while (other.show().refills_total < 4) take(other, others);
  while (orders.try_next()) continue;
  host.run_until([&] { return host.show().detail.find("confirms") != std::string::npos; });
  REQUIRE(host.show().state == "starved");
  REQUIRE(host.show().detail.find("no writes today") != std::string::npos);
  host.source.writable = true;
  REQUIRE(take(host, orders) > other.show().high_water);
  REQUIRE(host.show().lost_total.burnt_fence == 0);
}

TEST_CASE("a document that is again as the last grant left it lies behind what was seen since") {
  const Directories here, there;
  Host host(here.runtime.path, here.state.path, here.store.path);
  Host other(there.runtime.path, there.state.path, here.store.path);
  other.open();
  other.run_until_state("ready");
  host.open();
  host.run_until_state("ready");
  const std::int64_t last_grant = host.show().high_water;
  auto others = client(there);
  while (other.show().high_water < last_grant + 100) take(other, others);
  other.finish(other.source.bump_marker());
  host.run_until([&] { return host.show().high_water > last_grant; });

  host.source.any_version = true;  // a snapshot of that moment is restored
  Change back;
  back.iid = last_grant;
  host.finish(host.source.update("orders", {}, back));
  OpenRequest larger;
  larger.bulk_size = 1000;  // a block from there would pass all that was seen
  host.finish(host.instance->open("orders", larger));
  host.run_until_state("fenced");
  REQUIRE(host.show().granted_total <= 40);
}

TEST_CASE("a deleted name is created again only above, or from the start on purpose") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  essequence::Sequence sequence = client(d);
  host.finish(host.instance->remove("orders"));
  CHECK_THROWS_AS(sequence.next(), essequence::Error);
  CHECK(refusal_status([&] { host.open(); }) == 409);
  OpenRequest request;
  request.above = 500;
  CHECK(host.finish(host.instance->open("orders", request)));
  CHECK(take(host, sequence) == 501);
}

TEST_CASE("start, increment and max shape a sequence, and it ends exhausted") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.run_until([&] { return host.source.health().healthy; });
  OpenRequest request;
  request.start = 5;
  request.increment = 10;
  request.max = 44;
  host.finish(host.instance->open("orders", request));
  essequence::Sequence sequence = client(d);
  for (const int id : {5, 15, 25, 35}) CHECK(take(host, sequence) == id);
  host.run_until_state("exhausted");
  CHECK_THROWS_AS(sequence.next(), essequence::Error);
  host.finish(host.instance->reset("orders"));
  CHECK(take(host, sequence) == 5);
}

TEST_CASE("the largest ids there are do not overflow") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.run_until([&] { return host.source.health().healthy; });
  OpenRequest request;
  request.start = INT64_MAX - 1;
  host.finish(host.instance->open("orders", request));
  essequence::Sequence sequence = client(d);
  CHECK(take(host, sequence) == INT64_MAX - 1);
  CHECK(take(host, sequence) == INT64_MAX);
  host.run_until_state("exhausted");
}

TEST_CASE("a lost state directory is made up from ring and source") {
  const Directories d;
  const RuntimeDirectory empty_state;
  std::int64_t last = 0;
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    host.open();
    essequence::Sequence sequence = client(d);
    for (int i = 0; i < 5; ++i) last = take(host, sequence);
    host.run_until_state("ready");
  }
  Host host(d.runtime.path, empty_state.path, d.store.path);
  essequence::Sequence sequence = client(d);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t id = take(host, sequence);
    CHECK(id == ++last);
  }
}

TEST_CASE("a lost store is a fence while the ring lives") {
  const Directories d;
  const RuntimeDirectory empty_state, empty_store;
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    host.open();
    host.run_until_state("ready");
  }
  Host host(d.runtime.path, empty_state.path, empty_store.path);
  host.run_until_state("fenced");
}

TEST_CASE("a lost ring is accounted for and no id of it comes again") {
  const Directories d;
  const RuntimeDirectory new_runtime;
  std::int64_t high_water = 0;
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    host.open();
    host.run_until_state("ready");
    high_water = host.show().high_water;
  }
  Host host(new_runtime.path, d.state.path, d.store.path);
  essequence::Sequence sequence("orders", {new_runtime.path, 1ms, 0});
  CHECK(take(host, sequence) == high_water + 1);
  CHECK(host.show().lost_total.burnt_ring == static_cast<std::uint64_t>(high_water));
}

TEST_CASE("a restored state directory is a fence, also when the ring is drained") {
  const Directories d;
  const auto copy = [](const std::string &from, const std::string &to) {
    std::filesystem::copy(from, to,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  };
  const RuntimeDirectory state_backup, store_backup;
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    host.open();
    host.run_until_state("ready");
  }
  copy(d.state.path, state_backup.path);
  copy(d.store.path, store_backup.path);
  essequence::Sequence sequence = client(d);
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    for (int i = 0; i < 100; ++i) take(host, sequence);
  }
  while (sequence.try_next()) {
  }
  copy(state_backup.path, d.state.path);
  copy(store_backup.path, d.store.path);
  Host host(d.runtime.path, d.state.path, d.store.path);
  CHECK(host.show().state == "fenced");
  CHECK(host.show().detail.find("state directory restored?") != std::string::npos);
}

TEST_CASE("a host that only opened a sequence does not create it again when it is gone") {
  const Directories d, other;
  Host host(d.runtime.path, d.state.path, d.store.path);
  Host second(other.runtime.path, other.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  second.source.lose_replies = true;  // so that it never has a proof
  second.open();
  host.finish(host.instance->remove("orders"));
  second.run_until_state("fenced");
}

TEST_CASE("a fence for damage is lifted by an unfence only") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  essequence::Sequence sequence = client(d);
  take(host, sequence);
  take(host, sequence);
  host.finish(host.instance->raise("orders", 1000));  // so that floor and iid are at the mark
  host.run_until([&] { return host.show().ready_ids > 0; });
  take(host, sequence);
  host.loop.run_for(200ms);  // the sidecar has looked at the counter
  host.ring.counter(0).next.fetch_sub(1);
  host.run_until_state("fenced");
  host.loop.run_for(200ms);  // ten polls
  CHECK(host.show().state == "fenced");
  host.finish(host.instance->unfence("orders", 2000));
  CHECK(take(host, sequence) > 2000);
}

TEST_CASE("a raise ends leases, also where nothing that is ready lies below it") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  essequence::Sequence sequence = client(d);
  essequence::Lease lease(sequence, 5);
  CHECK(lease.next() == 1);
  host.finish(host.instance->raise("orders", 4));
  host.run_until([&] { return host.show().ready_ids > 0; });
  CHECK(lease.next() > 4);
}

TEST_CASE("what a request asks of a new sequence must hold of one that another host has") {
  const Directories d, other;
  Host host(d.runtime.path, d.state.path, d.store.path);
  Host second(other.runtime.path, other.state.path, d.store.path);
  host.open();
  second.run_until([&] { return second.source.health().healthy; });
  OpenRequest request;
  request.above = 1000;
  CHECK(refusal_status([&] { second.finish(second.instance->open("orders", request)); }) == 409);
  second.open();
}

TEST_CASE("a block that the local store granted and a kill kept from the journal is found again") {
  const Directories d;
  std::int64_t last = 0;
  {
    Host host(d.runtime.path, d.state.path, d.store.path, true);
    host.open();
    host.run_until_state("ready");
    // As if the next block had been asked for and granted, and then the sidecar killed.
    const auto stored = host.finish(host.source.read("orders"));
    last = stored->standing.iid;
    host.ring.entry(0).asked.fetch_add(500);
    Change change;
    change.iid = last + 500;
    host.finish(host.source.update("orders", stored->version, change));
  }
  Host host(d.runtime.path, d.state.path, d.store.path, true);
  essequence::Sequence sequence = client(d);
  for (std::int64_t id = 1; id <= last + 600; ++id) REQUIRE(take(host, sequence) == id);
  CHECK(host.show().lost_total.unknown_reply == 0);
}

TEST_CASE("a ring that was filled by another instance is fenced, with words") {
  const Directories d, other;
  for (const Directories *one : {&d, &other}) {
    Host host(one->runtime.path, one->state.path, one->store.path);
    host.open();
    host.run_until_state("ready");
  }
  essequence::Sequence elsewhere = client(other);
  REQUIRE(elsewhere.try_next());
  Host mistaken(other.runtime.path, d.state.path, d.store.path);
  CHECK(mistaken.show().state == "fenced");
  CHECK(mistaken.show().detail.find("another instance") != std::string::npos);
  CHECK(mistaken.show().ready_ids == 0);
  CHECK_THROWS_AS(elsewhere.try_next(), essequence::Error);
}

TEST_CASE("what is looked at is what changes, not what there is") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.config.defaults.cover = 1s;  // a take is soon forgotten
  host.open_many(100);
  host.run_until_all_ready();
  const auto looks_in = [&](std::uint64_t heartbeats) {
    const std::uint64_t before = host.instance->looks();
    host.run_for_heartbeats(heartbeats);
    return host.instance->looks() - before;
  };
  looks_in(2);  // all fall asleep
  CHECK(looks_in(2) == 0);

  // A take above the low-water mark, for which nobody rings.
  const std::uint32_t busy = *host.ring.find("sequence 7");
  host.ring.counter(busy).next.fetch_add(1);
  const auto rate = [&] { return host.instance->show("sequence 7").rate_per_second; };
  host.run_until([&] { return rate() > 0; });
  const std::uint64_t looks = looks_in(1);
  CHECK(looks >= 1);
  CHECK(looks <= 6);  // it alone, with each of five beats
  host.run_until([&] { return rate() == 0; });
  looks_in(1);
  CHECK(looks_in(2) == 0);
}

TEST_CASE("what was taken since the last look, and from whom") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open_many(3);
  host.run_until_all_ready();
  host.instance->activity();
  const auto take_from = [&](const char *name, std::uint64_t ids) {
    host.ring.counter(*host.ring.find(name)).next.fetch_add(ids);
    host.run_until([&] { return host.instance->show(name).taken_total == ids; });
  };
  take_from("sequence 2", 2);
  take_from("orders", 3);
  const Activity activity = host.instance->activity();
  using TakenOf = std::vector<std::pair<std::string, std::uint64_t>>;
  CHECK(activity.taken_of == TakenOf{{"orders", 3}, {"sequence 2", 2}});
  CHECK(host.instance->activity().taken_of.empty());
}

TEST_CASE("a sequence that rested reads its document before it asks for the next block") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  auto sequence = client(d);
  take(host, sequence);
  const auto reads_of_a_block = [&] {
    const int before = host.source.reads;
    const std::uint64_t refills = host.show().refills_total;
    while (host.show().refills_total == refills) take(host, sequence);
    return host.source.reads - before;
  };
  CHECK(reads_of_a_block() == 0);
  host.config.defaults.cover = 1s;  // a take is soon forgotten
  host.instance->reconfigure();
  host.run_until([&] { return host.show().rate_per_second == 0; });
  host.run_for_heartbeats(2);
  CHECK(reads_of_a_block() == 1);
}

TEST_CASE("a damaged counter is found while its sequence rests") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  host.loop.run_for(200ms);
  host.ring.counter(0).next.store(0);
  host.run_until_state("fenced");
}

TEST_CASE("more sequences than may be refilled at once are all filled after a reboot") {
  constexpr std::uint32_t kSequences = 300;
  const Directories d;
  {
    Host host(d.runtime.path, d.state.path, d.store.path);
    host.open_many(kSequences);
    host.run_until_all_ready();
  }
  const RuntimeDirectory anew;
  Host host(anew.path, d.state.path, d.store.path);
  REQUIRE(host.instance->count() == kSequences);
  host.run_until_all_ready();
  for (const SequenceStatus &status : host.instance->list()) {
    REQUIRE(status.lost_total.burnt_ring == 20);  // two blocks that lay in the ring
    REQUIRE(status.next_id == 21);
  }
}
