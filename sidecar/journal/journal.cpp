#include "sidecar/journal/journal.hpp"

#include <stdexcept>
#include <utility>

#include "sidecar/journal/store_file.hpp"

namespace essequence::sidecar {
namespace {

// Months of a steady sequence (of one whose ids are given on request, the last 10,000 requests),
// and a bound on what a busy one can fill and a search has to read.
constexpr std::int64_t kBlocksKept = 10000;

// `position` counts the blocks of a sequence in the order of their grants. `last` stands beside
// `first` so that a search needs no arithmetic that could overflow.
constexpr const char *kSchema = R"(
  CREATE TABLE pins (
    sequence     INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    "index"      TEXT    NOT NULL,
    origin       TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    mark         INTEGER NOT NULL,
    floor        INTEGER NOT NULL,
    start        INTEGER NOT NULL,
    increment    INTEGER NOT NULL,
    max          INTEGER NOT NULL,
    "order"      TEXT    NOT NULL CHECK ("order" IN ('host', 'cluster')),
    deleted      INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    fence_cause  TEXT    NOT NULL,
    fenced_at_ns INTEGER NOT NULL,
    fence_seen   INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE blocks (
    sequence      INTEGER NOT NULL REFERENCES pins,
    position      INTEGER NOT NULL,
    ring_uuid     TEXT    NOT NULL,
    number        INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    first         INTEGER NOT NULL,
    last          INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    increment     INTEGER NOT NULL,
    granted_at_ns INTEGER NOT NULL,
    fate          TEXT    NOT NULL CHECK (fate IN ('granted', 'published', 'taken', 'burnt_reset',
                                                   'burnt_raise', 'burnt_fence', 'burnt_ring')),
    PRIMARY KEY (sequence, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX undecided ON blocks (sequence, fate, ring_uuid, number)
    WHERE fate IN ('granted', 'published');
)";

const std::string kOfTheSequence =
    " WHERE sequence = (SELECT sequence FROM pins WHERE name = :name)";

// What became of these blocks is not known yet: a handful per sequence, found by the index above.
const std::string kUndecided = kOfTheSequence + " AND fate IN ('granted', 'published')";
const std::string kUndecidedElsewhere =
    " WHERE fate IN ('granted', 'published') AND ring_uuid <> :ring_uuid";

const std::string kBlock =
    "SELECT ring_uuid, number, blocks.epoch, first, count, blocks.increment, granted_at_ns, fate";

sqlite::Format format() {
  return {.what = "the journal",
          .application = 0x6573716a,  // "esqj"
          .version = 1,
          .schema = kSchema,
          .vital_table = "pins",
          .if_damaged =
              "it holds the marks that keep ids unique and is never recreated while it is there: "
              "restore it together with its -wal file, or move all of them away to begin again "
              "from the ring and the source"};
}

// The last id of `block`, checked: its fields came from another machine.
std::int64_t last_of(const std::string &name, const JournalledBlock &block) {
  std::int64_t width = 0;
  std::int64_t last = 0;
  if (block.count == 0 || block.count > INT64_MAX || block.increment < 1 ||
      __builtin_mul_overflow(static_cast<std::int64_t>(block.count - 1), block.increment, &width) ||
      __builtin_add_overflow(block.first, width, &last)) {
    throw std::runtime_error("journal: sequence " + name + ": no such block of ids: first " +
                             std::to_string(block.first) + ", count " +
                             std::to_string(block.count) + ", increment " +
                             std::to_string(block.increment));
  }
  return last;
}

void put(sqlite::Database &database, const Pin &pin) {
  sqlite::Statement(database, R"(
    INSERT INTO pins (name, "index", origin, epoch, mark, floor, start, increment, max, "order",
                      deleted, fence_cause, fenced_at_ns, fence_seen)
    VALUES (:name, :index, :origin, :epoch, :mark, :floor, :start, :increment, :max, :order,
            :deleted, :fence_cause, :fenced_at_ns, :fence_seen)
    ON CONFLICT (name) DO UPDATE SET
      mark  = CASE WHEN origin = excluded.origin AND epoch = excluded.epoch
                   THEN max(mark, excluded.mark) ELSE excluded.mark END,
      floor = CASE WHEN origin = excluded.origin AND epoch = excluded.epoch
                   THEN max(floor, excluded.floor) ELSE excluded.floor END,
      "index" = excluded."index", origin = excluded.origin, epoch = excluded.epoch,
      start = excluded.start, increment = excluded.increment, max = excluded.max,
      "order" = excluded."order", deleted = excluded.deleted,
      fence_cause = excluded.fence_cause, fenced_at_ns = excluded.fenced_at_ns,
      fence_seen = excluded.fence_seen)")
      .bind(":name", pin.name)
      .bind(":index", pin.index)
      .bind(":origin", pin.origin)
      .bind(":epoch", pin.epoch)
      .bind(":mark", pin.mark)
      .bind(":floor", pin.floor)
      .bind(":start", pin.progression.start)
      .bind(":increment", pin.progression.increment)
      .bind(":max", pin.progression.max)
      .bind(":order", std::string(name_of(pin.progression.order)))
      .bind(":deleted", std::int64_t{pin.deleted})
      .bind(":fence_cause", pin.fence_cause)
      .bind(":fenced_at_ns", pin.fenced_at_ns)
      .bind(":fence_seen", std::int64_t{pin.fence_seen})
      .run();
}

void drop_the_oldest(sqlite::Database &database, const std::string &name) {
  const std::string newest = "(SELECT max(position) FROM blocks" + kOfTheSequence + ")";
  sqlite::Statement(
      database, "DELETE FROM blocks" + kOfTheSequence + " AND position <= " + newest + " - :kept")
      .bind(":name", name)
      .bind(":kept", kBlocksKept)
      .run();
}

void put(sqlite::Database &database, const std::string &name, const JournalledBlock &block,
         std::uint64_t taken_below) {
  sqlite::Statement(database, "UPDATE blocks SET fate = 'taken'" + kUndecided +
                                  " AND fate = 'published' AND ring_uuid = :ring_uuid"
                                  " AND number < :taken_below")
      .bind(":name", name)
      .bind(":ring_uuid", block.ring_uuid)
      .bind(":taken_below", taken_below)
      .run();
  sqlite::Statement(database, R"(
    INSERT INTO blocks (sequence, position, ring_uuid, number, epoch, first, last, count, increment,
                        granted_at_ns, fate)
    SELECT sequence,
           1 + coalesce((SELECT max(position) FROM blocks WHERE sequence = pins.sequence), 0),
           :ring_uuid, :number, :epoch, :first, :last, :count, :increment, :granted_at_ns, :fate
    FROM pins WHERE name = :name)")
      .bind(":name", name)
      .bind(":ring_uuid", block.ring_uuid)
      .bind(":number", block.number)
      .bind(":epoch", block.epoch)
      .bind(":first", block.first)
      .bind(":last", last_of(name, block))
      .bind(":count", block.count)
      .bind(":increment", block.increment)
      .bind(":granted_at_ns", block.granted_at_ns)
      .bind(":fate", block.fate)
      .run();
  drop_the_oldest(database, name);
}

JournalledBlock block_in(const sqlite::Statement &row) {
  JournalledBlock block;
  block.ring_uuid = row.text(0);
  block.number = row.natural(1);
  block.epoch = row.natural(2);
  block.first = row.integer(3);
  block.count = row.natural(4);
  block.increment = row.integer(5);
  block.granted_at_ns = row.integer(6);
  block.fate = row.text(7);
  return block;
}

}  // namespace

void require_storable(const JournalEntry &entry) {
  if (entry.block) last_of(entry.pin.name, *entry.block);
}

struct Journal::Database : sqlite::StoreFile {
  using sqlite::StoreFile::StoreFile;
};

Journal::Journal(const std::string &directory)
    : db_(std::make_unique<Database>(directory + "/journal.db", format())) {}

Journal::~Journal() = default;

std::vector<Pin> Journal::pins() const {
  sqlite::Statement row(db_->database(), R"(
    SELECT name, "index", origin, epoch, mark, floor, start, increment, max, "order", deleted,
           fence_cause, fenced_at_ns, fence_seen
    FROM pins ORDER BY name)");
  std::vector<Pin> pins;
  while (row.step()) {
    Pin pin;
    pin.name = row.text(0);
    pin.index = row.text(1);
    pin.origin = row.text(2);
    pin.epoch = row.natural(3);
    pin.mark = row.integer(4);
    pin.floor = row.integer(5);
    pin.progression.start = row.integer(6);
    pin.progression.increment = row.integer(7);
    pin.progression.max = row.integer(8);
    pin.progression.order = order_named(row.text(9));
    pin.deleted = row.integer(10) != 0;
    pin.fence_cause = row.text(11);
    pin.fenced_at_ns = row.integer(12);
    pin.fence_seen = row.integer(13) != 0;
    pins.push_back(std::move(pin));
  }
  return pins;
}

void Journal::store(const std::vector<JournalEntry> &entries) {
  sqlite::Database &database = db_->database();
  sqlite::Transaction transaction(database);
  for (const JournalEntry &entry : entries) {
    put(database, entry.pin);
    if (entry.block) put(database, entry.pin.name, *entry.block, entry.taken_below);
  }
  transaction.commit();
}

std::map<std::string, JournalledBlock> Journal::newest_blocks() const {
  // CROSS JOIN: from the sequences to their blocks, as SQLite keeps to this order.
  sqlite::Statement row(db_->database(), kBlock + R"(, name
    FROM pins CROSS JOIN blocks USING (sequence)
    WHERE position = (SELECT max(position) FROM blocks AS own WHERE own.sequence = pins.sequence))");
  std::map<std::string, JournalledBlock> newest;
  while (row.step()) newest[row.text(8)] = block_in(row);
  return newest;
}

// Reads all that is kept of the sequence: bounded, and a person asks seldom.
std::vector<JournalledBlock> Journal::blocks_with(const std::string &name, std::int64_t id) const {
  sqlite::Statement row(db_->database(),
                        kBlock + " FROM blocks" + kOfTheSequence +
                            " AND first <= :id AND last >= :id AND (:id - first) % increment = 0"
                            " ORDER BY position DESC");
  row.bind(":name", name).bind(":id", id);
  std::vector<JournalledBlock> blocks;
  while (row.step()) blocks.push_back(block_in(row));
  return blocks;
}

void Journal::set_fate(const std::string &name, const std::string &ring_uuid, std::uint64_t number,
                       const std::string &fate) {
  sqlite::Database &database = db_->database();
  sqlite::Transaction transaction(database, sqlite::Durability::with_next_commit);
  sqlite::Statement(database, "UPDATE blocks SET fate = :fate" + kUndecided +
                                  " AND ring_uuid = :ring_uuid AND number >= :number")
      .bind(":fate", fate)
      .bind(":name", name)
      .bind(":ring_uuid", ring_uuid)
      .bind(":number", number)
      .run();
  transaction.commit();
}

std::map<std::string, std::uint64_t> Journal::left_in_other_rings(
    const std::string &ring_uuid) const {
  sqlite::Statement row(db_->database(),
                        "SELECT name, sum(count) FROM blocks INDEXED BY undecided"
                        " JOIN pins USING (sequence)" +
                            kUndecidedElsewhere + " GROUP BY sequence");
  row.bind(":ring_uuid", ring_uuid);
  std::map<std::string, std::uint64_t> left;
  while (row.step()) left[row.text(0)] = row.natural(1);
  return left;
}

void Journal::burn_other_rings(const std::vector<std::string> &names,
                               const std::string &ring_uuid) {
  sqlite::Database &database = db_->database();
  sqlite::Transaction transaction(database);
  for (const std::string &name : names) {
    sqlite::Statement(database,
                      "UPDATE blocks SET fate = 'burnt_ring'" + kUndecidedElsewhere +
                          " AND sequence = (SELECT sequence FROM pins WHERE name = :name)")
        .bind(":name", name)
        .bind(":ring_uuid", ring_uuid)
        .run();
  }
  transaction.commit();
}

}  // namespace essequence::sidecar
