// SQLite behind three small classes: a connection, a statement, a transaction.
//
// Thread rules: a Database and what was made from it belong to one thread at a time.
// Errors: Error, which names the file, what was being done, SQLite's cause, and the way out.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace essequence::sidecar::sqlite {

class Error : public std::runtime_error {
 public:
  Error(const std::string &what, bool outcome_unknown)
      : std::runtime_error(what), outcome_unknown_(outcome_unknown) {}
  // False: nothing was committed. True: a commit failed so late (an fsync that failed, for one)
  // that it may still be found in the file after a crash.
  bool outcome_unknown() const { return outcome_unknown_; }

 private:
  bool outcome_unknown_;
};

class Database {
 public:
  // Opens the existing file `path`. `if_damaged`: the way out that errors name then.
  Database(const std::string &path, const std::string &if_damaged);

  void execute(const std::string &sql);

  // Moves what the write-ahead log holds into the database file. Where there is no room for it, or
  // somebody still reads the log, the log stays as it is.
  void empty_log();

  // A commit failed and its outcome is unknown: open the file anew before the next change, so that
  // what it holds is settled.
  bool in_doubt() const { return in_doubt_; }

  // Throws Error for what SQLite said last.
  [[noreturn]] void fail(const std::string &doing, bool outcome_unknown = false) const;

 private:
  friend class Statement;
  friend class Transaction;
  struct Close {
    void operator()(sqlite3 *handle) const;
  };
  std::string path_;
  std::string if_damaged_;
  std::unique_ptr<sqlite3, Close> handle_;
  bool in_doubt_ = false;
};

// One prepared statement. Parameters have names (":epoch"), columns are counted from 0.
class Statement {
 public:
  Statement(Database &database, const std::string &sql);

  Statement &bind(const char *parameter, std::int64_t value);
  // SQLite has no unsigned integers: a value above 2^63 - 1 is an Error that names it.
  Statement &bind(const char *parameter, std::uint64_t value);
  Statement &bind(const char *parameter, const std::string &value);

  bool step();  // true: there is a row
  void run();   // to the end, whatever rows there are

  std::int64_t integer(int column) const;
  std::uint64_t natural(int column) const;  // a negative value is an Error
  std::string text(int column) const;

 private:
  int index_of(const char *parameter) const;
  struct Finalize {
    void operator()(sqlite3_stmt *statement) const;
  };
  Database &database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

enum class Durability {
  on_commit,         // commit() returns when a power cut cannot take it back
  with_next_commit,  // no fsync of its own: the next durable commit carries it along
};

// A write transaction, rolled back unless commit() returned.
class Transaction {
 public:
  explicit Transaction(Database &database, Durability durability = Durability::on_commit);
  ~Transaction();
  Transaction(const Transaction &) = delete;
  Transaction &operator=(const Transaction &) = delete;

  void commit();

 private:
  Database &database_;
};

}  // namespace essequence::sidecar::sqlite
