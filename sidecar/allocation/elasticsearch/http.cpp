#include "sidecar/allocation/elasticsearch/http.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <optional>

#include "sidecar/allocation/elasticsearch/tls.hpp"

namespace essequence::sidecar::elasticsearch {

namespace asio = boost::asio;

// Each failure on a stale connection uses one up; but a server may close new ones too.
constexpr int kMostStale = 8;

// One coroutine that waits for an outcome. It lives and dies on the event loop: other threads hold
// it weakly, and look at it in a handler of the loop alone.
struct Http::Waiter {
  explicit Waiter(asio::io_context &loop) : settled(loop) {}
  asio::steady_timer settled;
  std::optional<Outcome> outcome;

  asio::awaitable<void> until(Time time) {
    if (outcome) co_return;
    settled.expires_at(time);
    boost::system::error_code cancelled;
    co_await settled.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
};

// The way from the transport's threads to the event loop; closed before the loop goes away.
struct Http::Gate {
  std::mutex mutex;
  asio::io_context *loop;

  void deliver(const std::weak_ptr<Waiter> &waiter, Outcome outcome) {
    const std::lock_guard lock(mutex);
    if (!loop) return;
    asio::post(*loop, [waiter, outcome = std::move(outcome)]() mutable {
      if (const auto waiting = waiter.lock()) {
        waiting->outcome = std::move(outcome);
        waiting->settled.cancel();
      }
    });
  }
};

Http::Http(const ElasticsearchConfig &config, asio::io_context &loop)
    : loop_(loop),
      timeout_(config.request_timeout),
      names_(config.hosts),
      hosts_(config.hosts.size()),
      gate_(std::make_shared<Gate>()) {
  if (names_.empty()) throw ConfigError("elasticsearch.hosts: give at least one URL");
  check_tls(config);
  gate_->loop = &loop;
  for (const auto &name : names_) {
    transports_.push_back(std::make_unique<Transport>(name, config));
  }
}

Http::~Http() {
  const std::lock_guard lock(gate_->mutex);
  gate_->loop = nullptr;
}

asio::awaitable<Outcome> Http::attempt(std::size_t host, Request request, Purpose purpose,
                                       Time patience, Time deadline) {
  const auto waiter = std::make_shared<Waiter>(loop_);
  const std::weak_ptr<Waiter> weak = waiter;
  const auto gate = gate_;
  std::function<void(Outcome)> done = [gate, weak](Outcome outcome) {
    gate->deliver(weak, std::move(outcome));
  };
  const auto exchange = transports_[host]->start(request, std::move(done));
  co_await waiter->until(patience);
  bool certainly_not_sent = false;
  if (!waiter->outcome && purpose == Purpose::write) {
    certainly_not_sent = exchange->abandon_unsent();
    if (!certainly_not_sent) co_await waiter->until(deadline);
  }
  if (waiter->outcome) co_return std::move(*waiter->outcome);
  const std::string cause = certainly_not_sent ? "no connection in time" : "no answer in time";
  co_return Failure{certainly_not_sent, false, cause};
}

asio::awaitable<Heard> Http::ask(Request request, Purpose purpose) {
  const auto deadline = Hosts::Clock::now() + timeout_;
  std::vector<bool> tried(hosts_.count(), false);
  Heard heard;
  for (std::size_t left = hosts_.count(); left > 0; --left) {
    const auto now = Hosts::Clock::now();
    const auto host = hosts_.next(tried, now);
    tried[host] = true;
    heard.host = names_[host];
    const auto patience = now + (deadline - now) / static_cast<int>(left);
    bool stale = true;
    for (int tries = 0; stale && tries < kMostStale; ++tries) {
      heard.outcome = co_await attempt(host, request, purpose, patience, deadline);
      const auto *failure = std::get_if<Failure>(&heard.outcome);
      stale = failure && failure->stale_connection;
    }
    const auto *reply = std::get_if<Reply>(&heard.outcome);
    const bool out_of_order =
        reply && (reply->status == 502 || reply->status == 503 || reply->status == 504);
    if (reply && !out_of_order) {
      hosts_.answered(host);
      break;
    }
    hosts_.failed(host, Hosts::Clock::now());
    const bool may_have_acted = reply || !std::get<Failure>(heard.outcome).certainly_not_sent;
    if (purpose == Purpose::write && may_have_acted) break;
    if (Hosts::Clock::now() >= deadline) break;
  }
  co_return heard;
}

}  // namespace essequence::sidecar::elasticsearch
