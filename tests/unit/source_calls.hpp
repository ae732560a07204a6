// Calls of a source, run to their end on its event loop.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/allocation/source.hpp"
#include "sidecar/config/config.hpp"

namespace essequence::test {

// Runs one call of the source to its end on the event loop.
template <class T>
T run(boost::asio::io_context &loop, sidecar::awaitable<T> call) {
  auto result = boost::asio::co_spawn(loop, std::move(call), boost::asio::use_future);
  loop.restart();
  loop.run();
  return result.get();
}

struct Refused {
  std::optional<sidecar::SourceError::Kind> kind;  // absent: it succeeded
  std::string what;
};

template <class T>
Refused refusal(boost::asio::io_context &loop, sidecar::awaitable<T> call) {
  try {
    run(loop, std::move(call));
  } catch (const sidecar::SourceError &e) {
    return {e.kind(), e.what()};
  }
  return {};
}

inline sidecar::ElasticsearchConfig config_for(std::vector<std::string> hosts) {
  sidecar::ElasticsearchConfig config;
  config.hosts = std::move(hosts);
  config.request_timeout = std::chrono::seconds(10);
  return config;
}

inline sidecar::Change to(std::int64_t iid) {
  sidecar::Change change;
  change.iid = iid;
  return change;
}

}  // namespace essequence::test
