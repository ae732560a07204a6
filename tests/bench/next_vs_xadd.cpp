// What next() costs, against the least that any shared counter can cost: one `lock xadd` on a line
// of shared memory. Both in the same loop, in turns, so that what else the machine does hits both;
// medians of several rounds; with one process and with two.
//
//   next_vs_xadd --runtime-dir DIR [--sequence NAME] [--ids N] [--rounds N]
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <essequence/essequence.hpp>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int kMostProcesses = 2;

struct Shared {
  alignas(128) std::atomic<std::uint64_t> counter;  // what xadd works on
  alignas(128) std::atomic<int> ready;              // processes that stand at the start
  alignas(128) double seconds[kMostProcesses];
};

template <class Take>
double time_of(std::uint64_t ids, Take take) {
  std::uint64_t sum = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < ids; ++i) sum += take();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  asm volatile("" : : "r"(sum));  // the loop is not to be optimised away
  return elapsed.count();
}

// Nanoseconds per id and process of `take`, run by `processes` at once.
template <class Take>
double race(Shared &shared, int processes, std::uint64_t ids, Take take) {
  shared.ready = 0;
  std::vector<pid_t> children;
  for (int number = 0; number < processes; ++number) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    try {
      take();  // maps, and fills what a forked child finds empty
      shared.ready.fetch_add(1);
      while (shared.ready.load() < processes) {
      }
      shared.seconds[number] = time_of(ids, take);
      _exit(0);
    } catch (const std::exception &error) {
      std::fprintf(stderr, "next_vs_xadd: %s\n", error.what());
      shared.ready.fetch_add(processes);  // nobody waits for this one
      _exit(1);
    }
  }
  bool all_well = true;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    all_well = all_well && status == 0;
  }
  if (!all_well) throw std::runtime_error("a process failed");
  double sum = 0;
  for (int number = 0; number < processes; ++number) sum += shared.seconds[number];
  return sum / processes / static_cast<double>(ids) * 1e9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(Shared &shared, int processes, std::uint64_t ids, int rounds,
             essequence::Sequence &sequence) {
  std::vector<double> bare, taken;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(race(shared, processes, ids,
                        [&] { return shared.counter.fetch_add(1, std::memory_order_relaxed); }));
    taken.push_back(
        race(shared, processes, ids, [&] { return static_cast<std::uint64_t>(sequence.next()); }));
  }
  std::printf("%d process%s  lock xadd %5.2f ns   next() %5.2f ns   ratio %.2f\n", processes,
              processes == 1 ? ": " : "es:", median(bare), median(taken),
              median(taken) / median(bare));
}

int run(const std::string &runtime_dir, const std::string &name, std::uint64_t ids, int rounds) {
  void *const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map memory");
  auto *const shared = new (memory) Shared{};

  essequence::Options options;
  options.runtime_dir = runtime_dir;
  options.timeout = std::chrono::seconds(20);
  options.bulk_size = ids;  // the loop measures takes, not refills
  essequence::Sequence sequence(name, options);
  for (std::uint64_t i = 0; i < ids; ++i) sequence.next();  // the refill learns the rate

  for (int processes = 1; processes <= kMostProcesses; ++processes) {
    compare(*shared, processes, ids, rounds, sequence);
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  std::string runtime_dir, sequence = "bench";
  std::uint64_t ids = 4'000'000;
  int rounds = 11;
  CLI::App app("next() against a bare lock xadd.");
  app.add_option("--runtime-dir", runtime_dir)->required();
  app.add_option("--sequence", sequence);
  app.add_option("--ids", ids, "per process and round");
  app.add_option("--rounds", rounds);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(runtime_dir, sequence, ids, rounds);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "next_vs_xadd: %s\n", error.what());
    return 1;
  }
}
