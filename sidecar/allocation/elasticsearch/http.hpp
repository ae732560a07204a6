// A request to the cluster: several hosts, one total deadline. The coroutine's side of the wire.
//
// A request is sent to another host only where that is safe: a read after any failure, a write only
// when the first host has certainly not got it.
//
// Thread rules: the event loop only. Destroy it when the loop runs no more, before the io_context;
// coroutines that still wait then are simply never resumed.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/allocation/elasticsearch/hosts.hpp"
#include "sidecar/allocation/elasticsearch/transport.hpp"
#include "sidecar/config/config.hpp"

namespace essequence::sidecar::elasticsearch {

enum class Purpose { read, write };

struct Heard {
  std::string host;  // who answered last, or did not
  Outcome outcome;
};

class Http {
 public:
  Http(const ElasticsearchConfig &config, boost::asio::io_context &loop);
  ~Http();

  boost::asio::awaitable<Heard> ask(Request request, Purpose purpose);

 private:
  using Time = Hosts::Clock::time_point;
  struct Waiter;
  struct Gate;

  boost::asio::awaitable<Outcome> attempt(std::size_t host, Request request, Purpose purpose,
                                          Time patience, Time deadline);

  boost::asio::io_context &loop_;
  std::chrono::nanoseconds timeout_;
  std::vector<std::string> names_;
  Hosts hosts_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::shared_ptr<Gate> gate_;
};

}  // namespace essequence::sidecar::elasticsearch
