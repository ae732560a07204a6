// A block in the ring, and how its record is written and read.
//
// THREAD SAFETY: one writer (the sidecar), any number of readers in any process.
//
// INVARIANTS
// 1. read() returns a whole block as it was written, or nothing; never a mixture.
// 2. A block that was read counts only if its end is at or below the filled_end that was read, with
//    acquire, BEFORE it: filled_end is the commit point, and a record past it may still change.
// 3. A slot is written again only when every ticket of its block is claimed. A reader that holds
//    such a ticket and comes too late finds another block there, takes another ticket, and one id
//    is a gap.
//
//    sidecar                              taker with ticket t
//    record.sequence := odd               filled_end (acquire) > t ?
//    fields, checksum                     record.sequence even? fields; unchanged?
//    record.sequence := even (release)    begin <= t < end: the id is known
//    filled_end := end (release)
#pragma once

#include <cstdint>
#include <optional>

#include "shmclient/src/layout.hpp"

namespace essequence::shm {

struct Block {
  std::uint64_t begin = 0;  // tickets [begin, end)
  std::uint64_t end = 0;
  std::int64_t base = 0;  // id of ticket `begin`
  std::int64_t increment = 1;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;

  std::uint64_t count() const { return end - begin; }
  bool holds(std::uint64_t ticket) const { return ticket >= begin && ticket < end; }
  std::int64_t id_of(std::uint64_t ticket) const {  // unsigned: hostile memory cannot overflow it
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) +
                                     (ticket - begin) * static_cast<std::uint64_t>(increment));
  }
};

// The entry's number goes into the checksum: a record of another sequence is not valid here.
constexpr std::uint64_t checksum_of(const Block &block, std::uint32_t entry_number) {
  std::uint64_t sum = mix(kLayout, entry_number);
  for (const std::uint64_t word :
       {block.begin, block.end, static_cast<std::uint64_t>(block.base),
        static_cast<std::uint64_t>(block.increment), block.epoch, block.number}) {
    sum = mix(sum, word);
  }
  return sum;
}

inline void write(BlockRecord &record, const Block &block, std::uint32_t entry_number) {
  constexpr auto relaxed = std::memory_order_relaxed;
  const std::uint64_t odd = record.sequence.load(relaxed) | 1;
  record.sequence.store(odd, relaxed);
  // Pairs with the acquire fence in read(): who sees a new field sees the odd number too.
  fence(std::memory_order_release);
  record.begin.store(block.begin, relaxed);
  record.end.store(block.end, relaxed);
  record.base.store(static_cast<std::uint64_t>(block.base), relaxed);
  record.increment.store(static_cast<std::uint64_t>(block.increment), relaxed);
  record.epoch.store(block.epoch, relaxed);
  record.number.store(block.number, relaxed);
  record.checksum.store(checksum_of(block, entry_number), relaxed);
  // Pairs with the acquire load in read(): who sees the even number sees the fields.
  record.sequence.store(odd + 1, std::memory_order_release);
}

inline std::optional<Block> read(const BlockRecord &record, std::uint32_t entry_number) {
  constexpr auto relaxed = std::memory_order_relaxed;
  const std::uint64_t sequence = record.sequence.load(std::memory_order_acquire);
  Block block;
  block.begin = record.begin.load(relaxed);
  block.end = record.end.load(relaxed);
  block.base = static_cast<std::int64_t>(record.base.load(relaxed));
  block.increment = static_cast<std::int64_t>(record.increment.load(relaxed));
  block.epoch = record.epoch.load(relaxed);
  block.number = record.number.load(relaxed);
  const std::uint64_t checksum = record.checksum.load(relaxed);
  fence(std::memory_order_acquire);  // pairs with the release fence in write()
  if (!checked((sequence & 1) == 0)) return std::nullopt;
  if (!checked(record.sequence.load(relaxed) == sequence)) return std::nullopt;
  if (!checked(checksum == checksum_of(block, entry_number))) return std::nullopt;
  if (block.begin < kFirstTicket || block.end <= block.begin) return std::nullopt;
  return block;
}

// The committed block that holds `ticket`. Invariant 2: `filled_end` was read, with acquire,
// before.
inline std::optional<Block> find_block(const SequenceEntry &entry, std::uint64_t ticket,
                                       std::uint64_t filled_end) {
  constexpr auto relaxed = std::memory_order_relaxed;
  for (const BlockRecord &record : entry.records) {
    // Spares the checksums of the others: by invariant 2 a committed block shows at least itself.
    if (ticket < record.begin.load(relaxed) || ticket >= record.end.load(relaxed)) continue;
    const std::optional<Block> block = read(record, entry.number);
    if (block && block->holds(ticket) && checked(block->end <= filled_end)) return block;
  }
  return std::nullopt;
}

}  // namespace essequence::shm
