// One sidecar per directory: a kernel lock on DIR/lock that dies with its holder, however it dies.
//
// flock and not a POSIX record lock: those vanish when any descriptor of the file is closed.
#pragma once

#include <string>

namespace essequence::sidecar {

class DirectoryLock {
 public:
  // Takes the lock for the life of the object, without waiting. Throws std::runtime_error that
  // names the directory and, where it is known, the process that holds the lock.
  explicit DirectoryLock(const std::string &directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock &) = delete;
  DirectoryLock &operator=(const DirectoryLock &) = delete;

 private:
  int fd_;
};

}  // namespace essequence::sidecar
