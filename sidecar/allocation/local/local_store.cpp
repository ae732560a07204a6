#include "sidecar/allocation/local/local_store.hpp"

#include <nlohmann/json.hpp>

#include "sidecar/allocation/identity.hpp"

namespace essequence::sidecar {
namespace {

// One row of `store`: who this store is, and its two counters. A version is given once in the life
// of the store and not per document, so that a document which was removed and created again is
// never taken for the old one.
const std::string kSchema = R"(
  CREATE TABLE store (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    identity     TEXT    NOT NULL,
    last_version INTEGER NOT NULL,
    marker       INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE documents (
    name      TEXT    NOT NULL PRIMARY KEY,
    version   INTEGER NOT NULL,
    origin    TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    iid       INTEGER NOT NULL,
    floor     INTEGER NOT NULL,
    fenced    INTEGER NOT NULL CHECK (fenced IN (0, 1)),
    replaces  TEXT    NOT NULL,
    start     INTEGER NOT NULL,
    increment INTEGER NOT NULL,
    max       INTEGER NOT NULL,
    "order"   TEXT    NOT NULL CHECK ("order" IN ('host', 'cluster'))
  ) STRICT, WITHOUT ROWID;
)";

sqlite::Format format() {
  return {.what = "the local store",
          .application = 0x6573716c,  // "esql"
          .version = 1,
          .schema = kSchema + "INSERT INTO store VALUES (1, '" + random_identity() + "', 0, 0);",
          .vital_table = "documents",
          .if_damaged =
              "it holds the counters of all sequences and is never recreated while it is there: "
              "restore it together with its -wal file, or move all of them away; the sequences are "
              "fenced then, until each is given 'essequencectl unfence NAME --above N'"};
}

template <class T>
bool assign(T &field, const std::optional<T> &value) {
  if (!value || *value == field) return false;
  field = *value;
  return true;
}

std::optional<Stored> find(sqlite::Database &database, const std::string &name) {
  sqlite::Statement row(database, R"(
    SELECT identity, version, origin, epoch, iid, floor, fenced, replaces, start, increment, max,
           "order"
    FROM documents, store WHERE name = :name)");
  row.bind(":name", name);
  if (!row.step()) return std::nullopt;
  Stored stored;
  stored.version = {row.integer(1), 1};
  Standing &standing = stored.standing;
  standing.index = row.text(0);
  standing.origin = row.text(2);
  standing.epoch = row.natural(3);
  standing.iid = row.integer(4);
  standing.floor = row.integer(5);
  standing.fenced = row.integer(6) != 0;
  standing.replaces = nlohmann::json::parse(row.text(7)).get<std::vector<std::string>>();
  standing.progression.start = row.integer(8);
  standing.progression.increment = row.integer(9);
  standing.progression.max = row.integer(10);
  standing.progression.order = order_named(row.text(11));
  return stored;
}

}  // namespace

LocalStore::LocalStore(const std::string &directory) : path_(directory + "/local.db") {}

void LocalStore::open(bool may_create) {
  if (file_) return;
  if (!may_create && !sqlite::StoreFile::exists(path_)) {
    throw StoreAbsent("local store " + path_ +
                      " is not there and may not be created; restore it from a backup");
  }
  file_.emplace(path_, format());
}

sqlite::Database &LocalStore::database() {
  open(false);
  return file_->database();
}

// The document, which has to be at the version `at`.
Stored LocalStore::found(const std::string &name, Version at) {
  const std::optional<Stored> stored = find(database(), name);
  if (!stored) {
    throw SourceError(SourceError::Kind::missing,
                      "local store " + path_ + ": there is no sequence " + name);
  }
  if (stored->version.seq_no != at.seq_no) {
    throw SourceError(SourceError::Kind::conflict,
                      "local store " + path_ + ": sequence " + name + " is at version " +
                          std::to_string(stored->version.seq_no) + " and not at " +
                          std::to_string(at.seq_no) + "; read it again");
  }
  return *stored;
}

// Inside the caller's transaction.
Stored LocalStore::put(const std::string &name, const Standing &standing) {
  sqlite::Statement store(database(), R"(
    UPDATE store SET last_version = last_version + 1 RETURNING last_version, identity)");
  store.step();
  Stored stored{standing, {store.integer(0), 1}};
  stored.standing.index = store.text(1);
  store.run();
  sqlite::Statement(database(), R"(
    REPLACE INTO documents (name, version, origin, epoch, iid, floor, fenced, replaces, start,
                            increment, max, "order")
    VALUES (:name, :version, :origin, :epoch, :iid, :floor, :fenced, :replaces, :start, :increment,
            :max, :order))")
      .bind(":name", name)
      .bind(":version", stored.version.seq_no)
      .bind(":origin", standing.origin)
      .bind(":epoch", standing.epoch)
      .bind(":iid", standing.iid)
      .bind(":floor", standing.floor)
      .bind(":fenced", std::int64_t{standing.fenced})
      .bind(":replaces", nlohmann::json(standing.replaces).dump())
      .bind(":start", standing.progression.start)
      .bind(":increment", standing.progression.increment)
      .bind(":max", standing.progression.max)
      .bind(":order", std::string(name_of(standing.progression.order)))
      .run();
  return stored;
}

std::vector<std::string> LocalStore::names() {
  std::vector<std::string> names;
  sqlite::Statement row(database(), "SELECT name FROM documents ORDER BY name");
  while (row.step()) names.push_back(row.text(0));
  return names;
}

std::optional<Stored> LocalStore::read(const std::string &name) { return find(database(), name); }

std::vector<std::optional<Stored>> LocalStore::read_many(const std::vector<std::string> &names) {
  std::vector<std::optional<Stored>> documents;
  documents.reserve(names.size());
  for (const std::string &name : names) documents.push_back(find(database(), name));
  return documents;
}

Stored LocalStore::create(const std::string &name, const Standing &standing) {
  sqlite::Transaction transaction(database());
  if (find(database(), name)) {
    throw SourceError(SourceError::Kind::conflict,
                      "local store " + path_ + ": sequence " + name + " exists; read it");
  }
  Stored created = put(name, standing);
  transaction.commit();
  return created;
}

Stored LocalStore::update(const std::string &name, Version only_if, const Change &change) {
  sqlite::Transaction transaction(database());
  Standing standing = found(name, only_if).standing;
  bool changes = assign(standing.iid, change.iid);
  changes |= assign(standing.epoch, change.epoch);
  changes |= assign(standing.floor, change.floor);
  changes |= assign(standing.fenced, change.fenced);
  changes |= assign(standing.origin, change.origin);
  changes |= assign(standing.replaces, change.replaces);
  if (!changes) {
    throw SourceError(SourceError::Kind::not_applied,
                      "local store " + path_ + ": sequence " + name +
                          " holds already what was to be stored: nothing was granted");
  }
  Stored updated = put(name, standing);
  transaction.commit();
  return updated;
}

void LocalStore::remove(const std::string &name, Version only_if) {
  sqlite::Transaction transaction(database());
  found(name, only_if);
  sqlite::Statement(database(), "DELETE FROM documents WHERE name = :name")
      .bind(":name", name)
      .run();
  transaction.commit();
}

Marker LocalStore::read_marker() {
  sqlite::Statement row(database(), "SELECT identity, marker FROM store");
  if (!row.step()) throw StoreAbsent("local store " + path_ + " has no marker; restore it");
  // A store has one marker for life: the store's identity is the marker's origin too.
  return {row.text(0), row.text(0), row.integer(1)};
}

void LocalStore::bump_marker() {
  sqlite::Transaction transaction(database());
  database().execute("UPDATE store SET marker = marker + 1");
  transaction.commit();
}

}  // namespace essequence::sidecar
