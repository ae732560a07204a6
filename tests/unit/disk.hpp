// Disks for tests: a directory that goes away with its test, a disk that is soon full, and one
// whose fsync fails on request. To be included by the one file of a test program.
#pragma once

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace essequence::testing {

// In memory, so that ten thousand commits take a second; what a kill -9 leaves is the same there.
class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_("/dev/shm/essequence-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  const std::string &path() const { return path_; }

 private:
  std::string path_;
};

// A file system of 1 MiB. Mounting it takes root: ask mounted().
class SmallDisk {
 public:
  SmallDisk()
      : mounted_(::mount("tmpfs", at_.path().c_str(), "tmpfs", 0, "size=1m,mode=0700") == 0) {}
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string &path() const { return at_.path(); }

  void fill() {
    std::ofstream filler(at_.path() + "/filler", std::ios::binary);
    while (filler.write(std::string(4096, 'x').data(), 4096).flush()) {
    }
  }
  void free() { std::filesystem::remove(at_.path() + "/filler"); }

 private:
  TemporaryDirectory at_;
  bool mounted_;
};

inline std::string content_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void overwrite(const std::string &path, const std::string &content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline std::atomic<int> syncs = 0;
inline std::atomic<bool> sync_fails = false;

}  // namespace essequence::testing

// SQLite calls this one in place of the C library's.
extern "C" __attribute__((visibility("default"))) int fdatasync(int fd) {
  ++essequence::testing::syncs;
  if (essequence::testing::sync_fails) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
