// Prints a ring of this layout for tests/protocol/recorded/: to be run once for each layout
// version.
//
//   build/release/bin/record_ring > tests/protocol/recorded/ring-layout-N.txt
//
// Every field that means something holds a value that no other field holds.
#include <cstring>
#include <iostream>

#include "sidecar/ring/slot.hpp"
#include "tests/protocol/recorded_ring.hpp"
#include "tests/unit/runtime_directory.hpp"

using namespace essequence;
using sidecar::CutReason;
using sidecar::Slot;

namespace {

Slot append(sidecar::RingFile &ring, const char *name, std::uint64_t epoch) {
  shm::Ledger ledger{};
  ledger.epoch = epoch;
  ledger.floor = -2;
  ledger.inherited = 7;
  return Slot(ring, ring.append(name, ledger));
}

void publish(Slot &slot, std::int64_t first, std::uint64_t count) {
  slot.ask(count);
  slot.publish(first, count, 3, count / 2);
}

// Every way in which ids are lost, each with a count of its own; then two blocks, partly taken.
void record_orders(sidecar::RingFile &ring) {
  Slot slot = append(ring, "orders", 1);
  std::atomic<std::uint64_t> &next = ring.counter(0).next;
  std::int64_t first = 1;
  std::uint64_t lost = 10;
  for (const auto reason :
       {CutReason::reset, CutReason::raise, CutReason::fence, CutReason::ring}) {
    publish(slot, first, 100);
    next.fetch_add(100 - lost);
    slot.look();
    slot.cut(reason, 5, first + 297);
    first += 300;
    ++lost;
  }
  publish(slot, first, 20);
  publish(slot, first + 60, 30);
  next.fetch_add(8);
  slot.look();
  slot.ask(14);  // was never answered
  slot.ask(15);
  slot.refused(15);
  for (int i = 0; i < 16; ++i) slot.count_refill();
  for (int i = 0; i < 17; ++i) slot.count_stall();
  slot.set_min_block(18);
  ring.counter(0).dropped = 19;
}

// A sidecar that was killed between the jump of a cut and its commit.
void record_cut(sidecar::RingFile &ring) {
  Slot slot = append(ring, "r\xc3\xa9sum\xc3\xa9", 2);
  publish(slot, 1000, 40);
  shm::SequenceEntry &entry = ring.entry(1);
  entry.intent.from = ring.counter(1).next.fetch_add(6) + 6;
  entry.intent.reason = static_cast<std::uint64_t>(CutReason::reset);
  entry.intent.epoch = 3;
  entry.intent.floor = 20;
  const std::uint64_t to = entry.filled_end + shm::kCutGap;
  entry.intent.to = to;
  ring.counter(1).next = to;
}

void record_fenced(sidecar::RingFile &ring) {
  Slot slot = append(ring, "fenced", 1);
  slot.set_state(shm::State::fenced);
}

// What differs from machine to machine is the same in each recording.
void make_neutral(sidecar::RingFile &ring) {
  shm::RingHeader &header = ring.header();
  for (std::uint8_t i = 0; i < sizeof header.uuid; ++i) {
    header.uuid[i] = ring.tickets_header().uuid[i] = static_cast<std::uint8_t>(0xa0 + i);
  }
  header.device = 1;
  header.ring_inode = 2;
  header.tickets_inode = 3;
  std::strncpy(header.boot_id, "the boot of the recording", sizeof header.boot_id);
  std::strncpy(header.machine_id, "the machine of the recording", sizeof header.machine_id);
  header.heartbeat = 21;
  header.source_healthy = 1;
  header.sidecar_pid = 22;
  header.orders = 23;
  header.checksum = shm::checksum_of(header);
}

}  // namespace

int main() {
  const RuntimeDirectory directory;
  sidecar::RingFile ring(directory.path);
  record_orders(ring);
  record_cut(ring);
  record_fenced(ring);
  make_neutral(ring);
  recorded::write_words(std::cout, "ring", directory.path + "/ring");
  recorded::write_words(std::cout, "tickets", directory.path + "/tickets");
}
