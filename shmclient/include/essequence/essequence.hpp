// Essequence for C++17: a thin layer over the C interface, with the take inlined.
//
//   essequence::Sequence orders("orders");
//   std::int64_t id = orders.next();
//
// Thread rules, promises and statuses are those of essequence.h. Failures throw essequence::Error.
#ifndef ESSEQUENCE_ESSEQUENCE_HPP
#define ESSEQUENCE_ESSEQUENCE_HPP

#include <essequence/window.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace essequence {

class Error : public std::runtime_error {
 public:
  Error(essequence_status status, const std::string &what)
      : std::runtime_error(what), status_(status) {}
  essequence_status status() const noexcept { return status_; }

 private:
  essequence_status status_;
};

struct Options {
  std::string runtime_dir{};           // empty: $ESSEQUENCE_RUNTIME_DIR, else /run/essequence
  std::chrono::nanoseconds timeout{};  // zero: 5 seconds; negative: for ever
  std::uint64_t bulk_size{};           // the smallest block worth fetching; 0: no wish
};

// first, first + increment, …: count ids of one epoch.
struct Run {
  std::int64_t first;
  std::uint32_t count;
  std::int64_t increment;
  std::uint64_t epoch;
};

class Sequence {
 public:
  explicit Sequence(std::string_view name, const Options &options = {}) {
    // The C interface ends a name at its first NUL: a name with one inside is another name.
    if (name.find('\0') != std::string_view::npos) {
      throw Error(ESSEQUENCE_INVALID, "a sequence name holds no control character");
    }
    essequence_options c_options{};
    c_options.size = sizeof c_options;
    c_options.runtime_dir = options.runtime_dir.empty() ? nullptr : options.runtime_dir.c_str();
    c_options.timeout_ns = options.timeout.count();
    c_options.bulk_size = options.bulk_size;
    // Into a variable of its own: no address of the object leaves it, here or in next(), so that
    // one that is a local variable can live in registers.
    essequence_sequence *opened = nullptr;
    check(essequence_open(std::string(name).c_str(), &c_options, &opened));
    sequence_ = opened;
    window_ = essequence_get_window(opened);
  }
  ~Sequence() { essequence_close(sequence_); }
  Sequence(Sequence &&other) noexcept
      : sequence_(std::exchange(other.sequence_, nullptr)),
        window_(std::exchange(other.window_, nullptr)) {}
  Sequence &operator=(Sequence &&other) noexcept {
    std::swap(sequence_, other.sequence_);
    std::swap(window_, other.window_);
    return *this;
  }

  // The next id. Waits, within the timeout, only while the ring is empty.
  std::int64_t next() {
    std::int64_t id = 0;
    std::uintptr_t distance = 0;
    std::uint64_t ticket = 0;
    if (essequence_window_next(window_, &id, &distance, &ticket)) return id;
    return resolve(sequence_, distance, ticket);
  }

  // The next id if one is ready, else nothing (and the sidecar is asked for more).
  std::optional<std::int64_t> try_next() {
    std::int64_t id = 0;
    const essequence_status status = essequence_try_next(sequence_, &id);
    if (status == ESSEQUENCE_TIMEOUT) return std::nullopt;
    check(status);
    return id;
  }

  // A run of 1 to `wanted` ids of one block.
  Run take(std::uint32_t wanted) {
    essequence_run run{};
    check(essequence_take(sequence_, wanted, &run));
    return {run.first, run.count, run.increment, run.epoch};
  }

  // Starts the sequence anew; takes that begin afterwards return ids of the new epoch.
  void reset() { check(essequence_reset(sequence_)); }

 private:
  friend class Lease;

  // Never inlined: what calls next() is to hold the fast path and nothing that needs a stack frame.
  __attribute__((noinline, cold)) static std::int64_t resolve(essequence_sequence *sequence,
                                                              std::uintptr_t distance,
                                                              std::uint64_t ticket) {
    std::int64_t id = 0;
    check(essequence_resolve(sequence, distance, ticket, &id));
    return id;
  }

  static void check(essequence_status status) {
    if (status == ESSEQUENCE_OK) return;
    throw Error(status,
                std::string(essequence_status_text(status)) + ": " + essequence_last_error());
  }
  essequence_sequence *sequence_ = nullptr;
  essequence_window *window_ = nullptr;
};

// A run of up to `n` ids of its own, for one thread that needs the last nanosecond. It takes the
// next run by itself. Ids of a lease are unique as all are, but not ordered with other takers', and
// those that are left when it ends are a gap. After a cut (reset, raise, fence) and in a forked
// child what is left of the run is dropped. Not thread-safe: one lease per thread.
class Lease {
 public:
  Lease(Sequence &sequence, std::uint32_t n) : owner_(sequence), wanted_(n) {}

  std::int64_t next() {
    if (__builtin_expect(left_ == 0, 0) || __builtin_expect(!valid(), 0)) refill();
    --left_;
    const std::int64_t id = next_;
    // The last id of a run may lie one increment below INT64_MAX: add without overflow.
    next_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(next_) +
                                      static_cast<std::uint64_t>(increment_));
    return id;
  }

 private:
  bool valid() const {
    const essequence_window *window = owner_.window_;
    // Acquire: who sees the cut of a new ring sees the new token (src/sequence.cpp).
    const std::uint64_t *cut = __atomic_load_n(&window->cut, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&window->token, __ATOMIC_RELAXED) != token_) return false;  // or forked
    // Relaxed: a take that begins after a reset has returned sees the cut, because whoever began it
    // was told, and what tells orders.
    return __atomic_load_n(cut, __ATOMIC_RELAXED) <= ticket_;
  }
  void refill() {
    left_ = 0;  // stays so if it throws below
    essequence_run run{};
    // Into variables of its own: no address of the lease leaves it, so that one that is a local
    // variable can live in registers.
    std::uint64_t ticket = 0;
    std::uint32_t token = 0;
    Sequence::check(essequence_lease(owner_.sequence_, wanted_, &run, &ticket, &token));
    ticket_ = ticket;
    token_ = token;
    next_ = run.first;
    increment_ = run.increment;
    left_ = run.count;
  }

  Sequence &owner_;
  const std::uint32_t wanted_;
  std::uint32_t left_ = 0;
  std::uint32_t token_ = 0;
  std::uint64_t ticket_ = 0;  // the run's first ticket
  std::int64_t next_ = 0;
  std::int64_t increment_ = 0;
};

}  // namespace essequence
#endif
