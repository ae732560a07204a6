#include "tests/simulation/refill_simulation.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "sidecar/refill/contention.hpp"
#include "sidecar/refill/controller.hpp"

namespace essequence::simulation {
namespace {

using sidecar::Contention;
using sidecar::RefillController;

constexpr double kStep = 0.001;
constexpr double kBeat = 0.05;
constexpr double kPauseAfterFailure = 1;
constexpr std::uint64_t kMostWaiting = 64;  // tickets that are claimed and not served: workers
constexpr std::size_t kRecords = 16;

class Simulation {
 public:
  Simulation(const Traffic &traffic, const SimulatedSource &source, const SequenceConfig &config)
      : traffic_(traffic), source_(source), controller_(config, at(0)) {}

  Outcome run() {
    while (now_ < traffic_.seconds) {
      asked_ += std::max(traffic_.rate(now_), 0.0) * kStep;
      const bool answered = answer();
      take();
      const bool beat = now_ >= next_beat_;
      if (beat) next_beat_ = now_ + kBeat;
      if (answered || beat || reached_low_water_ || is_empty()) look();
      now_ += kStep;
    }
    outcome_.ready = ready_;
    outcome_.block = controller_.block(at(now_));
    outcome_.refills_per_minute =
        static_cast<double>(outcome_.refills - refills_in_first_half_) / (traffic_.seconds / 120);
    return outcome_;
  }

 private:
  static RefillController::TimePoint at(double seconds) {
    return RefillController::TimePoint{} +
           std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  }

  std::uint64_t backlog() const { return static_cast<std::uint64_t>(asked_) - outcome_.taken; }
  bool is_empty() const { return ready_ == 0 && backlog() > 0; }
  bool is_away() const { return now_ >= source_.away_from && now_ < source_.away_until; }

  // The source's answer to a refill that is under way.
  bool answer() {
    if (in_flight_ == 0 || now_ < answer_at_) return false;
    if (is_away()) {
      retry_at_ = now_ + kPauseAfterFailure;
    } else if (source_.contended && ++attempts_ % 3 == 0) {
      contention_.conflicted();
      retry_at_ = now_ + std::chrono::duration<double>(contention_.pause()).count();
    } else {
      contention_.granted();
      ready_ += in_flight_;
      blocks_.push_back(in_flight_);
      ++outcome_.refills;
      if (now_ < traffic_.seconds / 2) refills_in_first_half_ = outcome_.refills;
      was_empty_ = false;
      controller_.refilled(in_flight_, at(now_) - at(begun_at_), at(now_));
      low_water_ = controller_.low_water(at(now_));
      outcome_.most_ready = std::max(outcome_.most_ready, ready_);
    }
    in_flight_ = 0;
    return true;
  }

  void take() {
    std::uint64_t taken = std::min(backlog(), ready_);
    reached_low_water_ = ready_ >= low_water_ && ready_ - taken < low_water_;
    ready_ -= taken;
    outcome_.taken += taken;
    unseen_ += taken;
    while (taken > 0) {
      const std::uint64_t of_block = std::min(taken, blocks_.front());
      taken -= of_block;
      if ((blocks_.front() -= of_block) == 0) blocks_.pop_front();
    }
    if (!is_empty()) return;
    outcome_.stalled += kStep;
    outcome_.last_stall = now_ + kStep;
  }

  // What Owner::look and Owner::refill do.
  void look() {
    controller_.taken(std::exchange(unseen_, 0), at(now_));
    const bool empty = is_empty();
    if (empty && !was_empty_) {
      ++outcome_.stalls;
      controller_.ran_empty(at(now_));
    }
    was_empty_ = empty;
    const bool due = ready_ < controller_.low_water(at(now_)) && blocks_.size() < kRecords;
    if (!due || in_flight_ > 0 || now_ < retry_at_) return;
    const std::uint64_t waiting = empty ? std::min(backlog(), kMostWaiting) : 0;
    const std::uint64_t block = controller_.block(at(now_)) * contention_.factor();
    in_flight_ = std::min(block + waiting, controller_.max_block());
    begun_at_ = now_;
    answer_at_ = now_ + source_.latency + (outcome_.refills % 10 == 9 ? source_.hiccup : 0);
  }

  const Traffic &traffic_;
  const SimulatedSource &source_;
  RefillController controller_;
  Contention contention_;
  Outcome outcome_;
  double now_ = 0, next_beat_ = 0, begun_at_ = 0, answer_at_ = 0, retry_at_ = 0;
  double asked_ = 0;
  std::uint64_t ready_ = 0, low_water_ = 0, unseen_ = 0, in_flight_ = 0;
  std::uint64_t refills_in_first_half_ = 0, attempts_ = 0;
  bool reached_low_water_ = false, was_empty_ = false;
  std::deque<std::uint64_t> blocks_;
};

}  // namespace

Outcome simulate(const Traffic &traffic, const SimulatedSource &source,
                 const SequenceConfig &config) {
  return Simulation(traffic, source, config).run();
}

}  // namespace essequence::simulation
