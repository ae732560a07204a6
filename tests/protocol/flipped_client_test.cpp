// A client meets a ring of which one byte, or one bit, is not what the sidecar wrote: before it
// attaches, and while it is attached. It answers with an id that is still to be had or with a
// status; never with a signal, an id that was taken before, or one that was never published.
#include "tests/protocol/hostile_ring.hpp"

using namespace hostile;

namespace {

// Puts the memory back after each flip: a new ring each time would take a minute.
class Snapshot {
 public:
  explicit Snapshot(const Ring &ring) {
    keep(ring.header(), shm::kHeaderSize);
    keep(ring.hash(0), 64);
    keep(ring.entry(0), 2 * shm::kEntrySize);
    keep(ring.tickets(), shm::kCountersOffset);
    keep(ring.counter(0), 2 * sizeof(shm::CounterLine));
  }
  void restore() const {
    for (const Part &part : parts_) std::memcpy(part.at, part.bytes.data(), part.bytes.size());
  }

 private:
  struct Part {
    std::uint8_t *at;
    std::vector<std::uint8_t> bytes;
  };
  void keep(std::uint8_t *at, std::size_t size) { parts_.push_back({at, {at, at + size}}); }
  std::vector<Part> parts_;
};

// The ids of `orders` that two handles get around the flip of `bits` at `at`.
Ids ids_around(const Ring &ring, std::uint8_t *at, std::uint8_t bits) {
  Handle living(ring.directory.path, kNames[0]);
  Ids ids = living.take();
  *at ^= bits;
  Handle later(ring.directory.path, kNames[0]);
  for (Handle *handle : {&living, &later, &living}) {
    for (const std::int64_t id : handle->take()) ids.push_back(id);
  }
  return ids;
}

struct Target {
  const char *region;
  std::uint8_t *begin;
  std::size_t size;
  bool each_bit;
};

std::size_t flip_all(const Ring &ring, const std::vector<Target> &targets) {
  const Snapshot snapshot(ring);
  const std::set<std::int64_t> allowed = range(first_ready(0), end_of_ready(0));
  std::size_t flips = 0;
  for (const Target &target : targets) {
    for (std::size_t offset = 0; offset < target.size; ++offset) {
      for (const std::uint8_t bits : kFlips) {
        INFO(target.region << " byte " << offset << " xor " << int(bits));
        require_new(ids_around(ring, target.begin + offset, bits), allowed);
        snapshot.restore();
        ++flips;
        if (!target.each_bit) break;
      }
    }
  }
  return flips;
}

}  // namespace

TEST_CASE("nothing is wrong with the ring that is spoilt") {
  const Ring ring;
  std::uint8_t unused = 0;
  const Ids ids = ids_around(ring, &unused, 0xff);
  REQUIRE(ids.size() == 4 * 8);
  require_new(ids, range(first_ready(0), end_of_ready(0)));
}

TEST_CASE("a client of a ring with a flipped header, hash or entry") {
  const Ring ring;
  const std::size_t flips =
      flip_all(ring, {{"header", ring.header(), sizeof(shm::RingHeader), true},
                      {"rest of the header", ring.header() + sizeof(shm::RingHeader),
                       shm::kHeaderSize - sizeof(shm::RingHeader), false},
                      {"hash", ring.hash(0), 2 * sizeof(std::uint32_t), true},
                      {"entry", ring.entry(0), sizeof(shm::SequenceEntry), true}});
  WARN("flips survived by clients of a ring: " << flips);
}

TEST_CASE("a client of tickets with a flipped header, bitmap or count") {
  const Ring ring;
  const std::size_t uuid = offsetof(shm::TicketsHeader, uuid);
  const std::size_t flips = flip_all(
      ring,
      {{"tickets", ring.tickets(), uuid, true},
       {"uuid", ring.tickets() + uuid, 16, false},  // an attach tries a while to find a pair
       {"rest of the header", ring.tickets() + uuid + 16, shm::kHeaderSize - uuid - 16, false},
       {"wanted", ring.tickets() + shm::kWantedOffset, 64, true},
       {"wanted", ring.tickets() + shm::kWantedOffset + 64,
        shm::kWantedWords * sizeof(std::uint64_t) - 64, false},
       {"dropped", ring.counter(0) + offsetof(shm::CounterLine, dropped), 64, true}});
  WARN("flips survived by clients of tickets: " << flips);
}

// The one word that only the sidecar can judge: who claims by a counter that fell gets tickets that
// others had. It must find out at its next look, and what follows its cut is new again.
TEST_CASE("a ticket counter with a flipped bit is damage, or counted as taken") {
  for (std::size_t bit = 0; bit < 64; ++bit) {
    INFO("bit " << bit);
    Ring ring;
    sidecar::Slot slot(ring.file, 0);
    Handle living(ring.directory.path, kNames[0]);
    const std::uint64_t granted = slot.accounts(0).granted, taken = slot.accounts(0).taken;
    std::atomic<std::uint64_t> &next = ring.file.counter(0).next;
    const std::uint64_t before = next.load(), filled_end = ring.file.entry(0).filled_end.load();
    next.fetch_xor(std::uint64_t{1} << bit);
    const std::uint64_t now = next.load();
    slot.look();
    const bool wrong = now < before || (now > filled_end && now - filled_end > (1ull << 31));
    REQUIRE(slot.damage().empty() != wrong);
    if (!wrong) {
      const std::uint64_t skipped = std::min(now, filled_end) - before;
      REQUIRE(slot.accounts(0).taken == taken + skipped);
    }
    for (const std::int64_t id : living.take()) REQUIRE((id >= 1 && id < end_of_ready(0)));
    slot.look();
    slot.cut(sidecar::CutReason::fence, 1, end_of_ready(0));
    REQUIRE(slot.damage().empty());
    publish(slot, kLater, kLaterCount);
    const sidecar::Slot::Accounts accounts = slot.accounts(0);
    REQUIRE(accounts.granted == granted + kLaterCount);
    REQUIRE(accounts.taken + accounts.burnt_raise + accounts.burnt_fence ==
            accounts.granted - accounts.ready);
    const Ids ids = living.take();
    REQUIRE_FALSE(ids.empty());
    require_new(ids, range(kLater, kLater + std::int64_t{kLaterCount}));
  }
}
