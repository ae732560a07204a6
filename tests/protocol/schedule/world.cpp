#include "tests/protocol/schedule/world.hpp"

#include <cstring>

namespace essequence::protocol {

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

World::World() {
  ring_.emplace(directory_.path);
  shm::Ledger ledger{};
  ledger.epoch = 1;
  const std::uint32_t number = ring_->append("orders", ledger);
  sidecar::Slot slot(*ring_, number);
  for (std::uint32_t block = 0; block < shm::kMaxBlocks - 2; ++block) {
    slot.ask(2);
    slot.publish(ids.grant(1, 2), 2, 1, 0);
    ring_->counter(number).next.fetch_add(2);
  }
  slot.look();
  const auto bytes = [](const void *object, std::size_t size) {
    const char *const begin = static_cast<const char *>(object);
    return std::vector<char>(begin, begin + size);
  };
  entry_ = bytes(&ring_->entry(number), shm::kEntrySize);
  line_ = bytes(&ring_->counter(number), sizeof(shm::CounterLine));
}

void World::renew() {
  close();
  std::memcpy(static_cast<void *>(&ring_->entry(0)), entry_.data(), entry_.size());
  std::memcpy(static_cast<void *>(&ring_->counter(0)), line_.data(), line_.size());
  ring_->wanted()[0].store(0);
  ring_->tickets_header().bell.store(0);
  ids = Ids();
  ids.grant(1, 2 * (shm::kMaxBlocks - 2));
  newest.store(0);
  epoch_told.store(0);
}

Sequence &World::open(std::chrono::nanoseconds timeout) {
  handles_.push_back(std::make_unique<Sequence>("orders", Options{directory_.path, timeout, 0}));
  return *handles_.back();
}

}  // namespace essequence::protocol
