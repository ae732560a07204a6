// What the simulation asks of the node for itself.
#pragma once

#include <cstdint>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/source.hpp"

namespace essequence::fleet {

class Server {
 public:
  Server(const sidecar::ElasticsearchConfig &config, boost::asio::io_context &loop)
      : http_(config, loop), index_(config.index) {}

  // Requests of any kind that the node has served since it started; 0 where it does not count them
  // (Elasticsearch does from 8.17 on).
  sidecar::awaitable<std::uint64_t> requests_served();
  sidecar::awaitable<void> remove_index();

 private:
  sidecar::elasticsearch::Http http_;
  std::string index_;
};

}  // namespace essequence::fleet
