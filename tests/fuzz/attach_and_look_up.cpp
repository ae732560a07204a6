// Memory that a client attaches to and takes from, and that a sidecar adopts. The input is a list
// of steps: words to write anywhere into the two files, checksums to put right (or else nothing
// would get past them), and who looks at it then.
#include <essequence/essequence.h>

#include <array>
#include <vector>

#include "sidecar/ring/slot.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/unit/runtime_directory.hpp"

using namespace essequence;

namespace {

constexpr const char *kName = "orders";
constexpr int kMostSteps = 64;

struct Region {
  char *begin;
  std::size_t size;
};

// One ring for all inputs; its memory is put back for each.
class Ring {
 public:
  Ring() {
    shm::Ledger ledger{};
    ledger.epoch = 1;
    sidecar::Slot slot(file, file.append(kName, ledger));
    slot.ask(200);
    slot.publish(1, 100, 1, 25);
    slot.publish(101, 100, 1, 25);
    file.counter(0).next.fetch_add(30);
    char *const ring = reinterpret_cast<char *>(&file.header());
    char *const tickets = reinterpret_cast<char *>(&file.tickets_header());
    regions = {Region{ring, sizeof(shm::RingHeader)},
               Region{ring + shm::kHashesOffset, 8},
               Region{reinterpret_cast<char *>(&file.entry(0)), shm::kEntrySize},
               Region{tickets, sizeof(shm::TicketsHeader)},
               Region{tickets + shm::kWantedOffset, 64},
               Region{reinterpret_cast<char *>(&file.counter(0)), sizeof(shm::CounterLine)}};
    for (const Region &region : regions) {
      whole_.emplace_back(region.begin, region.begin + region.size);
    }
  }

  void restore() {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      std::memcpy(regions[i].begin, whole_[i].data(), regions[i].size);
    }
  }

  RuntimeDirectory directory;
  sidecar::RingFile file{directory.path};
  std::array<Region, 6> regions;

 private:
  std::vector<std::vector<char>> whole_;
};

struct Client {
  essequence_sequence *sequence = nullptr;

  explicit Client(const Ring &ring) {
    const essequence_options options{sizeof options, ring.directory.path.c_str(), 1, 0};
    heard(essequence_open(kName, &options, &sequence));
  }
  ~Client() { essequence_close(sequence); }

  void take() {
    if (sequence == nullptr) return;
    std::int64_t id = 0;
    essequence_run run{};
    heard(essequence_next(sequence, &id));
    heard(essequence_try_next(sequence, &id));
    const essequence_status status = essequence_take(sequence, 5, &run);
    heard(status);
    fuzz::require(status != ESSEQUENCE_OK || (run.count >= 1 && run.count <= 5), "a run's count");
  }

  static void heard(essequence_status status) {
    fuzz::require(status >= ESSEQUENCE_OK && status <= ESSEQUENCE_SYSTEM, "a known status");
  }
};

void put_checksums_right(Ring &ring, std::uint8_t which) {
  shm::SequenceEntry &entry = ring.file.entry(0);
  shm::BlockRecord &record = entry.records[which % shm::kMaxBlocks];
  shm::Ledger &ledger = entry.ledgers[which % 2];
  ring.file.header().checksum = shm::checksum_of(ring.file.header());
  ledger.checksum = shm::checksum_of(ledger);
  record.checksum = shm::checksum_of(
      shm::Block{record.begin, record.end, static_cast<std::int64_t>(record.base.load()),
                 static_cast<std::int64_t>(record.increment.load()), record.epoch, record.number},
      entry.number);
}

// All that a sidecar does with a slot that it found. `forged`: its accounts may be valid and false.
void adopt(const Ring &ring, bool forged) {
  sidecar::Slot slot(ring.file, 0);
  slot.look();
  if (!slot.damage().empty()) {
    slot.cut(sidecar::CutReason::fence, 1, 200);
    fuzz::require(slot.damage().empty() && slot.ready() == 0, "a cut ends the damage");
  }
  try {
    if (slot.has_room()) slot.publish(1000, 10, 1, 5);
  } catch (const std::logic_error &) {  // damaged records claim that it holds larger ids
  }
  const sidecar::Slot::Accounts accounts = slot.accounts(0);
  fuzz::require(forged || accounts.taken + accounts.unknown_reply + accounts.burnt_reset +
                                  accounts.burnt_raise + accounts.burnt_fence +
                                  accounts.burnt_ring + accounts.ready ==
                              accounts.granted,
                "promise 7");
  slot.next_id();
  slot.last_id();
  slot.waiting();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static Ring ring;
  ring.restore();
  fuzz::Input input(data, size);
  std::vector<Client> clients;
  clients.reserve(kMostSteps);
  bool forged = false;
  for (int step = 0; step < kMostSteps && !input.empty(); ++step) {
    const auto what = input.number<std::uint8_t>();
    if (what < 6) {
      const Region &region = ring.regions[what];
      const std::size_t offset = input.number<std::uint16_t>() % (region.size / 8) * 8;
      const auto word = input.number<std::uint64_t>();
      std::memcpy(region.begin + offset, &word, sizeof word);
    } else if (what < 64) {
      put_checksums_right(ring, what);
      forged = true;
    } else if (what < 128) {
      clients.emplace_back(ring);
    } else if (what < 192) {
      for (Client &client : clients) client.take();
    } else {
      adopt(ring, forged);
    }
  }
  return 0;
}
