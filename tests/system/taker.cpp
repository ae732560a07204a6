// Takes ids and writes each one down, whatever happens to the sidecar meanwhile. A failed take is
// counted and tried again until the deadline, or SIGTERM; only a taker that cannot open its
// sequence gives up. Prints one line of JSON when it ends. Exit status: 0 if it took as many ids as
// it should, else 1.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <essequence/essequence.hpp>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/system/take_file.h"

namespace {

volatile std::sig_atomic_t told_to_end = 0;

class File {
 public:
  File(const std::string &path, bool times) : times_(times) {
    if (path.empty()) return;
    file_.reset(take_file_create(path.c_str(), times));
    if (!file_) throw std::system_error(errno, std::generic_category(), path);
  }
  bool times() const { return times_; }
  void add(std::uint64_t epoch, std::int64_t id, std::int64_t begin_ns, std::int64_t end_ns) {
    if (file_) take_file_add(file_.get(), epoch, id, begin_ns, end_ns);
    if (last_ns_ > 0) longest_gap_ns_ = std::max(longest_gap_ns_, end_ns - last_ns_);
    last_ns_ = end_ns;
  }
  std::int64_t longest_gap_ns() const { return longest_gap_ns_; }

 private:
  struct Close {
    void operator()(TakeFile *file) const { take_file_close(file); }
  };
  std::unique_ptr<TakeFile, Close> file_;
  bool times_;
  std::int64_t last_ns_ = 0;
  std::int64_t longest_gap_ns_ = 0;
};

struct Job {
  std::string runtime_dir, sequence, mode = "next", out;
  std::uint64_t count = 0;  // per thread; 0: until the deadline
  double seconds = 60;
  double timeout = 1;  // of each take
  double rate = 0;     // ids per second and thread, about; 0: as many as it can
  unsigned threads = 1;
  std::uint32_t run = 64;   // `take` and `lease`: ids at a time
  std::uint64_t epoch = 1;  // noted where the mode does not tell it; 0: as untold
  double fork_every = 0;    // seconds; 0: never
  std::uint64_t bulk_size = 0;
  bool times = false;
};

struct Tally {
  std::uint64_t taken = 0, timeouts = 0, unavailable = 0, errors = 0;
  std::string last_error;
  std::int64_t longest_gap_ns = 0;  // between two ids; known where times are noted
};

// One take; what it took is in `file`. Returns how many ids that were.
class Take {
 public:
  Take(const Job &job, essequence::Sequence &sequence)
      : job_(job),
        sequence_(sequence),
        lease_(sequence, job.run),
        epoch_(job.epoch == 0 ? TAKE_UNTOLD : job.epoch) {}

  std::uint64_t operator()(File &file) {
    static const std::string kAll[] = {"next", "try", "take", "lease"};
    const unsigned modes = job_.mode == "all" ? 4 : job_.mode == "mixed" ? 3 : 0;
    const std::string &mode = modes > 0 ? kAll[turn_++ % modes] : job_.mode;
    const std::int64_t begin = file.times() ? monotonic_ns() : 0;
    if (mode == "next") return note(file, begin, epoch_, sequence_.next());
    if (mode == "lease") return note(file, begin, epoch_ | TAKE_LEASED, lease_.next());
    if (mode == "take") return note(file, begin, sequence_.take(job_.run));
    if (const auto id = sequence_.try_next()) return note(file, begin, epoch_, *id);
    std::this_thread::yield();
    return 0;
  }

 private:
  std::uint64_t note(File &file, std::int64_t begin, std::uint64_t epoch, std::int64_t id) {
    file.add(epoch, id, begin, file.times() ? monotonic_ns() : 0);
    return 1;
  }
  std::uint64_t note(File &file, std::int64_t begin, const essequence::Run &run) {
    const std::int64_t end = file.times() ? monotonic_ns() : 0;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      file.add(run.epoch, run.first + run.increment * i, begin, end);
    }
    return run.count;
  }

  const Job &job_;
  essequence::Sequence &sequence_;
  essequence::Lease lease_;
  const std::uint64_t epoch_;
  unsigned turn_ = 0;
};

// The children of one thread: forked without exec in the middle of other threads' takes, they go on
// with the handle, and with the lease, beside their parent.
class Children {
 public:
  // Returns whether this is the child now.
  bool fork_one() {
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child > 0) pids_.push_back(child);
    return child == 0;
  }
  // How many did not end well.
  std::uint64_t wait_for_all() {
    std::uint64_t failed = 0;
    for (const pid_t child : pids_) {
      int status = 0;
      if (waitpid(child, &status, 0) != child || status != 0) ++failed;
    }
    pids_.clear();
    return failed;
  }

 private:
  std::vector<pid_t> pids_;
};

Tally take_all(const Job &job, essequence::Sequence &sequence, const std::string &path) {
  using clock = std::chrono::steady_clock;
  using seconds = std::chrono::duration<double>;
  auto file = std::make_unique<File>(path, job.times);
  Tally tally;
  Take take(job, sequence);
  Children children;
  bool is_child = false;
  unsigned forks = 0;
  auto begin = clock::now();
  seconds duration(job.seconds);
  // The clock is read once per 256 takes: it would cost more than the take.
  for (std::uint64_t attempt = 0; job.count == 0 || tally.taken < job.count; ++attempt) {
    if (attempt % 256 == 0 || job.rate > 0 ||
        tally.timeouts + tally.unavailable + tally.errors > 0) {
      const seconds now = clock::now() - begin;
      if (now >= duration || told_to_end) break;
      if (job.fork_every > 0 && !is_child && now.count() >= job.fork_every * (forks + 1)) {
        tally.errors += children.wait_for_all();
        ++forks;
        is_child = children.fork_one();
        if (is_child) {
          file.release();  // it is the parent's, who writes to it
          file = std::make_unique<File>(path + "." + std::to_string(forks), job.times);
          tally = {};
          begin = clock::now();
          duration = std::min(duration - now, seconds(job.fork_every));
          continue;
        }
      }
      if (job.rate > 0 && static_cast<double>(tally.taken) > job.rate * now.count()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
    }
    try {
      tally.taken += take(*file);
    } catch (const essequence::Error &error) {
      tally.last_error = error.what();
      if (error.status() == ESSEQUENCE_TIMEOUT) {
        ++tally.timeouts;
      } else if (error.status() == ESSEQUENCE_UNAVAILABLE) {
        ++tally.unavailable;
      } else {
        ++tally.errors;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));  // these come at once
      }
    }
  }
  if (is_child) {
    file.reset();
    { const essequence::Sequence closed(std::move(sequence)); }
    if (tally.errors > 0) std::fprintf(stderr, "a child: %s\n", tally.last_error.c_str());
    _exit(tally.errors > 0 ? 1 : 0);
  }
  tally.errors += children.wait_for_all();
  tally.longest_gap_ns = file->longest_gap_ns();
  return tally;
}

int run(const Job &job) {
  essequence::Options options;
  options.runtime_dir = job.runtime_dir;
  options.timeout = std::chrono::nanoseconds(static_cast<std::int64_t>(job.timeout * 1e9));
  options.bulk_size = job.bulk_size;
  essequence::Sequence sequence(job.sequence, options);

  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  Tally all;
  std::mutex all_guard;
  for (unsigned i = 0; i < job.threads; ++i) {
    const bool one_file = job.threads == 1 || job.out.empty();
    const std::string path = one_file ? job.out : job.out + "." + std::to_string(i);
    threads.emplace_back([&, path] {
      const Tally tally = take_all(job, sequence, path);
      const std::lock_guard lock(all_guard);
      all.taken += tally.taken;
      all.timeouts += tally.timeouts;
      all.unavailable += tally.unavailable;
      all.errors += tally.errors;
      all.longest_gap_ns = std::max(all.longest_gap_ns, tally.longest_gap_ns);
      if (!tally.last_error.empty()) all.last_error = tally.last_error;
    });
  }
  for (auto &thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

  std::puts(nlohmann::json{{"taken", all.taken},
                           {"timeouts", all.timeouts},
                           {"unavailable", all.unavailable},
                           {"errors", all.errors},
                           {"last_error", all.last_error},
                           {"longest_gap", static_cast<double>(all.longest_gap_ns) / 1e9},
                           {"seconds", elapsed.count()}}
                .dump()
                .c_str());
  return all.taken >= job.count * job.threads ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  Job job;
  CLI::App app("Takes ids and writes each one down.");
  app.add_option("--runtime-dir", job.runtime_dir)->required();
  app.add_option("--sequence", job.sequence)->required();
  app.add_option("--count", job.count, "ids per thread; without it, until --seconds are over");
  app.add_option("--seconds", job.seconds, "gives up after so long");
  app.add_option("--timeout", job.timeout, "of each take, in seconds");
  app.add_option("--rate", job.rate, "ids per second and thread, about; without it, all it can");
  app.add_option("--threads", job.threads);
  app.add_option("--mode", job.mode)
      ->check(CLI::IsMember({"next", "try", "take", "lease", "mixed", "all"}));
  app.add_option("--run", job.run, "ids per take or lease");
  app.add_option("--epoch", job.epoch, "noted by the modes that do not learn it; 0: as untold");
  app.add_option("--fork-every", job.fork_every,
                 "each thread forks a child so often, in seconds, that takes for as long");
  app.add_option("--bulk-size", job.bulk_size);
  app.add_flag("--times", job.times, "note when each take began and ended");
  app.add_option("--out", job.out, "file of what was taken; FILE.0, FILE.1, … for several threads");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGTERM, [](int) { told_to_end = 1; });
  try {
    return run(job);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "taker: %s\n", error.what());
    return 1;
  }
}
