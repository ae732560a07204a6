#include "tests/bench/fleet/fleet.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace essequence::fleet {

namespace asio = boost::asio;
using sidecar::awaitable;
using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(10);

Fleet::Fleet(const sidecar::Config &config, const Load &load, std::size_t hosts,
             const std::filesystem::path &directory)
    : config_(config), load_(load), server_(config_.elasticsearch, loop_) {
  const auto host = [&](const std::string &name) {
    directories_.push_back(directory / name);
    return std::make_unique<Host>(loop_, storage_, config_, counts_, directories_.back());
  };
  founder_ = host("founder");
  for (std::size_t i = 0; i < hosts; ++i) hosts_.push_back(host(std::to_string(i)));
}

std::vector<Stretch> Fleet::run(const std::vector<double> &seconds) {
  std::exception_ptr failure;
  asio::co_spawn(loop_, simulate(seconds), [&](std::exception_ptr thrown) { failure = thrown; });
  loop_.run();  // until every coroutine of every sidecar has ended
  if (failure) std::rethrow_exception(failure);
  return stretches_;
}

awaitable<void> Fleet::simulate(std::vector<double> seconds) {
  co_await found();
  const auto start = Clock::now();
  for (const auto &host : hosts_) asio::co_spawn(loop_, host->run(load_, start), asio::detached);
  for (const double length : seconds) {
    const Stretch stretch = co_await pass(length);
    stretches_.push_back(stretch);
  }
  for (const auto &host : hosts_) co_await host->stop();
  co_await server_.remove_index();
}

// The sequences exist before the fleet starts, as after a power cut.
awaitable<void> Fleet::found() {
  Load none = load_;
  none.rate = 0;
  co_await founder_->run(none, Clock::now());
  co_await founder_->stop();
}

awaitable<Stretch> Fleet::pass(double seconds) {
  const Counts before = counts_;
  const std::uint64_t ids_before = granted();
  const std::uint64_t served_before = co_await server_.requests_served();
  const auto begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  asio::steady_timer timer(loop_);
  for (auto now = begin; now < end; now = Clock::now()) {
    for (const auto &host : hosts_) host->tick(now);
    timer.expires_at(now + kTick);
    co_await timer.async_wait(asio::use_awaitable);
  }
  const std::uint64_t served = co_await server_.requests_served();
  Stretch stretch;
  stretch.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  stretch.counts = counts_ - before;
  stretch.ids = granted() - ids_before;
  stretch.requests_served = served - served_before;
  stretch.most_held = most_held();
  for (const auto &host : hosts_) {
    if (!host->is_serving()) ++stretch.hosts_not_serving;
    for (Consumer &consumer : host->consumers()) {
      const std::chrono::duration<double> wait = consumer.longest_wait();
      stretch.waits.push_back(wait.count());
    }
  }
  std::sort(stretch.waits.begin(), stretch.waits.end());
  co_return stretch;
}

std::uint64_t Fleet::granted() {
  std::uint64_t ids = 0;
  for (const auto &host : hosts_) {
    for (const sidecar::SequenceStatus &sequence : host->list()) ids += sequence.granted_total;
  }
  return ids;
}

double Fleet::most_held() {
  std::uint64_t most = 0;
  for (const auto &host : hosts_) {
    for (const sidecar::SequenceStatus &sequence : host->list()) {
      most = std::max(most, sequence.ready_ids);
    }
  }
  return static_cast<double>(most) / load_.rate;
}

}  // namespace essequence::fleet
