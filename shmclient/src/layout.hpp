// The layout of the shared memory, defined here once; the client library and the sidecar include
// it.
//
// Two files, each mapped whole. `ring` is written by the sidecar alone and read by clients:
//
//   RingHeader (4 KiB) | name hashes, u32 each (256 KiB) | SequenceEntry, SequenceEntry, … (sparse)
//
// `tickets` is the only memory that clients write:
//
//   TicketsHeader (4 KiB) | wanted bitmap (8 KiB) | CounterLine, CounterLine, … (sparse)
//
// Sequence number i has hash i, entry i, bit i and counter line i. Sequences are only ever appended
// within a ring; a name keeps its number. Memory is allocated when a sequence is appended, and
// clients touch nothing past RingHeader::sequences, so a full tmpfs is an error there and never a
// SIGBUS later. No pointers; fixed widths; both sides are little endian 64-bit (checked by
// `magic`).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shmclient/src/machine.hpp"

namespace essequence::shm {

constexpr std::uint64_t kRingMagic = 0x31474e4952515345;     // "ESQRING1"
constexpr std::uint64_t kTicketsMagic = 0x3154454b43495445;  // "ETICKET1"
constexpr std::uint32_t kLayout = 1;
constexpr std::uint32_t kMaxSequences = 65536;

// Records of one sequence. Two or three blocks are ready at a time, seldom more; the others are
// history for takers that claimed a ticket and were then kept from the processor while the ring
// went on.
#ifdef ESSEQUENCE_MACHINE
constexpr std::uint32_t kMaxBlocks = 4;  // so that short schedules use records again
#else
constexpr std::uint32_t kMaxBlocks = 16;
#endif

// A line of 128 bytes: x86 prefetches 64-byte lines in pairs.
constexpr std::size_t kLine = 128;

// The first ticket of every sequence. Far from zero, so that a counter that was zeroed, or holds
// some other small garbage, lies outside every block.
constexpr std::uint64_t kFirstTicket = std::uint64_t{1} << 62;

// How far a cut jumps past every filled and every claimed ticket. The fast path of `next`
// overshoots the filled tickets by at most one per thread each time that the ring runs dry, so a
// counter that is half as far ahead means that a cut was done, or, where none was begun, that the
// counter is damaged.
constexpr std::uint64_t kCutGap = std::uint64_t{1} << 32;
constexpr std::uint64_t kAbsurdOvershoot = std::uint64_t{1} << 31;

// How often a sidecar beats, and how long after a beat it is taken for dead: it may be kept from
// the processor for a while.
constexpr std::chrono::milliseconds kHeartbeat{250};
constexpr std::chrono::milliseconds kStale{2000};

// The value of SequenceEntry::cut in a retired ring.
constexpr std::uint64_t kNothingIsServed = UINT64_MAX;

// ---- ring ----

// Up to `checksum` frozen for ever, also in later layouts, so that any version can retire a ring.
struct RingHeader {
  std::uint64_t magic;  // stored last: a file without it was never finished
  std::uint32_t layout;
  std::uint32_t reserved;
  std::uint8_t uuid[16];          // the same in the tickets file that belongs to it
  std::uint64_t counters_offset;  // of counter line 0 in `tickets`
  std::uint64_t counters_stride;
  std::uint64_t ring_size;
  std::uint64_t tickets_size;
  std::uint64_t device;  // where both files were born: a copy is not this ring
  std::uint64_t ring_inode;
  std::uint64_t tickets_inode;
  char boot_id[40];
  char machine_id[40];
  std::uint64_t checksum;  // of all of the above but magic

  alignas(kLine) Atomic<std::uint32_t> retired;  // not zero: this ring is over, open anew
  Atomic<std::uint32_t> sequences;               // how many are appended

  alignas(kLine) Atomic<std::uint64_t> heartbeat;  // grows every kHeartbeat
  Atomic<std::uint32_t> source_healthy;
  Atomic<std::uint32_t> sidecar_pid;
  Atomic<std::uint32_t> orders;  // begun (reset, raise, …) and not yet told to the other hosts
  // When `heartbeat` grew last, for people; in nanoseconds since the machine booted. Zero: a
  // sidecar that did not note it yet. Whether a sidecar lives is judged by `heartbeat` alone.
  Atomic<std::uint64_t> heartbeat_at;
};
constexpr std::size_t kHeaderSize = 4096;
static_assert(sizeof(RingHeader) <= kHeaderSize);
static_assert(offsetof(RingHeader, retired) == 256);

constexpr std::size_t kHashesOffset = kHeaderSize;
constexpr std::size_t kEntriesOffset = kHashesOffset + kMaxSequences * sizeof(std::uint32_t);

// Which ids the tickets [begin, end) have. Guarded by `sequence` (odd while it is written) and by
// the checksum; it counts only where end ≤ SequenceEntry::filled_end, the commit point.
struct alignas(64) BlockRecord {
  Atomic<std::uint64_t> sequence;
  Atomic<std::uint64_t> begin;
  Atomic<std::uint64_t> end;
  Atomic<std::uint64_t> base;  // id of ticket `begin`, as unsigned
  Atomic<std::uint64_t> increment;
  Atomic<std::uint64_t> epoch;
  Atomic<std::uint64_t> number;  // how many blocks of this sequence the ring saw before it
  Atomic<std::uint64_t> checksum;
};
static_assert(sizeof(BlockRecord) == 64);

// What became of the ids of this ring. Two copies: a change of filled_end is prepared in the copy
// that is not in force and comes into force by the one store to filled_end that it is tagged with,
// so that accounts and ring cannot disagree after a kill at any instruction.
struct alignas(kLine) Ledger {
  std::uint64_t filled_end;     // the tag
  std::uint64_t published;      // ids ever laid into this ring
  std::uint64_t taken_before;   // ids claimed before the last cut
  std::uint64_t stretch_begin;  // first ticket since the last cut
  std::uint64_t next_number;    // of the next block
  std::uint64_t epoch;
  std::int64_t floor;  // every id that follows is above it
  std::uint64_t burnt_reset;
  std::uint64_t burnt_raise;
  std::uint64_t burnt_fence;
  std::uint64_t burnt_ring;
  std::uint64_t inherited;  // ids that were lost with earlier rings of this host
  std::uint64_t checksum;   // of the above
};
static_assert(sizeof(Ledger) == kLine);

// on_request: nothing is ever laid into the ring (order = "cluster"); ask the control socket.
enum class State : std::uint32_t {
  open = 0,
  fenced = 1,
  exhausted = 2,
  deleted = 3,
  on_request = 4
};

// A cut that was begun: written before the jump of the counter, so that a sidecar that is killed in
// between can be followed up exactly. `to` zero: none.
struct CutIntent {
  std::uint64_t from;  // the counter before the jump
  std::uint64_t reason;
  std::uint64_t epoch;  // after it
  std::int64_t floor;   // after it
  Atomic<std::uint64_t> to;
};

struct SequenceEntry {
  // Constant once the entry is published.
  std::uint32_t name_length;
  std::uint32_t number;
  char name[256];

  // What takers read when their window ends.
  alignas(kLine) Atomic<std::uint64_t> filled_end;  // tickets below it have ids, or never will
  Atomic<std::uint64_t> cut;                        // no ticket below it is served
  Atomic<std::uint64_t> low_water;                  // a taker that reaches it asks for a refill
  Atomic<std::uint32_t> state;                      // State; what an empty ring means
  Atomic<std::uint32_t> wake;                       // futex: changes with each of the above
  Atomic<std::uint64_t> min_block;                  // the instance's, as raised by bulk_size

  // The sidecar's own.
  alignas(kLine) Atomic<std::uint64_t> asked;  // ids that the source was asked for, cumulative
  Atomic<std::uint64_t> refused;               // of these, certainly not granted
  Atomic<std::uint64_t> refills;
  Atomic<std::uint64_t> stalls;
  Atomic<std::uint64_t> last_seen;  // the counter when it was last looked at: it never falls
  CutIntent intent;
  Atomic<std::uint64_t> handed_out;  // ids that were given on request, past the ring
  Ledger ledgers[2];
  BlockRecord records[kMaxBlocks];  // block n lies in slot n % kMaxBlocks
};
constexpr std::size_t kEntrySize = 2048;
static_assert(offsetof(SequenceEntry, ledgers) == 640);  // handed_out fills a gap of layout 1
static_assert(sizeof(SequenceEntry) <= kEntrySize);      // two on a page
static_assert(offsetof(SequenceEntry, filled_end) % kLine == 0);
static_assert(offsetof(SequenceEntry, records) % kLine == 0);

constexpr std::size_t kRingSize = kEntriesOffset + kMaxSequences * kEntrySize;

// ---- tickets ----

struct TicketsHeader {
  std::uint64_t magic;
  std::uint32_t layout;
  std::uint32_t reserved;
  std::uint8_t uuid[16];
  alignas(kLine) Atomic<std::uint32_t> bell;  // futex: grows with each kick of the sidecar
};
static_assert(sizeof(TicketsHeader) <= kHeaderSize);

constexpr std::size_t kWantedOffset = kHeaderSize;
constexpr std::size_t kWantedWords = kMaxSequences / 64;

struct alignas(kLine) CounterLine {
  Atomic<std::uint64_t> next;                 // the next ticket of this sequence
  alignas(64) Atomic<std::uint64_t> dropped;  // claimed and never returned, by clients' own word
};
static_assert(sizeof(CounterLine) == kLine);

constexpr std::size_t kCountersOffset = kWantedOffset + kWantedWords * sizeof(std::uint64_t);
constexpr std::size_t kTicketsSize = kCountersOffset + kMaxSequences * sizeof(CounterLine);

static_assert(Atomic<std::uint64_t>::is_always_lock_free);
static_assert(Atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(Atomic<std::uint64_t>) == 8 && sizeof(Atomic<std::uint32_t>) == 4);

// ---- checksums and hashes ----

// A word-wise multiply-xorshift hash (the finaliser of MurmurHash3, public domain). It guards
// against torn and flipped memory, not against forgery: only the sidecar can write the ring.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash ^= word;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

constexpr std::uint32_t hash_of(std::string_view name) {
  std::uint64_t hash = name.size();
  for (const char c : name) hash = mix(hash, static_cast<unsigned char>(c));
  const auto folded = static_cast<std::uint32_t>(hash);
  return folded == 0 ? 1 : folded;  // zero: nothing was ever appended here
}

std::uint64_t checksum_of(const RingHeader &header);
std::uint64_t checksum_of(const Ledger &ledger);

}  // namespace essequence::shm
