// A ring in the middle of its life, for tests that spoil it: two sequences, each with a stretch
// that was cut, two blocks that are partly taken, and ids that no other sequence and no other time
// has.
#pragma once

#include <essequence/essequence.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/ring/slot.hpp"
#include "tests/unit/runtime_directory.hpp"

namespace hostile {

using namespace essequence;
using Ids = std::vector<std::int64_t>;

inline const std::vector<std::string> kNames = {"orders", "invoices"};

// Of sequence `number`: 30 of the first 100 ids were taken and the others burnt; of the 128 that
// follow 40 are taken; the ids of kLater are published by who takes the ring over.
constexpr std::int64_t first_id(std::uint32_t number) { return 1 + 1'000'000 * number; }
constexpr std::int64_t first_ready(std::uint32_t number) { return first_id(number) + 140; }
constexpr std::int64_t end_of_ready(std::uint32_t number) { return first_id(number) + 228; }
constexpr std::int64_t kLater = 1000;
constexpr std::uint64_t kLaterCount = 50;

inline shm::Ledger blank_ledger() {
  shm::Ledger ledger{};
  ledger.epoch = 1;
  return ledger;
}

inline void publish(sidecar::Slot &slot, std::int64_t first, std::uint64_t count) {
  slot.ask(count);
  slot.publish(first, count, 1, count / 4);
}

// What a living sequence can be asked, without ever waiting. Returns the ids; whatever else is
// answered must be a status with words.
inline Ids take_every_way(essequence_sequence *sequence) {
  Ids ids;
  const auto heard = [&](essequence_status status, std::int64_t first, std::uint32_t count) {
    if (status != ESSEQUENCE_OK) {
      REQUIRE((status > ESSEQUENCE_OK && status <= ESSEQUENCE_SYSTEM));
      REQUIRE(std::strlen(essequence_last_error()) > 0);
      count = 0;
    }
    for (std::uint32_t i = 0; i < count; ++i) ids.push_back(first + i);
  };
  std::int64_t id = 0;
  essequence_run run{};
  for (auto *const next : {essequence_next, essequence_next, essequence_try_next}) {
    const essequence_status status = next(sequence, &id);
    heard(status, id, 1);
  }
  const essequence_status taken = essequence_take(sequence, 5, &run);
  if (taken == ESSEQUENCE_OK) REQUIRE((run.count >= 1 && run.count <= 5));
  heard(taken, run.first, run.count);
  return ids;
}

struct Handle {
  essequence_sequence *sequence = nullptr;
  essequence_status status;

  Handle(const std::string &directory, const std::string &name) {
    // A nanosecond: nothing that is answered here is worth waiting for.
    const essequence_options options{sizeof options, directory.c_str(), 1, 0};
    status = essequence_open(name.c_str(), &options, &sequence);
    REQUIRE((status == ESSEQUENCE_OK) == (sequence != nullptr));
    REQUIRE((status >= ESSEQUENCE_OK && status <= ESSEQUENCE_SYSTEM));
  }
  ~Handle() { essequence_close(sequence); }
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;

  Ids take() { return sequence == nullptr ? Ids{} : take_every_way(sequence); }
};

struct Ring {
  RuntimeDirectory directory;
  sidecar::RingFile file{directory.path};

  Ring() {
    for (std::uint32_t number = 0; number < kNames.size(); ++number) {
      sidecar::Slot slot(file, file.append(kNames[number], blank_ledger()));
      const std::int64_t first = first_id(number);
      publish(slot, first, 100);
      file.counter(number).next.fetch_add(30);
      slot.look();
      slot.cut(sidecar::CutReason::raise, 1, first + 99);
      publish(slot, first + 100, 64);
      publish(slot, first + 164, 64);
      file.counter(number).next.fetch_add(40);
      slot.look();
    }
  }

  std::uint8_t *header() const { return reinterpret_cast<std::uint8_t *>(&file.header()); }
  std::uint8_t *hash(std::uint32_t number) const {
    return header() + shm::kHashesOffset + number * sizeof(std::uint32_t);
  }
  std::uint8_t *entry(std::uint32_t number) const {
    return reinterpret_cast<std::uint8_t *>(&file.entry(number));
  }
  std::uint8_t *tickets() const { return reinterpret_cast<std::uint8_t *>(&file.tickets_header()); }
  std::uint8_t *counter(std::uint32_t number) const {
    return reinterpret_cast<std::uint8_t *>(&file.counter(number));
  }
};

// No id twice, and none that `allowed` does not hold.
inline void require_new(const Ids &ids, const std::set<std::int64_t> &allowed) {
  std::set<std::int64_t> seen;
  for (const std::int64_t id : ids) {
    REQUIRE(allowed.count(id) == 1);
    REQUIRE(seen.insert(id).second);
  }
}

inline std::set<std::int64_t> range(std::int64_t first, std::int64_t end) {
  std::set<std::int64_t> ids;
  for (std::int64_t id = first; id < end; ++id) ids.insert(ids.end(), id);
  return ids;
}

// One byte to spoil, and where it lies, for the message.
struct Spot {
  std::string region;
  std::size_t offset;
};

// What a byte is xored with: all of its bits, and each by itself.
constexpr std::uint8_t kFlips[] = {0xff, 1, 2, 4, 8, 16, 32, 64, 128};

}  // namespace hostile
