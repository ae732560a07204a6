// The local store: the documents of all sequences of one host, in one SQLite database. What an
// index of Elasticsearch is to the other source; every change is durable when the call returns.
//
// Thread rules: one thread at a time (the sidecar's storage thread).
// Errors: SourceError is an answer (conflict, missing, not_applied). StoreAbsent, sqlite::Error and
// any other std::exception say that the store itself does not work.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/allocation/source.hpp"
#include "sidecar/journal/store_file.hpp"

namespace essequence::sidecar {

class StoreAbsent : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class LocalStore {
 public:
  explicit LocalStore(const std::string &directory);

  // Opens `directory`/local.db. Absent: creates it, or throws StoreAbsent unless `may_create`.
  void open(bool may_create);

  std::vector<std::string> names();  // in their order
  std::optional<Stored> read(const std::string &name);
  std::vector<std::optional<Stored>> read_many(const std::vector<std::string> &names);
  Stored create(const std::string &name, const Standing &standing);
  Stored update(const std::string &name, Version only_if, const Change &change);
  void remove(const std::string &name, Version only_if);
  Marker read_marker();
  void bump_marker();

  const std::string &path() const { return path_; }

 private:
  sqlite::Database &database();
  Stored found(const std::string &name, Version at);
  Stored put(const std::string &name, const Standing &standing);

  std::string path_;
  std::optional<sqlite::StoreFile> file_;
};

}  // namespace essequence::sidecar
