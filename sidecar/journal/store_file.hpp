// A database file of the sidecar's own: how it is born, and when it is refused. Such a file holds
// what keeps ids unique, so that one which is damaged, foreign or newer than this program is never
// recreated or repaired: that is for a person to decide.
//
// Thread rules: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "sidecar/journal/sqlite.hpp"

namespace essequence::sidecar::sqlite {

struct Format {
  std::string what;          // "the journal": what error messages call it
  std::int64_t application;  // PRAGMA application_id: tells our file from any other
  std::int64_t version;      // PRAGMA user_version
  std::string schema;        // the SQL that makes a new one
  std::string vital_table;   // looked through for damage each time the file is opened
  std::string if_damaged;    // the way out, for messages
};

class StoreFile {
 public:
  // Opens `path`, or creates it if it is absent. The caller holds the lock of its directory.
  // Throws std::runtime_error that names the file, the cause and the way out.
  StoreFile(std::string path, Format format);

  static bool exists(const std::string &path);

  // The open database. Opened anew where a failed commit had left it in doubt.
  Database &database();

 private:
  std::string path_;
  Format format_;
  std::unique_ptr<Database> database_;
};

}  // namespace essequence::sidecar::sqlite
