// A client that was attached before the kill, and checks each id that it is given.
#pragma once

#include <essequence/essequence.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/protocol/crash_points/small_sidecar.hpp"

namespace essequence::crash {

// The ids of one host in the order of takes that do not overlap: never one twice, never a lower
// one, never an earlier epoch (promises 1, 2 and 5).
class TakenIds {
 public:
  void add(std::uint64_t epoch, std::int64_t id) {
    require(epoch >= epoch_, "epoch " + std::to_string(epoch) + " after " + std::to_string(epoch_));
    if (epoch > epoch_) last_ = 0;
    require(id > last_, "id " + std::to_string(id) + " after " + std::to_string(last_) +
                            " in epoch " + std::to_string(epoch));
    missing_[epoch] += static_cast<std::uint64_t>(id - last_ - 1);
    epoch_ = epoch;
    last_ = id;
    ++count_;
  }
  void skip(std::int64_t count) {
    epoch_ = 1;
    last_ = count;
  }
  std::uint64_t epoch() const { return epoch_; }
  std::int64_t last() const { return last_; }
  std::uint64_t count() const { return count_; }
  // Below the last one, of a sequence that starts at 1.
  std::uint64_t missing() const {
    std::uint64_t all = 0;
    for (const auto &[epoch, ids] : missing_) all += ids;
    return all;
  }

 private:
  std::uint64_t epoch_ = 0;
  std::int64_t last_ = 0;
  std::uint64_t count_ = 0;
  std::map<std::uint64_t, std::uint64_t> missing_;
};

class Client {
 public:
  Client(const Home &home, const std::string &name)
      : name_(name), sequence_(name, {home.runtime.path, std::chrono::nanoseconds(1), 0}) {}

  const TakenIds &ids() const { return ids_; }
  // Of which others took the first `count`.
  void begin_after(std::int64_t count) { ids_.skip(count); }

  // Takes with the sidecar dead, in the two ways to claim: by compare-and-swap, and by the fast
  // path. An empty ring is told as such; nothing else may go wrong.
  void take_alone(int wanted, const std::set<essequence_status> &tolerated = {}) {
    for (int i = 0; i < wanted; ++i) {
      // Nobody publishes or cuts, so the epoch of the second is that of the first.
      for (const essequence_status status : {try_take(), try_next(ids_.epoch())}) {
        const bool empty = status == ESSEQUENCE_TIMEOUT || status == ESSEQUENCE_UNAVAILABLE;
        require(status == ESSEQUENCE_OK || empty || tolerated.count(status) > 0,
                std::string("a take with the sidecar dead: ") + essequence_last_error());
      }
    }
  }

  // Takes until it has `wanted` more, while `sidecar` refills. Returns the last status, which is
  // not OK only where the sequence has stopped.
  essequence_status take(SmallSidecar &sidecar, int wanted) {
    // Begins with next(), which uses a ticket that was kept above.
    bool fast = true;
    for (int idle = 0; wanted > 0;) {
      const essequence_status status =
          fast ? try_next(sidecar.instance->show(name_).epoch) : try_take();
      if (status == ESSEQUENCE_OK) {
        fast = !fast;
        --wanted;
        idle = 0;
      } else if (status == ESSEQUENCE_TIMEOUT || status == ESSEQUENCE_UNAVAILABLE) {
        require(++idle < 3000, std::string("no id comes: ") + essequence_last_error());
        sidecar.refill(*sidecar.ring.find(name_));
        if (idle > 2) sidecar.run_for(std::chrono::milliseconds(1));
      } else {
        return status;
      }
    }
    return ESSEQUENCE_OK;
  }

  // The same where it must not stop.
  void take_all(SmallSidecar &sidecar, int wanted) {
    const essequence_status status = take(sidecar, wanted);
    require(status == ESSEQUENCE_OK, std::string("a take: ") + essequence_last_error());
  }

  // One id of a lease of three, of which the rest stays behind.
  void begin_lease() {
    lease_.emplace(sequence_, 3);
    ids_.add(ids_.epoch(), lease_->next());
  }
  // The rest of it. An id that is not above the last one must be of the next epoch.
  void end_lease(bool was_reset) {
    const TakenIds before = ids_;
    try {
      for (int left = 2; left > 0; --left) {
        const std::int64_t id = lease_->next();
        const bool goes_on = id > before.last();
        require(!was_reset || !goes_on, "a lease goes on after a reset");
        if (!goes_on && ids_.epoch() == before.epoch()) left = 3;  // a run of the new epoch
        ids_.add(before.epoch() + (goes_on ? 0 : 1), id);
      }
    } catch (const Error &error) {
      require(error.status() == ESSEQUENCE_TIMEOUT || error.status() == ESSEQUENCE_UNAVAILABLE,
              std::string("a lease with the sidecar dead: ") + error.what());
    }
    lease_.reset();
  }

 private:
  essequence_status try_take() {
    try {
      const Run run = sequence_.take(1);
      ids_.add(run.epoch, run.first);
      return ESSEQUENCE_OK;
    } catch (const Error &error) {
      return error.status();
    }
  }
  essequence_status try_next(std::uint64_t epoch) {
    try {
      ids_.add(epoch, sequence_.next());
      return ESSEQUENCE_OK;
    } catch (const Error &error) {
      return error.status();
    }
  }

  const std::string name_;
  Sequence sequence_;
  std::optional<Lease> lease_;
  TakenIds ids_;
};

}  // namespace essequence::crash
