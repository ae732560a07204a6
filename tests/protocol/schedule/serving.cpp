#include "tests/protocol/schedule/serving.hpp"

#include "tests/protocol/schedule/taking.hpp"

namespace essequence::protocol {

using namespace std::chrono_literals;
using sidecar::Slot;

namespace {

[[noreturn]] void listen(World &world, const sidecar::RingFile &ring, Slot &slot,
                         Slot *other = nullptr) {
  const sidecar::Bell bell(ring);
  for (;;) {
    const sidecar::Bell::Heard heard = bell.look();
    for (const std::uint32_t number : heard.numbers) {
      if (number == 0) refill(world, slot, kEnough);
      if (number == 1 && other != nullptr) refill(world, *other, kEnough);
    }
    bell.sleep(heard, 100ms);
  }
}

}  // namespace

void refill(World &world, Slot &slot, std::uint64_t wanted) {
  slot.look();
  require(slot.damage());
  while (slot.ready() < wanted && slot.has_room()) {
    const std::uint64_t count = 1 + Scheduler::active()->random().below(3);
    slot.ask(count);
    slot.publish(world.ids.grant(slot.epoch(), count), count, 1, kLowWater);
  }
}

void serve(World &world) {
  Slot slot(world.ring(), 0), other(world.ring(), 1);
  require(slot.damage() + other.damage());
  listen(world, world.ring(), slot, &other);
}

void reset_and_serve(World &world) {
  Slot slot(world.ring(), 0);
  refill(world, slot, kEnough);
  const std::uint64_t epoch = slot.epoch() + 1;
  slot.cut(sidecar::CutReason::reset, epoch, 0);
  world.epoch_told.store(epoch, std::memory_order_release);
  refill(world, slot, kEnough);
  listen(world, world.ring(), slot);
}

void replace_and_serve(World &world) {
  {
    Slot slot(world.ring(), 0);
    refill(world, slot, kEnough);
  }
  sidecar::RingFile &ring = world.replace_ring();
  shm::Ledger ledger{};
  ledger.epoch = 2;
  Slot slot(ring, ring.append("orders", ledger));
  world.epoch_told.store(ledger.epoch, std::memory_order_release);
  refill(world, slot, kEnough);
  listen(world, ring, slot);
}

}  // namespace essequence::protocol
