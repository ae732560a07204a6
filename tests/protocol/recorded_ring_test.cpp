// A ring that was recorded in layout 1, and what each of its fields means: written out here, so
// that a layout that changed without being meant to is found. Where that happens: raise kLayout
// (and record a ring of the new layout, record_ring.cpp), or undo.
//
// The offsets of the header are written out too: its first 4 KiB are frozen for ever.
#include "tests/protocol/recorded_ring.hpp"

#include <sys/stat.h>

#include "sidecar/ring/identity_of_host.hpp"
#include "tests/protocol/hostile_ring.hpp"

using namespace hostile;

namespace {

constexpr std::uint64_t kRecordedRingSize = 134'483'968, kRecordedTicketsSize = 8'400'896;
constexpr const char *kWayOut =
    "the layout of the shared memory is not that of the recorded ring: raise kLayout, or undo";

class RecordedRing {
 public:
  RecordedRing() {
    recorded::make_files(RECORDED_RING, directory.path, kRecordedRingSize, kRecordedTicketsSize);
  }

  // Makes it a ring of this machine, this boot and these files, of layout `layout`.
  void make_ours(std::uint32_t layout = 1) {
    REQUIRE(word_at(168) == header_checksum());
    struct stat ring, tickets;
    REQUIRE(stat((directory.path + "/ring").c_str(), &ring) == 0);
    REQUIRE(stat((directory.path + "/tickets").c_str(), &tickets) == 0);
    put(8, &layout, sizeof layout);
    put(64, &ring.st_dev, 8);
    put(72, &ring.st_ino, 8);
    put(80, &tickets.st_ino, 8);
    put_text(88, sidecar::boot_id());
    put_text(128, sidecar::machine_id());
    const std::uint64_t checksum = header_checksum();
    put(168, &checksum, sizeof checksum);
  }

  RuntimeDirectory directory;

 private:
  std::uint64_t header_checksum() const {
    shm::RingHeader header;
    std::ifstream(directory.path + "/ring").read(reinterpret_cast<char *>(&header), sizeof header);
    return shm::checksum_of(header);
  }
  std::uint64_t word_at(std::streamoff offset) const {
    std::uint64_t word = 0;
    std::ifstream file(directory.path + "/ring");
    file.seekg(offset);
    file.read(reinterpret_cast<char *>(&word), sizeof word);
    return word;
  }
  void put(std::streamoff offset, const void *bytes, std::streamsize size) {
    std::fstream file(directory.path + "/ring", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.write(static_cast<const char *>(bytes), size);
  }
  void put_text(std::streamoff offset, const std::string &text) {
    char padded[40] = {};
    text.copy(padded, sizeof padded - 1);
    put(offset, padded, sizeof padded);
  }
};

}  // namespace

TEST_CASE("a recorded ring is refused on another machine, by clients and sidecars") {
  const RecordedRing recorded;
  CHECK(Handle(recorded.directory.path, "orders").status == ESSEQUENCE_SYSTEM);
  CHECK_THAT(essequence_last_error(), Catch::Contains("copy"));
  const sidecar::RingFile ring(recorded.directory.path);
  CHECK_FALSE(ring.adopted());
  CHECK(ring.replaced_because() == "it is of another boot");
}

TEST_CASE("a client takes from a recorded ring") {
  RecordedRing recorded;
  recorded.make_ours();
  INFO(kWayOut);
  Handle orders(recorded.directory.path, "orders");
  REQUIRE(orders.status == ESSEQUENCE_OK);
  std::int64_t id = 0;
  essequence_run run{};
  CHECK(essequence_next(orders.sequence, &id) == ESSEQUENCE_OK);
  CHECK(id == 1225);
  CHECK(essequence_try_next(orders.sequence, &id) == ESSEQUENCE_OK);
  CHECK(id == 1228);
  CHECK(essequence_take(orders.sequence, 100, &run) == ESSEQUENCE_OK);
  CHECK((run.first == 1231 && run.increment == 3 && run.epoch == 5 && run.count == 10));
  CHECK(essequence_take(orders.sequence, 100, &run) == ESSEQUENCE_OK);
  CHECK((run.first == 1261 && run.increment == 3 && run.epoch == 5 && run.count == 30));
  Handle fenced(recorded.directory.path, "fenced");
  CHECK(essequence_next(fenced.sequence, &id) == ESSEQUENCE_FENCED);
}

TEST_CASE("a sidecar adopts a recorded ring as it was recorded") {
  RecordedRing recorded;
  recorded.make_ours();
  INFO(kWayOut);
  const sidecar::RingFile ring(recorded.directory.path);
  REQUIRE(ring.replaced_because().empty());
  REQUIRE(ring.adopted());
  CHECK(ring.uuid() == "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  CHECK(ring.header().heartbeat == 21);
  CHECK(ring.header().source_healthy == 1);
  CHECK(ring.header().sidecar_pid == 22);
  CHECK(ring.header().orders == 23);
  REQUIRE(ring.sequences() == 3);
  REQUIRE(ring.find("orders") == 0u);
  REQUIRE(ring.find("r\xc3\xa9sum\xc3\xa9") == 1u);
  REQUIRE(ring.find("fenced") == 2u);

  const sidecar::Slot orders(ring, 0);
  CHECK(orders.damage().empty());
  CHECK(orders.state() == shm::State::open);
  CHECK(orders.epoch() == 5);
  CHECK(orders.floor() == 1198);
  CHECK(orders.next_number() == 6);
  CHECK(orders.oldest_unclaimed_number() == 4);
  CHECK(orders.ready() == 42);
  CHECK(orders.waiting() == 0);
  CHECK(orders.next_id() == 1225);
  CHECK(orders.last_id() == 1348);
  const sidecar::Slot::Accounts accounts = orders.accounts(0);
  CHECK(accounts.granted == 471);
  CHECK(accounts.taken == 362);
  CHECK(accounts.unknown_reply == 14);
  CHECK(accounts.burnt_reset == 10);
  CHECK(accounts.burnt_raise == 11);
  CHECK(accounts.burnt_fence == 12);
  CHECK(accounts.burnt_ring == 13 + 7);
  CHECK(accounts.refills == 16);
  CHECK(accounts.stalls == 17);
  CHECK(accounts.dropped == 19);
  CHECK(ring.entry(0).min_block == 18);
  CHECK(ring.entry(0).low_water == ring.entry(0).filled_end - 15);

  const sidecar::Slot cut(ring, 1);  // which it finishes
  CHECK(cut.damage().empty());
  CHECK(cut.epoch() == 3);
  CHECK(cut.floor() == 20);
  CHECK(cut.ready() == 0);
  CHECK(cut.accounts(0).taken == 6);
  CHECK(cut.accounts(0).burnt_reset == 34);

  CHECK(sidecar::Slot(ring, 2).state() == shm::State::fenced);
}

TEST_CASE("a ring of the next layout is refused with VERSION, and retired under its clients") {
  RecordedRing recorded;
  recorded.make_ours();
  Handle living(recorded.directory.path, "orders");
  REQUIRE(living.status == ESSEQUENCE_OK);
  recorded.make_ours(2);
  CHECK(Handle(recorded.directory.path, "orders").status == ESSEQUENCE_VERSION);
  CHECK_THAT(essequence_last_error(), Catch::Contains("layout 2"));

  sidecar::RingFile ring(recorded.directory.path);
  CHECK(ring.replaced_because() == "it has another layout version");
  sidecar::Slot slot(ring, ring.append("orders", blank_ledger()));
  publish(slot, 5000, 10);
  std::int64_t id = 0;
  CHECK(essequence_next(living.sequence, &id) == ESSEQUENCE_OK);
  CHECK(id == 5000);
}
