// Many simulated sidecars on one event loop, and what they cost their source.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/fleet/host.hpp"
#include "tests/bench/fleet/server.hpp"

namespace essequence::fleet {

// What happened in a stretch of time.
struct Stretch {
  double seconds = 0;
  Counts counts;
  std::uint64_t ids = 0;              // granted
  std::uint64_t requests_served = 0;  // by the node, of any kind
  std::vector<double> waits;          // the longest of each consumer, in seconds, sorted
  double most_held = 0;               // by a host at the end of it, in seconds at its rate
  std::size_t hosts_not_serving = 0;  // that have not opened all sequences yet
};

class Fleet {
 public:
  // Keeps its files in `directory`, and its index until run() ends.
  Fleet(const sidecar::Config &config, const Load &load, std::size_t hosts,
        const std::filesystem::path &directory);

  // All hosts start at once. The stretches follow each other: the first is the cold start.
  // Throws where a source fails the simulation itself.
  std::vector<Stretch> run(const std::vector<double> &seconds);

  const std::vector<std::filesystem::path> &directories() const { return directories_; }

 private:
  sidecar::awaitable<void> simulate(std::vector<double> seconds);
  sidecar::awaitable<void> found();
  sidecar::awaitable<Stretch> pass(double seconds);
  std::uint64_t granted();
  double most_held();

  sidecar::Config config_;
  Load load_;
  Counts counts_;
  std::vector<std::filesystem::path> directories_;
  boost::asio::io_context loop_;
  boost::asio::thread_pool storage_{1};
  Server server_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::unique_ptr<Host> founder_;
  std::vector<Stretch> stretches_;
};

}  // namespace essequence::fleet
