#include "sidecar/ctl/ring_view.hpp"

#include <algorithm>

#include "shmclient/src/block.hpp"
#include "sidecar/ring/boot_time.hpp"

namespace essequence::ctl {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

// A look that falls between two stores of the sidecar is repeated.
constexpr int kMostTries = 100;

// The accounts that are in force, and what they are in force for (layout.hpp); nullopt: they change
// all the time, or are damaged.
std::optional<shm::Ledger> ledger_of(const shm::SequenceEntry &entry) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::uint64_t filled_end = entry.filled_end.load(std::memory_order_acquire);
    for (const shm::Ledger &shared : entry.ledgers) {
      const shm::Ledger copy = shared;  // the checksum tells whether it was changed meanwhile
      if (copy.filled_end == filled_end && copy.checksum == shm::checksum_of(copy)) return copy;
    }
  }
  return std::nullopt;
}

std::string state_of(const shm::SequenceEntry &entry, std::uint64_t next, std::uint64_t ready) {
  switch (static_cast<shm::State>(entry.state.load(relaxed))) {
    case shm::State::fenced:
      return "fenced";
    case shm::State::on_request:
      return "on_request";
    case shm::State::exhausted:
      if (ready == 0) return "exhausted";
      break;
    default:
      break;
  }
  if (next > entry.filled_end.load(relaxed)) return "starved";
  return ready == 0 || next > entry.low_water.load(relaxed) ? "filling" : "ready";
}

SequenceView look_at(const shm::SequenceEntry &entry, const shm::CounterLine &counter) {
  SequenceView view;
  view.name.assign(entry.name, std::min<std::size_t>(entry.name_length, sizeof entry.name));
  view.refills_total = entry.refills.load(relaxed);
  view.stalls_total = entry.stalls.load(relaxed);
  view.dropped_by_clients = counter.dropped.load(relaxed);
  const std::optional<shm::Ledger> ledger = ledger_of(entry);
  const std::uint64_t next = counter.next.load(relaxed);
  if (!ledger || ledger->stretch_begin > ledger->filled_end) {
    view.state = "damaged";
    return view;
  }
  const std::uint64_t claimed = std::clamp(next, ledger->stretch_begin, ledger->filled_end);
  view.epoch = ledger->epoch;
  view.ready_ids = ledger->filled_end - claimed;
  view.taken_total =
      ledger->taken_before + (claimed - ledger->stretch_begin) + entry.handed_out.load(relaxed);
  const std::optional<shm::Block> block = shm::find_block(entry, claimed, ledger->filled_end);
  if (block) view.next_id = block->id_of(claimed);
  view.state = state_of(entry, next, view.ready_ids);
  return view;
}

}  // namespace

RingView look_at(const shm::Attachment &ring) {
  const shm::RingHeader &header = ring.header();
  RingView view;
  view.at = std::chrono::steady_clock::now();
  view.heartbeat = header.heartbeat.load(relaxed);
  if (const std::uint64_t beaten_at = header.heartbeat_at.load(relaxed); beaten_at > 0) {
    const auto now = static_cast<std::uint64_t>(sidecar::boot_time().count());
    view.heartbeat_age = static_cast<double>(now - std::min(now, beaten_at)) / 1e9;
  }
  view.sidecar_pid = header.sidecar_pid.load(relaxed);
  view.source_healthy = header.source_healthy.load(relaxed) != 0;
  // Pairs with the release in the sidecar's append: what is counted is complete.
  const std::uint32_t sequences =
      std::min(header.sequences.load(std::memory_order_acquire), shm::kMaxSequences);
  for (std::uint32_t number = 0; number < sequences; ++number) {
    const shm::SequenceEntry &entry = ring.entry(number);
    const auto state = static_cast<shm::State>(entry.state.load(relaxed));
    if (state == shm::State::deleted) continue;
    view.sequences.push_back(look_at(entry, ring.counter(number)));
  }
  return view;
}

}  // namespace essequence::ctl
