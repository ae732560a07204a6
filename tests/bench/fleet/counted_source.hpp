// Elasticsearch as the source, with its part in allocation counted.
#pragma once

#include <cstdint>
#include <utility>

#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"

namespace essequence::fleet {

struct Counts {
  std::uint64_t requests = 0;   // reads and writes of sequences: what an allocation costs
  std::uint64_t conflicts = 0;  // writes that came too late
  std::uint64_t failures = 0;   // requests that failed otherwise
  std::uint64_t blocks = 0;     // writes that were granted a block

  friend Counts operator-(const Counts &a, const Counts &b) {
    return {a.requests - b.requests, a.conflicts - b.conflicts, a.failures - b.failures,
            a.blocks - b.blocks};
  }
};

class CountedSource final : public sidecar::ElasticsearchSource {
 public:
  CountedSource(const sidecar::ElasticsearchConfig &config, boost::asio::io_context &loop,
                Counts &counts)
      : ElasticsearchSource(config, loop), counts_(counts) {}

  sidecar::awaitable<std::optional<sidecar::Stored>> read(std::string name) override {
    sidecar::awaitable<std::optional<sidecar::Stored>> call = ElasticsearchSource::read(name);
    return is_marker(name) ? std::move(call) : counted(std::move(call));
  }
  sidecar::awaitable<sidecar::Stored> update(std::string name, sidecar::Version only_if,
                                             sidecar::Change change) override {
    sidecar::awaitable<sidecar::Stored> call = ElasticsearchSource::update(name, only_if, change);
    if (is_marker(name)) co_return co_await std::move(call);
    sidecar::Stored stored = co_await counted(std::move(call));
    ++counts_.blocks;
    co_return stored;
  }
  sidecar::awaitable<sidecar::Stored> advance(std::string name, sidecar::Advance how) override {
    sidecar::awaitable<sidecar::Stored> call = ElasticsearchSource::advance(name, how);
    sidecar::Stored stored = co_await counted(std::move(call));
    ++counts_.blocks;
    co_return stored;
  }

 private:
  // The poll of the marker is not a part of allocation.
  static bool is_marker(const std::string &name) {
    return name == sidecar::elasticsearch::kMarkerName;
  }
  template <class T>
  sidecar::awaitable<T> counted(sidecar::awaitable<T> call) {
    ++counts_.requests;
    try {
      co_return co_await std::move(call);
    } catch (const sidecar::SourceError &error) {
      const bool conflict = error.kind() == sidecar::SourceError::Kind::conflict;
      ++(conflict ? counts_.conflicts : counts_.failures);
      throw;
    }
  }

  Counts &counts_;
};

}  // namespace essequence::fleet
