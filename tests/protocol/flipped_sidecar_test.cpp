// A sidecar finds files of which one byte, or one bit, is not what the last one wrote. It goes on
// with exactly what was there, or says that it is damaged (and is fenced), or makes a new ring. In
// none of the three does anybody get an id that was taken or burnt before.
#include <functional>

#include "tests/protocol/hostile_ring.hpp"

using namespace hostile;

namespace {

// What a flip must not change in silence.
struct View {
  std::vector<std::string> names;
  struct Sequence {
    std::uint64_t ready, epoch, next_number, taken, burnt_raise, cut;
    std::int64_t floor;
    std::optional<std::int64_t> next_id;
    bool operator==(const Sequence &) const = default;
  };
  std::vector<Sequence> sequences;
  bool operator==(const View &) const = default;
};

View view_of(const sidecar::RingFile &ring) {
  View view;
  for (std::uint32_t number = 0; number < ring.sequences(); ++number) {
    const sidecar::Slot slot(ring, number);
    const shm::SequenceEntry &entry = ring.entry(number);
    const sidecar::Slot::Accounts accounts = slot.accounts(0);
    view.names.emplace_back(entry.name, entry.name_length);
    REQUIRE(ring.find(view.names.back()) == number);
    view.sequences.push_back({slot.ready(), slot.epoch(), slot.next_number(), accounts.taken,
                              accounts.burnt_raise, entry.cut.load(), slot.floor(),
                              slot.next_id()});
  }
  return view;
}

enum class Outcome { unchanged, damaged, replaced };

struct Tally {
  std::size_t unchanged = 0, damaged = 0, replaced = 0;
};

// What a new sidecar does with the ring: as Owner::take_over does it, without journal and source.
Outcome take_over(const sidecar::RingFile &adopted, sidecar::Slot &slot) {
  Outcome outcome = adopted.adopted() ? Outcome::unchanged : Outcome::replaced;
  if (!slot.damage().empty()) {
    outcome = Outcome::damaged;
    slot.cut(sidecar::CutReason::fence, 1, end_of_ready(0));
  }
  slot.set_state(shm::State::open);
  publish(slot, kLater, kLaterCount);
  return outcome;
}

Outcome adopt_with_flip(const View &expected, const std::function<std::uint8_t *(Ring &)> &locate,
                        std::uint8_t bits) {
  Ring ring;
  Handle living(ring.directory.path, kNames[0]);
  Ids ids = living.take();
  REQUIRE(ids.size() == 8);
  *locate(ring) ^= bits;

  sidecar::RingFile adopted(ring.directory.path);
  if (!adopted.adopted()) {
    REQUIRE_FALSE(adopted.replaced_because().empty());
    REQUIRE(adopted.sequences() == 0);
    adopted.append(kNames[0], blank_ledger());
  }
  sidecar::Slot slot(adopted, 0);
  if (adopted.adopted() && slot.damage().empty()) {
    View now = view_of(adopted);
    REQUIRE(now.sequences.size() == expected.sequences.size());
    now.sequences[0].ready += 8;  // what the living client took
    now.sequences[0].taken -= 8;
    // No checksum guards this count, and no id comes from it.
    now.sequences[0].taken -= adopted.entry(0).handed_out.load();
    now.sequences[0].next_id = *now.sequences[0].next_id - 8;
    if (now.sequences[0].next_number + 1 == expected.sequences[0].next_number) {
      // As if killed just before it committed its last block, which then comes from the journal.
      publish(slot, end_of_ready(0) - 64, 64);
      now.sequences[0].next_number += 1;
      now.sequences[0].ready += 64;
    }
    REQUIRE(now == expected);
  }
  const Outcome outcome = take_over(adopted, slot);

  std::set<std::int64_t> allowed = range(kLater, kLater + std::int64_t{kLaterCount});
  // A ring of another layout, which is what it looks like, cannot be retired under its clients
  // unless its header is whole.
  const bool looks_foreign = ring.file.header().layout != shm::kLayout;
  if (outcome == Outcome::unchanged || looks_foreign) {
    allowed.merge(range(first_ready(0) + 8, end_of_ready(0)));
  }
  Handle later(ring.directory.path, kNames[0]);
  REQUIRE(later.status == ESSEQUENCE_OK);
  Ids after = living.take();
  for (const std::int64_t id : later.take()) after.push_back(id);
  require_new(after, allowed);
  return outcome;
}

// Bytes [begin, end) of what `base` finds; the bits one by one where they decide something.
struct Part {
  std::size_t begin, end;
  bool each_bit;
};

Tally adopt_all(const char *region, std::uint8_t *(*base)(Ring &), std::vector<Part> parts) {
  const View expected = view_of(Ring().file);
  Tally tally;
  for (const Part &part : parts) {
    for (std::size_t offset = part.begin; offset < part.end; ++offset) {
      for (const std::uint8_t bits : kFlips) {
        INFO(region << " byte " << offset << " xor " << int(bits));
        const auto locate = [&](Ring &ring) { return base(ring) + offset; };
        const Outcome outcome = adopt_with_flip(expected, locate, bits);
        ++(outcome == Outcome::unchanged ? tally.unchanged
           : outcome == Outcome::damaged ? tally.damaged
                                         : tally.replaced);
        if (!part.each_bit) break;
      }
    }
  }
  WARN(region << ": of " << tally.unchanged + tally.damaged + tally.replaced << " flips "
              << tally.unchanged << " change nothing, " << tally.damaged << " are damage, "
              << tally.replaced << " replace the ring");
  return tally;
}

}  // namespace

TEST_CASE("a sidecar finds a ring with a flipped header") {
  const std::size_t retired = offsetof(shm::RingHeader, retired);
  const Tally tally = adopt_all("header", [](Ring &ring) { return ring.header(); },
                                {{0, 64, true},
                                 {64, retired, false},
                                 {retired, retired + 8, true},
                                 {retired + 8, sizeof(shm::RingHeader), false}});
  // The magic, all that the checksum covers, the checksum, the retire word and the count.
  CHECK(tally.replaced >= 9 * (64 + 8) + offsetof(shm::RingHeader, checksum) + 8 - 64);
  CHECK(tally.damaged == 0);
}

TEST_CASE("a sidecar finds a ring with a flipped hash") {
  const Tally tally =
      adopt_all("hash", [](Ring &ring) { return ring.hash(0); },
                {{0, 16, true}, {16, shm::kMaxSequences * sizeof(std::uint32_t) / 1024, false}});
  CHECK(tally.unchanged + tally.damaged == 0);
}

TEST_CASE("a sidecar finds a ring with a flipped entry") {
  const std::size_t name = offsetof(shm::SequenceEntry, name);
  const std::size_t used = offsetof(shm::SequenceEntry, records) + 3 * sizeof(shm::BlockRecord);
  const Tally tally = adopt_all("entry", [](Ring &ring) { return ring.entry(0); },
                                {{0, name + 8, true},
                                 {name + 8, name + 256, false},
                                 {name + 256, used, true},
                                 {used, sizeof(shm::SequenceEntry), false}});
  // Two blocks are still to be taken, and one ledger is in force.
  CHECK(tally.damaged >= 9 * (7 * 8 + offsetof(shm::Ledger, checksum) + 8));
  CHECK(tally.replaced >= 9 * (name + kNames[0].size()));
}

TEST_CASE("a sidecar finds flipped tickets") {
  const Tally tally = adopt_all("tickets", [](Ring &ring) { return ring.tickets(); },
                                {{0, 40, true},
                                 {40, sizeof(shm::TicketsHeader), false},
                                 {shm::kWantedOffset, shm::kWantedOffset + 16, true}});
  CHECK(tally.damaged == 0);
}
