// The journal: what this host must never forget. One SQLite database in the state directory, every
// commit durable (WAL, synchronous=FULL) before the call returns.
//
// Thread rules: one thread at a time. The sidecar calls it through `blocking()` on its one storage
// thread. Errors: std::runtime_error that names the file, SQLite's cause, and the way out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/allocation/standing.hpp"

namespace essequence::sidecar {

// What this host knows of a sequence: its pinned identity and its high-water mark.
struct Pin {
  std::string name;
  std::string index;   // pinned concrete index
  std::string origin;  // pinned origin
  std::uint64_t epoch = 1;
  std::int64_t mark = 0;   // largest iid ever seen in (origin, epoch); never lowered within it
  std::int64_t floor = 0;  // largest floor seen in (origin, epoch)
  Progression progression;
  bool deleted = false;     // by DELETE: creating the name again needs `above` or `from_start`
  std::string fence_cause;  // empty: not fenced
  bool fence_seen = false;  // the source's document carried the fence; then only may it be lifted
  std::int64_t fenced_at_ns = 0;  // Unix time; when the fence was found here
};

// One block that the source granted to this host.
struct JournalledBlock {
  std::string ring_uuid;     // of the ring it was meant for
  std::uint64_t number = 0;  // the ring's count of blocks of this sequence before it
  std::uint64_t epoch = 1;
  std::int64_t first = 0;
  std::uint64_t count = 0;
  std::int64_t increment = 1;
  std::int64_t granted_at_ns = 0;  // Unix time
  std::string fate = "granted";    // granted | published | taken | burnt_{reset,raise,fence,ring}
};

// What is made durable in one piece: what is known of a sequence, and a block that was granted.
struct JournalEntry {
  Pin pin;
  std::optional<JournalledBlock> block;
  // Blocks of the same ring with a number below it that still say "published" are noted as "taken"
  // along the way.
  std::uint64_t taken_below = 0;
};

// Throws where the fields of its block, which came from another machine, are none of a block.
void require_storable(const JournalEntry &entry);

class Journal {
 public:
  // Opens or creates `directory`/journal.db. The caller holds the directory's lock.
  // A database that is damaged or of a newer format is refused, never recreated.
  explicit Journal(const std::string &directory);
  ~Journal();

  std::vector<Pin> pins() const;

  // Stores these entries in one transaction: all of them or nothing. A pin is inserted, or replaces
  // the one of the same name; mark and floor are never lowered within the same (origin, epoch): the
  // larger value stays, whatever is passed.
  void store(const std::vector<JournalEntry> &entries);

  // The newest block of each sequence that has one, by name.
  std::map<std::string, JournalledBlock> newest_blocks() const;

  // The blocks of `name` that contain `id`, newest first.
  std::vector<JournalledBlock> blocks_with(const std::string &name, std::int64_t id) const;

  // Notes what became of the blocks of `ring_uuid` from `number` on, where they still say "granted"
  // or "published". Not durable on its own: a fate may be lost in a power cut, a mark and a block
  // never.
  void set_fate(const std::string &name, const std::string &ring_uuid, std::uint64_t number,
                const std::string &fate);

  // By name, how many ids the blocks hold that were granted for rings other than `ring_uuid` and
  // whose fate is still "granted" or "published". Sequences without such blocks are left out.
  std::map<std::string, std::uint64_t> left_in_other_rings(const std::string &ring_uuid) const;

  // Marks these blocks of the sequences `names` burnt_ring, in one transaction.
  void burn_other_rings(const std::vector<std::string> &names, const std::string &ring_uuid);

 private:
  struct Database;
  std::unique_ptr<Database> db_;
};

}  // namespace essequence::sidecar
