#include "sidecar/journal/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace essequence::sidecar {
namespace {

// " (pid N)" as the holder wrote it into the file; empty where it did not get that far.
std::string holder(int fd) {
  char text[24];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  long pid = 0;
  if (size <= 0 || std::from_chars(text, text + size, pid).ec != std::errc() || pid <= 0) return "";
  return " (pid " + std::to_string(pid) + ")";
}

// For people and messages only: it is the lock that counts, so a full disk is no reason to stop.
void write_holder(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

}  // namespace

DirectoryLock::DirectoryLock(const std::string &directory) {
  const std::string path = directory + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path + ": cannot open it");
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
    write_holder(fd_);
    return;
  }
  const int cause = errno;
  const std::string who = holder(fd_);
  ::close(fd_);
  if (cause != EWOULDBLOCK) {
    throw std::system_error(cause, std::generic_category(), path + ": cannot lock it");
  }
  throw std::runtime_error("another essequenced" + who + " uses " + directory +
                           "; stop it, or give this one a directory of its own");
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

}  // namespace essequence::sidecar
