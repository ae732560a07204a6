// The whole chain below the control socket: a real local store, journal and ring. A source in front
// of the store loses replies and hides documents where the test says so.
#pragma once

#include "sidecar/refill/instance.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <optional>

#include <essequence/essequence.hpp>

#include "sidecar/allocation/local/local_source.hpp"
#include "tests/unit/runtime_directory.hpp"

namespace essequence::sidecar {

using namespace std::chrono_literals;
namespace asio = boost::asio;

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

inline essequence::Sequence client(const Directories &directories) {
  return essequence::Sequence("orders", {directories.runtime.path, 1ms, 0});
}

inline std::int64_t take(Host &host, essequence::Sequence &sequence) {
  for (;;) {
    if (const auto id = sequence.try_next()) return *id;
    host.loop.run_for(1ms);
  }
}

inline int refusal_status(const std::function<void()> &call) {
  try {
    call();
  } catch (const Refusal &refusal) {
    return refusal.status();
  }
  return 0;
}

}  // namespace essequence::sidecar
