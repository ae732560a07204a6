#include "sidecar/journal/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace essequence::sidecar::sqlite {
namespace {

// Only a person with a shell on the file can hold a lock of it, and not for long.
constexpr int kBusyMilliseconds = 250;

// The low byte of an extended result code is the kind of failure.
int kind_of(int code) { return code & 0xff; }

std::string way_out(int kind, const std::string &if_damaged) {
  switch (kind) {
    case SQLITE_FULL:
      return "free space on its file system";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "close the other program that has it open";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "make it and its directory writable for the sidecar's user";
    case SQLITE_IOERR:
      return "check its disk and the kernel's log";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return if_damaged;
    default:
      return "";
  }
}

}  // namespace

void Database::Close::operator()(sqlite3 *handle) const { sqlite3_close(handle); }

Database::Database(const std::string &path, const std::string &if_damaged)
    : path_(path), if_damaged_(if_damaged) {
  sqlite3 *handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  handle_.reset(handle);  // there is one even after a failure, and it knows the cause
  if (code != SQLITE_OK) fail("cannot open it");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
}

void Database::execute(const std::string &sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

void Database::empty_log() {
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  const int kind = kind_of(code);
  if (kind != SQLITE_OK && kind != SQLITE_FULL && kind != SQLITE_BUSY) fail("cannot empty its log");
}

void Database::fail(const std::string &doing, bool outcome_unknown) const {
  const int kind = kind_of(sqlite3_errcode(handle_.get()));
  std::string what = path_ + ": " + doing + ": " + sqlite3_errmsg(handle_.get());
  const int system_error = sqlite3_system_errno(handle_.get());
  if ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && system_error != 0) {
    what += std::string(" (") + std::strerror(system_error) + ")";
  }
  const std::string advice = way_out(kind, if_damaged_);
  if (!advice.empty()) what += "; " + advice;
  throw Error(what, outcome_unknown);
}

void Statement::Finalize::operator()(sqlite3_stmt *statement) const { sqlite3_finalize(statement); }

Statement::Statement(Database &database, const std::string &sql) : database_(database) {
  sqlite3_stmt *statement = nullptr;
  const int code = sqlite3_prepare_v2(database.handle_.get(), sql.c_str(), -1, &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) database.fail(sql);
}

int Statement::index_of(const char *parameter) const {
  const int index = sqlite3_bind_parameter_index(statement_.get(), parameter);
  if (index == 0) throw std::logic_error(std::string("no such SQL parameter: ") + parameter);
  return index;
}

Statement &Statement::bind(const char *parameter, std::int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), index_of(parameter), value) != SQLITE_OK) {
    database_.fail(parameter);
  }
  return *this;
}

Statement &Statement::bind(const char *parameter, std::uint64_t value) {
  if (value > INT64_MAX) {
    throw Error(database_.path_ + ": " + (parameter + 1) + " is " + std::to_string(value) +
                    ", the largest that can be stored is " + std::to_string(INT64_MAX),
                false);
  }
  return bind(parameter, static_cast<std::int64_t>(value));
}

Statement &Statement::bind(const char *parameter, const std::string &value) {
  if (sqlite3_bind_text64(statement_.get(), index_of(parameter), value.data(), value.size(),
                          SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK) {
    database_.fail(parameter);
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(sqlite3_sql(statement_.get()));
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t Statement::natural(int column) const {
  const std::int64_t value = integer(column);
  if (value < 0) {
    throw Error(database_.path_ + ": " + sqlite3_column_name(statement_.get(), column) + " is " +
                    std::to_string(value) + ", which is below 0; " + database_.if_damaged_,
                false);
  }
  return static_cast<std::uint64_t>(value);
}

std::string Statement::text(int column) const {
  const void *bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string()
             : std::string(static_cast<const char *>(bytes), static_cast<std::size_t>(size));
}

// NORMAL and not OFF for what need not be durable on its own: in WAL mode neither syncs at a
// commit, but OFF would not sync the log before a checkpoint either, and the marks are in that log.
// The level is set for every transaction, so that no path can leave the wrong one behind.
Transaction::Transaction(Database &database, Durability durability) : database_(database) {
  database_.execute(durability == Durability::on_commit ? "PRAGMA synchronous = FULL"
                                                        : "PRAGMA synchronous = NORMAL");
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  sqlite3 *handle = database_.handle_.get();
  if (sqlite3_get_autocommit(handle) != 0) return;  // committed, or SQLite rolled back by itself
  if (sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr) != SQLITE_OK) {
    database_.in_doubt_ = true;
  }
}

void Transaction::commit() {
  const int code = sqlite3_exec(database_.handle_.get(), "COMMIT", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return;
  // A full disk shows before the record that makes the log's frames a commit is whole. After any
  // other failure that record may be there, to be found by whoever reads the log next.
  const bool unknown = kind_of(code) != SQLITE_FULL && kind_of(code) != SQLITE_BUSY;
  if (unknown) database_.in_doubt_ = true;
  database_.fail("cannot commit", unknown);
}

}  // namespace essequence::sidecar::sqlite
