#include "tests/bench/fleet/host.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace essequence::fleet {

namespace asio = boost::asio;
using sidecar::awaitable;

namespace {

std::string made(const std::filesystem::path &directory) {
  std::filesystem::create_directories(directory);
  return directory;
}

}  // namespace

Host::Host(asio::io_context &loop, asio::thread_pool &storage, const sidecar::Config &config,
           Counts &counts, const std::filesystem::path &directory)
    : loop_(loop),
      source_(config.elasticsearch, loop, counts),
      journal_(made(directory)),
      ring_(directory),
      instance_(loop, storage, source_, journal_, ring_, config) {}

awaitable<void> Host::run(const Load &load, Consumer::TimePoint since) {
  co_await instance_.start();
  asio::co_spawn(loop_, instance_.beat(), asio::detached);
  asio::co_spawn(loop_, instance_.poll(), asio::detached);
  for (const std::string &name : load.sequences) {
    co_await open(name);
    const std::uint32_t number = ring_.find(name).value();
    consumers_.emplace_back(ring_, number, load.rate, since);
  }
  serving_ = true;
}

// As a client that insists.
awaitable<void> Host::open(std::string name) {
  while (!instance_.is_open(name)) {
    try {
      co_await instance_.open(name, {});
      co_return;
    } catch (const sidecar::Refusal &) {
    }
    asio::steady_timer pause(loop_, std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void Host::tick(Consumer::TimePoint now) {
  for (Consumer &consumer : consumers_) {
    if (consumer.take(now)) instance_.wanted({consumer.number()});
  }
}

}  // namespace essequence::fleet
