// Takes ids and writes each one down, whatever happens to the sidecar meanwhile. A failed take is
// counted and tried again until the deadline; only a taker that cannot open its sequence gives up.
// Prints one line of JSON when it ends. Exit status: 0 if it took as many ids as it should, else 1.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <essequence/essequence.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/system/take_file.hpp"

namespace {

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

class TakeFile {
 public:
  TakeFile(const std::string &path, bool times)
      : record_size_(times ? sizeof(TimedRecord) : sizeof(Record)), times_(times) {
    if (path.empty()) return;
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file_ < 0) throw std::system_error(errno, std::generic_category(), path);
    map_next_piece();
    const FileHeader header{kTakeFileMagic, times ? 1U : 0U};
    std::memcpy(piece_, &header, sizeof header);
    used_ = times ? sizeof(TimedRecord) : sizeof header;  // keeps records aligned to their size
  }
  TakeFile(TakeFile &&other) noexcept { *this = std::move(other); }
  TakeFile &operator=(TakeFile &&other) noexcept {
    std::swap(record_size_, other.record_size_);
    std::swap(times_, other.times_);
    std::swap(file_, other.file_);
    std::swap(piece_, other.piece_);
    std::swap(piece_begin_, other.piece_begin_);
    std::swap(used_, other.used_);
    return *this;
  }
  ~TakeFile() {
    if (file_ < 0) return;
    munmap(piece_, kPiece);
    // The checker reads to the first empty record, so a failure here only wastes space.
    if (ftruncate(file_, static_cast<off_t>(piece_begin_ + used_)) != 0) std::perror("ftruncate");
    close(file_);
  }

  bool times() const { return times_; }

  void add(std::uint64_t epoch, std::int64_t id, std::int64_t begin_ns, std::int64_t end_ns) {
    if (file_ < 0) return;
    if (used_ == kPiece) {
      munmap(piece_, kPiece);
      piece_begin_ += kPiece;
      map_next_piece();
    }
    auto *record = reinterpret_cast<TimedRecord *>(piece_ + used_);
    record->id = id;
    if (times_) {
      record->begin_ns = begin_ns;
      record->end_ns = end_ns;
    }
    __atomic_store_n(&record->epoch, epoch, __ATOMIC_RELEASE);
    used_ += record_size_;
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{16} << 20;

  void map_next_piece() {
    if (const int error = posix_fallocate(file_, static_cast<off_t>(piece_begin_), kPiece)) {
      throw std::system_error(error, std::generic_category(), "cannot grow the output file");
    }
    void *piece = mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_SHARED, file_,
                       static_cast<off_t>(piece_begin_));
    if (piece == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    piece_ = static_cast<char *>(piece);
    used_ = 0;
  }

  std::size_t record_size_ = 0;
  bool times_ = false;
  int file_ = -1;
  char *piece_ = nullptr;
  std::size_t piece_begin_ = 0;
  std::size_t used_ = 0;
};

struct Job {
  std::string runtime_dir, sequence, mode = "next", out;
  std::uint64_t count = 0;  // per thread; 0: until the deadline
  double seconds = 60;
  double timeout = 1;  // of each take
  double rate = 0;     // ids per second and thread, about; 0: as many as it can
  unsigned threads = 1;
  std::uint32_t run = 64;   // `take` and `lease`: ids at a time
  std::uint64_t epoch = 1;  // noted where the mode does not tell it
  std::uint64_t bulk_size = 0;
  bool times = false;
};

struct Tally {
  std::uint64_t taken = 0, timeouts = 0, unavailable = 0, errors = 0;
  std::string last_error;
};

// One take; what it took is in `file`. Returns how many ids that were.
class Take {
 public:
  Take(const Job &job, essequence::Sequence &sequence, TakeFile &file)
      : job_(job), sequence_(sequence), lease_(sequence, job.run), file_(file) {}

  std::uint64_t operator()() {
    static const std::string kMixed[] = {"next", "try", "take"};
    const std::string &mode = job_.mode == "mixed" ? kMixed[turn_++ % 3] : job_.mode;
    const std::int64_t begin = file_.times() ? monotonic_ns() : 0;
    if (mode == "next") return note(begin, job_.epoch, sequence_.next());
    if (mode == "lease") return note(begin, job_.epoch, lease_.next());
    if (mode == "take") return note(begin, sequence_.take(job_.run));
    if (const auto id = sequence_.try_next()) return note(begin, job_.epoch, *id);
    std::this_thread::yield();
    return 0;
  }

 private:
  std::uint64_t note(std::int64_t begin, std::uint64_t epoch, std::int64_t id) {
    file_.add(epoch, id, begin, file_.times() ? monotonic_ns() : 0);
    return 1;
  }
  std::uint64_t note(std::int64_t begin, const essequence::Run &run) {
    const std::int64_t end = file_.times() ? monotonic_ns() : 0;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      file_.add(run.epoch, run.first + run.increment * i, begin, end);
    }
    return run.count;
  }

  const Job &job_;
  essequence::Sequence &sequence_;
  essequence::Lease lease_;
  TakeFile &file_;
  unsigned turn_ = 0;
};

Tally take_all(const Job &job, essequence::Sequence &sequence, TakeFile file) {
  using clock = std::chrono::steady_clock;
  using seconds = std::chrono::duration<double>;
  const auto begin = clock::now();
  const auto deadline = begin + seconds(job.seconds);
  Tally tally;
  Take take(job, sequence, file);
  // The clock is read once per 256 takes: it would cost more than the take.
  for (std::uint64_t attempt = 0; job.count == 0 || tally.taken < job.count; ++attempt) {
    if ((attempt % 256 == 0 || tally.timeouts + tally.unavailable + tally.errors > 0) &&
        clock::now() >= deadline) {
      break;
    }
    if (job.rate > 0) {
      if (clock::now() >= deadline) break;
      if (static_cast<double>(tally.taken) > job.rate * seconds(clock::now() - begin).count()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
    }
    try {
      tally.taken += take();
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
    threads.emplace_back([&, file = TakeFile(path, job.times)]() mutable {
      const Tally tally = take_all(job, sequence, std::move(file));
      const std::lock_guard lock(all_guard);
      all.taken += tally.taken;
      all.timeouts += tally.timeouts;
      all.unavailable += tally.unavailable;
      all.errors += tally.errors;
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
      ->check(CLI::IsMember({"next", "try", "take", "lease", "mixed"}));
  app.add_option("--run", job.run, "ids per take or lease");
  app.add_option("--epoch", job.epoch, "noted by the modes that do not learn it");
  app.add_option("--bulk-size", job.bulk_size);
  app.add_flag("--times", job.times, "note when each take began and ended");
  app.add_option("--out", job.out, "file of what was taken; FILE.0, FILE.1, … for several threads");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(job);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "taker: %s\n", error.what());
    return 1;
  }
}
