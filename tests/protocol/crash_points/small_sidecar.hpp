// The whole sidecar below its control socket: locks, ring, journal, instance, and one of two
// sources. It beats and polls only when it is told to, so that every run passes the same points.
#pragma once

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "sidecar/allocation/local/local_source.hpp"
#include "sidecar/journal/directory_lock.hpp"
#include "sidecar/refill/instance.hpp"
#include "tests/protocol/crash_points/shared_source.hpp"
#include "tests/unit/runtime_directory.hpp"

namespace essequence::crash {

// Where a sidecar lives, and what outlives it. `documents` null: the local store is the source.
struct Home {
  RuntimeDirectory runtime, state;
  Documents *documents = nullptr;

  bool is_local() const { return documents == nullptr; }
  std::string source() const { return is_local() ? "local" : "shared"; }
};

class SmallSidecar {
 public:
  explicit SmallSidecar(const Home &home)
      : runtime_lock_(home.runtime.path),
        state_lock_(home.state.path),
        journal_(home.state.path),
        ring(home.runtime.path) {
    config.elasticsearch.epoch_poll = std::chrono::hours(1);  // one poll, at the start
    config.defaults.max_block = config.defaults.min_block;    // whatever the rate
    if (home.is_local()) {
      source_ = std::make_unique<sidecar::LocalSource>(home.state.path, storage_);
    } else {
      source_ = std::make_unique<SharedSource>(*home.documents);
    }
    instance.emplace(loop_, storage_, *source_, journal_, ring, config);
  }

  // Takes over, polls once, and refills.
  void start() {
    finish(instance->start());
    boost::asio::co_spawn(loop_, instance->poll(), boost::asio::detached);
    settle();
  }

  template <class T>
  T finish(sidecar::awaitable<T> call) {
    auto result = boost::asio::co_spawn(loop_, std::move(call), boost::asio::use_future);
    while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) loop_.run_one();
    return result.get();
  }

  // Until nothing is under way but timers that no refill waits for. What runs on the storage thread
  // is done once a task that was handed in later is.
  void settle() {
    do {
      auto done = std::make_shared<std::promise<void>>();
      boost::asio::post(storage_, [done] { done->set_value(); });
      done->get_future().wait();
    } while (loop_.poll() > 0 || (instance->refilling() && loop_.run_one() > 0));
  }

  // As the doorbell does when takers have rung.
  void refill(std::uint32_t number = 0) {
    instance->wanted({number});
    settle();
  }
  void run_for(std::chrono::milliseconds time) { loop_.run_for(time); }

  bool open(const std::string &name, std::optional<std::int64_t> above = {}) {
    sidecar::OpenRequest request;
    request.above = above;
    const bool created = finish(instance->open(name, request));
    settle();
    return created;
  }
  std::optional<sidecar::Stored> stored(const std::string &name) {
    return finish(source_->read(name));
  }

  // The status, with promise 7 checked.
  sidecar::SequenceStatus show(const std::string &name) const {
    const sidecar::SequenceStatus status = instance->show(name);
    require(status.taken_total + lost(status) == status.granted_total - status.ready_ids,
            name + " is not accounted for");
    return status;
  }
  static std::uint64_t lost(const sidecar::SequenceStatus &status) {
    const sidecar::LostTotal &lost = status.lost_total;
    return lost.unknown_reply + lost.burnt_reset + lost.burnt_raise + lost.burnt_fence +
           lost.burnt_ring;
  }

 private:
  const sidecar::DirectoryLock runtime_lock_, state_lock_;
  sidecar::Journal journal_;

 public:
  sidecar::Config config;
  sidecar::RingFile ring;
  std::optional<sidecar::Instance> instance;  // outlives the loop, whose coroutines hold its turns

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  boost::asio::thread_pool storage_{1};
  std::unique_ptr<sidecar::Source> source_;
};

}  // namespace essequence::crash
