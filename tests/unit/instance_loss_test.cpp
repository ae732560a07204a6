// What went back in time or was lost is fenced, or made up; no id of it comes again.
#include <algorithm>
#include <filesystem>

#include "tests/unit/instance_host.hpp"

using namespace essequence::sidecar;

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
