// Sequences at rest: what is looked at, kept and told of them.
#include "tests/unit/instance_host.hpp"

using namespace essequence::sidecar;

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
