// What takers wrote (take_file.h), as the checker reads it.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/system/take_file.h"

// The epochs that a take may be of; one, where the take told it or there is no doubt.
struct Epochs {
  std::uint32_t first = 0;
  std::uint32_t last = UINT32_MAX;
  bool certain() const { return first == last; }
};

struct Take {
  Epochs epochs;
  std::int64_t id = 0;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  bool told = false;     // its epoch
  bool ordered = false;  // with the other takes of its host: no lease's id and no reset
  bool reset = false;    // no id
};

// One thread's takes, mapped.
class Takes {
 public:
  explicit Takes(std::string path) : path_(std::move(path)) {
    const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (file < 0 || fstat(file, &about) != 0) {
      throw std::system_error(errno, std::generic_category(), path_);
    }
    mapped_ = static_cast<std::size_t>(about.st_size);
    if (mapped_ == 0) {  // its taker was killed at birth
      close(file);
      return;
    }
    if (mapped_ < sizeof(TakeFileHeader)) {
      throw std::runtime_error(path_ + ": shorter than its header");
    }
    void *begin = mmap(nullptr, mapped_, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (begin == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path_);
    begin_ = static_cast<const char *>(begin);
    TakeFileHeader header{};
    std::memcpy(&header, begin_, sizeof header);
    if (header.magic == 0) return;
    if (header.magic != TAKE_FILE_MAGIC) throw std::runtime_error(path_ + ": no file of a taker");
    has_times_ = header.has_times == 1;
    record_size_ = has_times_ ? sizeof(TimedRecord) : sizeof(Record);
    size_ = mapped_ / record_size_ - 1;
    // A killed taker leaves empty records behind its last one.
    while (size_ > 0 && record(size_ - 1).epoch == 0) --size_;
  }
  Takes(Takes &&other) noexcept
      : path_(std::move(other.path_)),
        begin_(std::exchange(other.begin_, nullptr)),
        mapped_(other.mapped_),
        record_size_(other.record_size_),
        size_(other.size_),
        has_times_(other.has_times_),
        narrowed_(std::move(other.narrowed_)) {}
  Takes &operator=(Takes &&) = delete;
  ~Takes() {
    if (begin_ != nullptr) munmap(const_cast<char *>(begin_), mapped_);
  }

  const char *path() const { return path_.c_str(); }
  bool has_times() const { return has_times_; }
  std::size_t size() const { return size_; }

  Take operator[](std::size_t i) const {  // the times are zero where the file has none
    const TimedRecord stored = record(i);
    Take take{{}, stored.id, stored.begin_ns, stored.end_ns};
    const auto epoch = static_cast<std::uint32_t>(stored.epoch & ~TAKE_FLAGS);
    take.told = (stored.epoch & TAKE_UNTOLD) == 0;
    take.reset = (stored.epoch & TAKE_RESET) != 0;
    take.ordered = !take.reset && (stored.epoch & TAKE_LEASED) == 0;
    if (take.told) take.epochs = {epoch, epoch};
    if (!take.told && !narrowed_.empty()) take.epochs = narrowed_[i];
    return take;
  }

  // What is known of the epoch of a take that did not tell it.
  void narrow(std::size_t i, Epochs epochs) {
    if (narrowed_.empty()) narrowed_.resize(size_);
    narrowed_[i] = epochs;
  }

 private:
  TimedRecord record(std::size_t i) const {
    TimedRecord stored{};
    std::memcpy(&stored, begin_ + (i + 1) * record_size_, record_size_);
    return stored;
  }

  std::string path_;
  const char *begin_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t record_size_ = 0;
  std::size_t size_ = 0;
  bool has_times_ = false;
  std::vector<Epochs> narrowed_;
};
