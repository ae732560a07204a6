// One simulated sidecar: the real one without its socket, and consumers in the place of its
// clients.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "sidecar/refill/instance.hpp"
#include "tests/bench/fleet/consumer.hpp"
#include "tests/bench/fleet/counted_source.hpp"

namespace essequence::fleet {

// What a size of the fleet is run with.
struct Load {
  std::vector<std::string> sequences;
  double rate = 10;  // ids per second, host and sequence
};

class Host {
 public:
  // Keeps ring and journal in `directory`, which is on tmpfs.
  Host(boost::asio::io_context &loop, boost::asio::thread_pool &storage,
       const sidecar::Config &config, Counts &counts, const std::filesystem::path &directory);

  // Starts, opens the sequences, and takes from then on. Its consumers want ids from `since` on.
  sidecar::awaitable<void> run(const Load &load, Consumer::TimePoint since);
  sidecar::awaitable<void> stop() { return instance_.stop(); }

  // To be called often.
  void tick(Consumer::TimePoint now);

  std::vector<sidecar::SequenceStatus> list() const { return instance_.list(); }
  bool is_serving() const { return serving_; }
  std::vector<Consumer> &consumers() { return consumers_; }

 private:
  sidecar::awaitable<void> open(std::string name);

  boost::asio::io_context &loop_;
  CountedSource source_;
  sidecar::Journal journal_;
  sidecar::RingFile ring_;
  sidecar::Instance instance_;
  std::vector<Consumer> consumers_;
  bool serving_ = false;
};

}  // namespace essequence::fleet
