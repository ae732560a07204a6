#include "tests/protocol/crash_points/client_paths.hpp"

#include <essequence/essequence.hpp>

#include <array>
#include <functional>
#include <vector>

#include "tests/protocol/crash_points/client.hpp"

namespace essequence::crash {
namespace {

// What the victim was given before it was killed.
struct Given {
  std::atomic<std::int64_t> last;
  std::atomic<std::uint64_t> count;

  void add(std::int64_t first, std::int64_t ids) {
    require(first > last, "the victim was given " + std::to_string(first) + " after " +
                              std::to_string(last.load()));
    last = first + ids - 1;
    count += static_cast<std::uint64_t>(ids);
  }
};

struct ClientPath {
  const char *name;
  // Takes with a sequence that is attached already; null: attaches itself.
  std::function<void(Sequence &, Given &)> act;
  std::uint64_t most_lost;  // ids that one take of it claims
  bool ring_is_empty = false;
  bool attaches = false;
};

// Over the low-water mark, the end of a block, and the end of the ring.
void take_all_by_next(Sequence &sequence, Given &given) {
  try {
    for (;;) given.add(sequence.next(), 1);
  } catch (const Error &) {
  }
}

void take_all_by_runs(Sequence &sequence, Given &given) {
  try {
    for (;;) {
      const Run run = sequence.take(7);
      given.add(run.first, run.count);
    }
  } catch (const Error &) {
  }
}

void take_all_by_try_next(Sequence &sequence, Given &given) {
  while (const auto id = sequence.try_next()) given.add(*id, 1);
}

void take_by_leases(Sequence &sequence, Given &given) {
  Lease lease(sequence, 5);
  try {
    for (;;) given.add(lease.next(), 1);
  } catch (const Error &) {
  }
}

const std::vector<ClientPath> kPaths = {
    {"next", take_all_by_next, 1},
    {"try_next", take_all_by_try_next, 1},
    {"take(7)", take_all_by_runs, 7},
    {"lease", take_by_leases, 5},
    // With an empty ring: claims, rings the bell, sleeps, wakes at its deadline, keeps its ticket.
    {"wait in next", take_all_by_next, 1, true},
    {"wait in take", take_all_by_runs, 0, true},
    {"attach", take_all_by_next, 1, false, true},
};

class ClientSweep {
 public:
  explicit ClientSweep(const ClientPath &path) : path_(path) {
    sidecar_.start();
    sidecar_.open("orders");
    others_.emplace(home_, "orders");
  }

  Victim::End play(Point kill) {
    others_->take_all(sidecar_, 1);
    sidecar_.refill();
    if (path_.ring_is_empty) {
      while (sidecar_.show("orders").ready_ids > 2) others_->take_alone(1);
    }
    Surviving<Given> given;
    given->last = others_->ids().last();
    Victim victim([&]() -> Victim::Act {
      const Options options{home_.runtime.path, std::chrono::milliseconds(1), 0};
      if (path_.attaches) {
        return [this, options, &given] {
          Sequence sequence("orders", options);
          path_.act(sequence, *given);
        };
      }
      auto sequence = std::make_shared<Sequence>("orders", options);
      given->add(sequence->next(), 1);  // opens its window
      if (path_.ring_is_empty) take_all_by_try_next(*sequence, *given);
      return [this, sequence, &given] { path_.act(*sequence, *given); };
    });
    const Victim::End end = victim.act(kill);

    const TakenIds before = others_->ids();
    require(given->last - before.last() == static_cast<std::int64_t>(given->count.load()),
            "the victim was given ids with a gap");
    others_->begin_after(given->last);
    others_->take_all(sidecar_, 3);
    const std::uint64_t lost = others_->ids().missing() - before.missing();
    // A clean end loses only the ticket that it had claimed when it ended.
    require(lost <= path_.most_lost, std::to_string(lost) + " ids are missing");
    sidecar_.show("orders");
    return end;
  }

 private:
  const ClientPath &path_;
  Home home_;
  SmallSidecar sidecar_{home_};
  std::optional<Client> others_;
};

}  // namespace

void sweep_client(Table &table, const std::string &wanted) {
  for (const ClientPath &path : kPaths) {
    if (!wanted.empty() && wanted != path.name) continue;
    ClientSweep sweep(path);
    table.sweep(std::string("client: ") + path.name, {1, 0, 1, 1},
                {[&](Point point) { return sweep.play(point); }});
  }
}

}  // namespace essequence::crash
