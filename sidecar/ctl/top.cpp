// essequencectl top: how ids are taken right now, from shared memory alone.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "shmclient/src/failure.hpp"
#include "sidecar/ctl/client_failure.hpp"
#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/ring_view.hpp"
#include "sidecar/ctl/screen.hpp"
#include "sidecar/ctl/text_table.hpp"
#include "sidecar/ctl/verbs.hpp"
#include "sidecar/plain_text.hpp"

namespace essequence::ctl {
namespace {

using std::chrono::steady_clock;

// Looks again and again, at the ring that is there.
class Watcher {
 public:
  explicit Watcher(const Arguments &typed) : typed_(typed) {}

  // What is there now, and what changed since the last look. Throws Stop.
  Json look() {
    RingView now;
    try {
      if (!ring_ || ring_->retired() || !ring_->is_current(typed_.runtime_dir)) {
        using shm::Attachment;
        ring_ = std::make_unique<Attachment>(typed_.runtime_dir, Attachment::Role::watcher);
      }
      now = look_at(*ring_);
    } catch (const shm::Failure &failure) {
      ring_.reset();
      throw unreadable(failure);
    }
    Json seen = {{"sidecar", sidecar(now)}, {"sequences", sequences(now)}};
    before_ = std::move(now);
    return seen;
  }

 private:
  // Nobody needs to be reached: that no ring is there is what exit status 3 stands for.
  static Stop unreadable(const shm::Failure &failure) {
    const bool absent = failure.status() == ESSEQUENCE_UNAVAILABLE;
    const bool denied = failure.status() == ESSEQUENCE_DENIED;
    return {absent   ? Exit::not_reachable
            : denied ? Exit::not_permitted
                     : Exit::failed,
            failure.what() +
                std::string(absent   ? "; no sidecar has run there: --runtime-dir names another one"
                            : denied ? "; join the group of the directory, or use sudo"
                                     : "")};
  }

  Json sidecar(const RingView &now) const {
    const bool beats = before_ && before_->heartbeat != now.heartbeat;
    constexpr double stale = std::chrono::duration<double>(shm::kStale).count();
    const bool alive = beats || (now.heartbeat_age && *now.heartbeat_age < stale);
    Json about = {{"alive", alive}, {"pid", now.sidecar_pid}};
    about["heartbeat_age_seconds"] = now.heartbeat_age ? Json(*now.heartbeat_age) : Json();
    about["source_healthy"] =
        alive ? Json(now.source_healthy) : Json();  // a dead one's word is old
    return about;
  }

  // Those in trouble first, then the busiest.
  Json sequences(const RingView &now) const {
    std::map<std::string_view, const SequenceView *> before;
    if (before_) {
      for (const SequenceView &view : before_->sequences) before[view.name] = &view;
    }
    std::vector<Json> rows;
    for (const SequenceView &view : now.sequences) {
      const auto found = before.find(view.name);
      rows.push_back(row(view, found == before.end() ? nullptr : found->second, now));
    }
    const auto rank = [](const Json &row) {
      const std::string &state = row["state"].get_ref<const std::string &>();
      const bool trouble = state != "ready" && state != "filling" && state != "on_request";
      const Json &rate = row["rate_per_second"];
      return std::pair(trouble ? 0 : 1, rate.is_null() ? 0.0 : -rate.get<double>());
    };
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Json &a, const Json &b) { return rank(a) < rank(b); });
    return rows;
  }

  Json row(const SequenceView &view, const SequenceView *before, const RingView &now) const {
    Json row = {{"name", view.name}, {"state", view.state}, {"rate_per_second", nullptr}};
    row["ready_ids"] = view.ready_ids;
    row["cover_seconds"] = nullptr;
    row["stalls_total"] = view.stalls_total;
    row["taken_total"] = view.taken_total;
    row["refills_total"] = view.refills_total;
    row["dropped_by_clients"] = view.dropped_by_clients;
    row["epoch"] = view.epoch;
    row["next_id"] = view.next_id ? Json(*view.next_id) : Json();
    if (before != nullptr) {
      const double seconds = std::chrono::duration<double>(now.at - before_->at).count();
      // Of another ring, or of a counter that was damaged, the count may be lower than before.
      const std::uint64_t taken =
          view.taken_total - std::min(before->taken_total, view.taken_total);
      const double rate = static_cast<double>(taken) / seconds;
      row["rate_per_second"] = rate;
      if (rate > 0) row["cover_seconds"] = static_cast<double>(view.ready_ids) / rate;
    }
    return row;
  }

  const Arguments &typed_;
  std::unique_ptr<shm::Attachment> ring_;
  std::optional<RingView> before_;
};

std::string headline(const Arguments &typed, const Json &seen) {
  const Json &sidecar = seen["sidecar"];
  const Json &age = sidecar["heartbeat_age_seconds"];
  const std::string line = plain(typed.runtime_dir) + ": ";
  if (sidecar["alive"].get<bool>()) {
    return line + "sidecar " + as_word(sidecar["pid"]) + " is alive, source " +
           (sidecar["source_healthy"].get<bool>() ? "healthy" : "UNHEALTHY") + "\n";
  }
  return line + "SIDECAR DEAD" +
         (age.is_null() ? "" : ", last heartbeat " + as_word(age) + " s ago") +
         "; takes go on while ids are ready\n";
}

std::string people_read(const Arguments &typed, const Json &seen) {
  return headline(typed, seen) + table({{"NAME", "name"},
                                        {"STATE", "state"},
                                        {"RATE/s", "rate_per_second", Align::right},
                                        {"READY", "ready_ids", Align::right},
                                        {"COVER/s", "cover_seconds", Align::right},
                                        {"STALLS", "stalls_total", Align::right},
                                        {"TAKEN", "taken_total", Align::right},
                                        {"REFILLS", "refills_total", Align::right},
                                        {"EPOCH", "epoch", Align::right},
                                        {"NEXT", "next_id", Align::right}},
                                       seen["sequences"]);
}

void live(const Arguments &typed, steady_clock::duration interval) {
  Watcher watcher(typed);
  std::string text = people_read(typed, watcher.look());  // what is wrong at once is told outside
  const Screen screen;
  for (auto woken = Screen::Woken::by_resize; woken != Screen::Woken::to_leave;) {
    screen.show(text);
    const auto next = steady_clock::now() + interval;
    while ((woken = screen.wait_until(next)) == Screen::Woken::by_resize) screen.show(text);
    try {
      text = people_read(typed, watcher.look());
    } catch (const Stop &stop) {  // it may come back
      text = plain(stop.what()) + "\n";
    }
  }
}

}  // namespace

void top(const Arguments &typed) {
  const auto interval = std::chrono::duration_cast<steady_clock::duration>(
      std::chrono::duration<double>(typed.interval));
  if (!typed.once && !typed.json && Screen::is_there()) return live(typed, interval);
  Watcher watcher(typed);
  watcher.look();
  std::this_thread::sleep_for(interval);
  const Json seen = watcher.look();
  print(typed.json ? as_line(seen) : people_read(typed, seen));
}

}  // namespace essequence::ctl
