// The supply: every sequence that is open on this instance, and what may be asked of them. The
// control socket speaks to this and to nothing below it.
//
// Thread rules: the event loop only. Calls that return awaitable<> resume on it.
// Errors: Refusal (with the HTTP status to answer) for all that the caller can be told about.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/allocation/source.hpp"
#include "sidecar/journal/journal.hpp"
#include "sidecar/refill/refill_times.hpp"
#include "sidecar/refill/refusal.hpp"

namespace essequence::sidecar {

// Ids that will never be taken, by reason.
struct LostTotal {
  std::uint64_t unknown_reply = 0;
  std::uint64_t burnt_reset = 0;
  std::uint64_t burnt_raise = 0;
  std::uint64_t burnt_fence = 0;
  std::uint64_t burnt_ring = 0;
};

struct LostReason {
  const char *name;
  std::uint64_t LostTotal::*count;
};
constexpr LostReason kLostReasons[] = {
    {"unknown_reply", &LostTotal::unknown_reply}, {"burnt_reset", &LostTotal::burnt_reset},
    {"burnt_raise", &LostTotal::burnt_raise},     {"burnt_fence", &LostTotal::burnt_fence},
    {"burnt_ring", &LostTotal::burnt_ring},
};

// The first that holds is a sequence's state.
constexpr const char *kStates[] = {"fenced", "exhausted", "starved", "filling", "ready"};

// One sequence as an operator sees it. Promise 7: taken_total + sum(lost_total) ==
// granted_total - ready_ids, exactly, in each snapshot.
struct SequenceStatus {
  std::string name;
  std::string state;   // of kStates
  std::string detail;  // why, in words; empty when ready
  std::uint64_t epoch = 0;
  std::string origin;
  std::optional<std::int64_t> next_id;  // absent when nothing is ready
  std::uint64_t ready_ids = 0;
  std::optional<double> cover_seconds;  // absent at rate 0
  double rate_per_second = 0;
  std::uint64_t block_size = 0;
  std::int64_t high_water = 0;
  Progression progression;
  std::uint64_t remaining_ids = 0;  // up to max, ready or not granted as far as this host has seen
  std::uint64_t granted_total = 0;
  std::uint64_t taken_total = 0;
  LostTotal lost_total;
  std::uint64_t dropped_by_clients = 0;
  std::uint64_t refills_total = 0;
  std::uint64_t stalls_total = 0;
  std::optional<double> refill_seconds;  // what the last one took; absent before the first
  std::string cause;                     // of its fence
  std::string command;                   // to type, where it is fenced
};

// What happened since the last call of Supply::activity(), for the history of the last minutes.
struct Activity {
  std::uint64_t refills = 0;
  double slowest_refill_seconds = 0;
  std::vector<std::pair<std::string, std::uint64_t>> taken_of;  // by name; only who was taken from
};

// What PUT /v1/sequences/NAME may hold.
struct OpenRequest {
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> increment;
  std::optional<std::int64_t> max;
  std::optional<Order> order;
  std::optional<std::uint64_t> bulk_size;
  std::optional<std::int64_t> above;
  std::optional<std::pair<std::string, std::string>> above_field;  // index, field
  bool from_start = false;  // of a deleted name: yes, begin again at start
};

struct TakenRun {
  std::int64_t first = 0;
  std::uint64_t count = 0;
  std::int64_t increment = 1;
  std::uint64_t epoch = 0;
};

struct ResetOutcome {
  std::uint64_t epoch = 0;  // 0: it failed
  std::optional<Refusal> refusal;
};

class Supply {
 public:
  virtual ~Supply() = default;

  // Opens `name`, creating it in the source where it is new. Returns true if it was created now.
  virtual awaitable<bool> open(std::string name, OpenRequest request) = 0;
  virtual bool is_open(const std::string &name) const = 0;

  virtual std::size_t count() const = 0;
  virtual std::vector<SequenceStatus> list() const = 0;
  virtual SequenceStatus show(const std::string &name) const = 0;  // Refusal 404

  // Since the last call: there is one caller.
  virtual Activity activity() = 0;

  virtual awaitable<std::uint64_t> reset(std::string name) = 0;  // the new epoch; promise 5 holds
  virtual awaitable<std::map<std::string, ResetOutcome>> reset_all() = 0;
  virtual awaitable<void> raise(std::string name, std::int64_t above) = 0;
  virtual awaitable<void> unfence(std::string name, std::int64_t above) = 0;
  virtual awaitable<void> remove(std::string name) = 0;
  virtual awaitable<TakenRun> take(std::string name, std::uint64_t count) = 0;  // order = cluster
  virtual awaitable<std::vector<JournalledBlock>> blocks(std::string name, std::int64_t id) = 0;
  virtual awaitable<void> burn_all() = 0;

  virtual SourceHealth source_health() const = 0;
  virtual std::string source_kind() const = 0;
  virtual std::string journal_failure() const = 0;  // empty: the journal works
  virtual const RefillTimes &refill_times() const = 0;
};

}  // namespace essequence::sidecar
