#include "sidecar/journal/store_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace essequence::sidecar::sqlite {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string &what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void sync_directory_of(const std::string &path) {
  const std::string directory = fs::absolute(path).parent_path();
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(directory + ": cannot open it");
  const int result = ::fsync(fd);
  const int cause = errno;
  ::close(fd);
  errno = cause;
  if (result != 0) fail(directory + ": cannot make a new file in it durable");
}

// Born complete, under another name: a file that has the name and is not whole was damaged, and a
// crash in the middle of a creation cannot be mistaken for that.
void create(const std::string &path, const Format &format) {
  if (fs::exists(path + "-wal")) {
    throw std::runtime_error(path + " is gone, but " + path +
                             "-wal, which belongs to it, is there; " + format.if_damaged);
  }
  const std::string unborn = path + ".new";
  fs::remove(unborn);
  fs::remove(unborn + "-journal");
  const int fd = ::open(unborn.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) fail(unborn + ": cannot create it");
  ::close(fd);
  {
    Database database(unborn, format.if_damaged);
    Transaction transaction(database);
    database.execute(format.schema);
    database.execute("PRAGMA application_id = " + std::to_string(format.application));
    database.execute("PRAGMA user_version = " + std::to_string(format.version));
    transaction.commit();
  }
  if (std::rename(unborn.c_str(), path.c_str()) != 0) fail(path + ": cannot create it");
  sync_directory_of(path);
}

// The answer of a PRAGMA. The statement is done with when this returns.
std::string ask(Database &database, const std::string &pragma) {
  Statement statement(database, "PRAGMA " + pragma);
  return statement.step() ? statement.text(0) : std::string();
}

void check(Database &database, const std::string &path, const Format &format) {
  if (ask(database, "application_id") != std::to_string(format.application)) {
    throw std::runtime_error(path + " is not " + format.what + " of Essequence; " +
                             format.if_damaged);
  }
  const std::string version = ask(database, "user_version");
  if (version != std::to_string(format.version)) {
    throw std::runtime_error(
        path + " has format " + version + ", this version of Essequence knows " +
        std::to_string(format.version) + "; install the version that wrote it, or a later one");
  }
  const std::string damage = ask(database, "quick_check(" + format.vital_table + ")");
  if (damage != "ok") {
    throw std::runtime_error(path + " is damaged: " + damage + "; " + format.if_damaged);
  }
  const std::string mode = ask(database, "journal_mode = WAL");
  if (mode != "wal") {
    throw std::runtime_error(path + ": its file system offers no shared memory for a write-ahead " +
                             "log (SQLite stays in mode " + mode + "); use a local disk");
  }
}

}  // namespace

StoreFile::StoreFile(std::string path, Format format)
    : path_(std::move(path)), format_(std::move(format)) {
  if (!exists(path_)) create(path_, format_);
  database();
}

// Only a name that is not there counts as absent; a directory that may not be read throws.
bool StoreFile::exists(const std::string &path) { return fs::exists(fs::symlink_status(path)); }

Database &StoreFile::database() {
  if (database_ != nullptr && database_->in_doubt()) database_.reset();
  if (database_ == nullptr) {
    // SQLite takes an empty file for a new database and throws away the log beside it.
    if (fs::file_size(path_) == 0) {
      throw std::runtime_error(path_ + " is damaged: it is empty; " + format_.if_damaged);
    }
    auto opened = std::make_unique<Database>(path_, format_.if_damaged);
    check(*opened, path_, format_);
    // After an fsync that failed the kernel may have dropped pages of the log that later commits
    // would build on, also across a restart of the sidecar: begin with an empty one.
    opened->empty_log();
    opened->execute("PRAGMA cache_size = -256");  // KiB: what is read again, the kernel has
    database_ = std::move(opened);
  }
  return *database_;
}

}  // namespace essequence::sidecar::sqlite
