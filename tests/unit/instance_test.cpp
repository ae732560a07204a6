// What an instance gives and what orders do to it.
#include <set>

#include "tests/unit/instance_host.hpp"

using namespace essequence::sidecar;

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

TEST_CASE("who waits after a cut proves no higher rate") {
  const Directories d;
  Host host(d.runtime.path, d.state.path, d.store.path);
  host.open();
  host.run_until_state("ready");
  const std::uint64_t ready = host.show().ready_ids;
  host.source.before_update = [&] {  // while the first block of the new epoch is on its way
    if (host.instance->show("orders").epoch == 2) host.instance->wanted({0});
  };
  host.finish(host.instance->reset("orders"));
  host.run_until_state("ready");
  CHECK(host.show().stalls_total == 1);
  CHECK(host.show().ready_ids == ready);
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
