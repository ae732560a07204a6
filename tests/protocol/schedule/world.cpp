#include "tests/protocol/schedule/world.hpp"

#include <cstring>

namespace essequence::protocol {
namespace {

constexpr std::uint32_t kUsedBlocks = shm::kMaxBlocks;
constexpr std::uint64_t kUsedIds = 2 * kUsedBlocks;
constexpr std::uint64_t kEpochOfUsers = 100;

void require(bool holds, const std::string &what) {
  if (!holds) throw Violation(what);
}

}  // namespace

std::int64_t Ids::grant(std::uint64_t epoch, std::uint64_t count) {
  std::int64_t &below = granted_below_.try_emplace(epoch, first_of(epoch)).first->second;
  const std::int64_t first = below;
  below += static_cast<std::int64_t>(count);
  return first;
}

std::string Ids::take(std::int64_t id) {
  const auto granted = granted_below_.find(epoch_of(id));
  if (granted == granted_below_.end() || id < first_of(epoch_of(id)) || id >= granted->second) {
    return "id " + std::to_string(id) + " was never granted";
  }
  if (++taken_[id] > 1) return "id " + std::to_string(id) + " was returned twice";
  return "";
}

bool Ids::are_dense(std::uint64_t epoch) const {
  std::int64_t expected = first_of(epoch);
  for (const auto &[id, times] : taken_) {
    if (id != expected++) return false;
  }
  return true;
}

void World::make_ring() {
  ids = Ids();
  ring_.reset();
  sidecar::retire_ring(directory_.path);
  ring_.emplace(directory_.path);
  shm::Ledger ledger{};
  ledger.epoch = 1;
  const std::uint32_t number = ring_->append("orders", ledger);
  fresh_ = image_of(number);
  sidecar::Slot slot(*ring_, number);
  for (std::uint32_t block = 0; block < kUsedBlocks; ++block) {
    slot.ask(2);
    slot.publish(ids.grant(1, 2), 2, 1, 0);
    ring_->counter(number).next.fetch_add(2);
  }
  slot.look();
  used_ = image_of(number);
  ledger.epoch = kEpochOfUsers;
  other_ = image_of(ring_->append("users", ledger));
}

World::Image World::image_of(std::uint32_t number) const {
  const auto bytes = [](const void *object, std::size_t size) {
    const char *const begin = static_cast<const char *>(object);
    return std::vector<char>(begin, begin + size);
  };
  return {bytes(&ring_->entry(number), shm::kEntrySize),
          bytes(&ring_->counter(number), sizeof(shm::CounterLine))};
}

void World::restore(std::uint32_t number, const Image &image) {
  std::memcpy(static_cast<void *>(&ring_->entry(number)), image.entry.data(), image.entry.size());
  std::memcpy(static_cast<void *>(&ring_->counter(number)), image.line.data(), image.line.size());
}

sidecar::RingFile &World::replace_ring() {
  spoilt_ = true;
  sidecar::retire_ring(directory_.path);
  return replacement_.emplace(directory_.path);
}

void World::close() {
  handles_.clear();
  replacement_.reset();
}

void World::renew(bool fresh) {
  close();
  if (std::exchange(spoilt_, false)) make_ring();
  restore(0, fresh ? fresh_ : used_);
  restore(1, other_);
  ring_->wanted()[0].store(0);
  ring_->tickets_header().bell.store(0);
  ids = Ids();
  used_ids_ = fresh ? 0 : kUsedIds;
  ids.grant(1, used_ids_);
  newest.store(0);
  epoch_told.store(0);
  check_accounts = true;
  nothing_was_dropped = all_was_returned = false;
  afterwards = nullptr;
}

Sequence &World::open(std::chrono::nanoseconds timeout, const char *name) {
  handles_.push_back(std::make_unique<Sequence>(name, Options{directory_.path, timeout, 0}));
  return *handles_.back();
}

Sequence &World::open_before_fork(std::chrono::nanoseconds timeout) {
  Sequence &sequence = open(timeout);
  // The window lies at the start of the page that reads zero in a child (forked_state.hpp). A
  // Sequence holds the handle and the window.
  static_assert(sizeof(Sequence) == 2 * sizeof(void *));
  void *pointers[2];
  std::memcpy(pointers, static_cast<const void *>(&sequence), sizeof pointers);
  std::memset(pointers[1], 0, 4096);
  return sequence;
}

void World::check() {
  close();
  if (spoilt_ || !check_accounts) return;  // its accounts went with the old ring
  sidecar::Slot slot(*ring_, 0);
  require(slot.damage().empty(), slot.damage());
  const sidecar::Slot::Accounts a = slot.accounts(0);
  require(
      a.taken + a.unknown_reply + a.burnt_reset + a.burnt_raise + a.burnt_fence + a.burnt_ring ==
          a.granted - a.ready,
      "promise 7 does not hold");
  require(a.taken >= ids.taken() + used_ids_, "more ids were returned than are accounted for");
  if (all_was_returned) {
    require(a.taken == ids.taken() + used_ids_ + a.dropped,
            "an id vanished, and nobody counted it");
  }
  if (nothing_was_dropped) {
    require(a.dropped == 0, "a ticket was dropped");
    require(ids.are_dense(1), "there is a gap");
  }
  if (afterwards) afterwards(slot);
}

}  // namespace essequence::protocol
