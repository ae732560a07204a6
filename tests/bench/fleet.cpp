// What many sidecars on one sequence, or many sequences on one sidecar, cost a real Elasticsearch:
// round trips and conflicts per block, and how long a consumer waits; after a common cold start and
// in steady state. Each sidecar is the real one but for its socket, with its own ring, journal and
// connections, all on one event loop; only the consumers are simulated. At the end no two journals
// hold the same id.
//
//   fleet --elasticsearch URL [--hosts 1,10,100,1000] [--sequences N] [--rate IDS] …
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/allocation/identity.hpp"
#include "tests/bench/fleet/fleet.hpp"
#include "tests/bench/fleet/grants.hpp"
#include "tests/unit/runtime_directory.hpp"

namespace {

using namespace essequence;
using namespace essequence::fleet;

// A sidecar holds about eight files open.
void allow_many_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void tell_head() {
  std::printf("%5s %6s | %8s %10s %10s %9s %8s | %6s %6s %6s | %9s %8s\n", "hosts", "phase",
              "blocks/s", "requests", "conflicts", "failures", "ids", "wait s", "wait s", "held",
              "requests", "closed");
  std::printf("%5s %6s | %8s %10s %10s %9s %8s | %6s %6s %6s | %9s %8s\n", "", "", "", "/block",
              "/block", "/block", "/block", "median", "most", "s", "/s in all", "hosts");
}

void tell(std::size_t hosts, const char *phase, const Stretch &stretch) {
  const auto per_block = [&](std::uint64_t what) {
    return static_cast<double>(what) /
           static_cast<double>(std::max<std::uint64_t>(stretch.counts.blocks, 1));
  };
  const std::vector<double> &waits = stretch.waits;
  const double median = waits.empty() ? stretch.seconds : waits[waits.size() / 2];
  const double longest = waits.empty() ? stretch.seconds : waits.back();
  std::printf("%5zu %6s | %8.2f %10.2f %10.2f %9.2f %8.0f | %6.2f %6.2f %6.0f | %9.1f %8zu\n",
              hosts, phase, static_cast<double>(stretch.counts.blocks) / stretch.seconds,
              per_block(stretch.counts.requests), per_block(stretch.counts.conflicts),
              per_block(stretch.counts.failures), per_block(stretch.ids), median, longest,
              stretch.most_held, static_cast<double>(stretch.requests_served) / stretch.seconds,
              stretch.hosts_not_serving);
  std::fflush(stdout);
}

struct Options {
  std::string elasticsearch, allocation = "cas";
  std::vector<std::size_t> hosts{1, 10, 100, 1000};
  std::size_t sequences = 1;
  double rate = 10, cold = 30, steady = 60;
};

void simulate(std::size_t hosts, const Options &options) {
  const RuntimeDirectory directory;
  sidecar::Config config;
  config.elasticsearch.hosts = {options.elasticsearch};
  config.elasticsearch.index = "essequence-fleet-" + sidecar::random_identity();
  config.elasticsearch.allocation = options.allocation;
  Load load;
  load.rate = options.rate;
  for (std::size_t i = 0; i < options.sequences; ++i) {
    load.sequences.push_back("sequence-" + std::to_string(i));
  }
  Fleet fleet(config, load, hosts, directory.path);
  const std::vector<Stretch> stretches = fleet.run({options.cold, options.steady});
  tell(hosts, "cold", stretches[0]);
  tell(hosts, "steady", stretches[1]);
  const Grants grants = disjoint_grants(fleet.directories());
  std::printf("%5zu        | %zu blocks, %ld ids, none granted twice\n", hosts, grants.blocks,
              static_cast<long>(grants.ids));
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Many sidecars on one Elasticsearch.");
  app.add_option("--elasticsearch", options.elasticsearch, "URL")->required();
  app.add_option("--hosts", options.hosts, "how many; one run for each")->delimiter(',');
  app.add_option("--sequences", options.sequences, "that each host takes from");
  app.add_option("--rate", options.rate, "ids per second, host and sequence");
  app.add_option("--allocation", options.allocation, "cas or script");
  app.add_option("--cold", options.cold, "seconds from the start that count as cold");
  app.add_option("--steady", options.steady, "seconds after these");
  CLI11_PARSE(app, argc, argv);
  const auto log = spdlog::stderr_logger_st("fleet");
  spdlog::set_default_logger(log);
  spdlog::set_level(spdlog::level::err);
  try {
    allow_many_files();
    tell_head();
    for (const std::size_t hosts : options.hosts) simulate(hosts, options);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "fleet: %s\n", error.what());
    return 1;
  }
}
