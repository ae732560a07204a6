// Reads what takers wrote and looks for a broken promise:
//   - an id that was returned twice within an epoch, by any thread of any process on any host;
//   - a thread whose ids do not increase within an epoch, or whose epochs fall;
//   - where the files of a host hold times: a take that began after another one on the same host
//   had
//     ended, and returned a smaller id or an older epoch;
//   - with --dense FIRST LAST: an epoch that is not exactly these ids;
//   - with --after NS EPOCH: a take that began after that moment and returned an older epoch.
// Prints one line of JSON per run; says what is broken on stderr and ends with status 1.
//
//   id_checker [--dense FIRST LAST] [--after NS EPOCH]... FILE... [--host FILE...]...
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/system/take_file.hpp"

namespace {

struct Problems {
  std::uint64_t count = 0;
  template <class... Parts>
  void add(const char *format, Parts... parts) {
    if (++count > 20) return;  // the first ones tell the story
    std::fprintf(stderr, format, parts...);
    std::fputc('\n', stderr);
  }
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
    if (mapped_ < sizeof(FileHeader)) throw std::runtime_error(path_ + ": shorter than its header");
    void *begin = mmap(nullptr, mapped_, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (begin == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path_);
    begin_ = static_cast<const char *>(begin);
    FileHeader header{};
    std::memcpy(&header, begin_, sizeof header);
    if (header.magic == 0) return;
    if (header.magic != kTakeFileMagic) throw std::runtime_error(path_ + ": no file of a taker");
    has_times_ = header.has_times == 1;
    record_size_ = has_times_ ? sizeof(TimedRecord) : sizeof(Record);
    size_ = mapped_ / record_size_ - 1;
    // A killed taker leaves empty records behind its last one.
    while (size_ > 0 && (*this)[size_ - 1].epoch == 0) --size_;
  }
  Takes(Takes &&other) noexcept
      : path_(std::move(other.path_)),
        begin_(std::exchange(other.begin_, nullptr)),
        mapped_(other.mapped_),
        record_size_(other.record_size_),
        size_(other.size_),
        has_times_(other.has_times_) {}
  Takes &operator=(Takes &&) = delete;
  ~Takes() {
    if (begin_ != nullptr) munmap(const_cast<char *>(begin_), mapped_);
  }

  const char *path() const { return path_.c_str(); }
  bool has_times() const { return has_times_; }
  std::size_t size() const { return size_; }
  TimedRecord operator[](std::size_t i) const {  // the times are zero where the file has none
    TimedRecord record{};
    std::memcpy(&record, begin_ + (i + 1) * record_size_, record_size_);
    return record;
  }

 private:
  std::string path_;
  const char *begin_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t record_size_ = 0;
  std::size_t size_ = 0;
  bool has_times_ = false;
};

using Host = std::vector<Takes>;

// A set of ids: a bitmap of pages that exist where there are ids.
class IdSet {
 public:
  // False if it was there.
  bool insert(std::int64_t id) {
    const auto bits = static_cast<std::uint64_t>(id);
    const std::uint64_t number = bits / kPageBits;
    if (page_ == nullptr || number != page_number_) {
      auto &page = pages_[number];
      if (page == nullptr) page = std::make_unique<Page>();
      page_ = page.get();
      page_number_ = number;
    }
    std::uint64_t &word = (*page_)[bits % kPageBits / 64];
    const std::uint64_t bit = std::uint64_t{1} << (bits % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    ++size_;
    first_ = std::min(first_, id);
    last_ = std::max(last_, id);
    return true;
  }
  std::uint64_t size() const { return size_; }
  std::int64_t first() const { return first_; }
  std::int64_t last() const { return last_; }
  std::uint64_t missing() const {
    return static_cast<std::uint64_t>(last_) - static_cast<std::uint64_t>(first_) + 1 - size_;
  }

 private:
  static constexpr std::uint64_t kPageBits = 1 << 16;
  using Page = std::array<std::uint64_t, kPageBits / 64>;

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  Page *page_ = nullptr;  // the last one used: neighbours follow each other
  std::uint64_t page_number_ = 0;
  std::uint64_t size_ = 0;
  std::int64_t first_ = INT64_MAX;
  std::int64_t last_ = INT64_MIN;
};

struct Reset {
  std::int64_t at_ns;
  std::uint64_t epoch;
};

bool before(const TimedRecord &a, const TimedRecord &b) {
  return std::pair(a.epoch, a.id) < std::pair(b.epoch, b.id);
}

void check_thread(const Takes &takes, const std::vector<Reset> &resets,
                  std::map<std::uint64_t, IdSet> &epochs, Problems &problems) {
  TimedRecord last{};
  for (std::size_t i = 0; i < takes.size(); ++i) {
    const TimedRecord take = takes[i];
    if (take.epoch == 0) {
      problems.add("%s: record %zu is empty and not the last", takes.path(), i);
      continue;
    }
    if (!epochs[take.epoch].insert(take.id)) {
      problems.add("%s: id %lld of epoch %llu was returned before", takes.path(),
                   static_cast<long long>(take.id), static_cast<unsigned long long>(take.epoch));
    }
    if (i > 0 && !before(last, take)) {
      problems.add("%s: id %lld of epoch %llu comes after %lld of epoch %llu", takes.path(),
                   static_cast<long long>(take.id), static_cast<unsigned long long>(take.epoch),
                   static_cast<long long>(last.id), static_cast<unsigned long long>(last.epoch));
    }
    for (const Reset &reset : resets) {
      if (take.begin_ns > reset.at_ns && take.epoch < reset.epoch) {
        problems.add("%s: id %lld of epoch %llu was taken %lld ns after the reset to epoch %llu",
                     takes.path(), static_cast<long long>(take.id),
                     static_cast<unsigned long long>(take.epoch),
                     static_cast<long long>(take.begin_ns - reset.at_ns),
                     static_cast<unsigned long long>(reset.epoch));
      }
    }
    last = take;
  }
}

// Goes through a host's takes in the order in which they began, and keeps the largest id among
// those that had ended by then.
void check_host_order(const Host &host, Problems &problems) {
  struct Head {
    TimedRecord take;
    std::size_t file, index;
  };
  const auto later_begin = [](const Head &a, const Head &b) {
    return a.take.begin_ns > b.take.begin_ns;
  };
  const auto later_end = [](const TimedRecord &a, const TimedRecord &b) {
    return a.end_ns > b.end_ns;
  };
  std::priority_queue<Head, std::vector<Head>, decltype(later_begin)> heads(later_begin);
  std::priority_queue<TimedRecord, std::vector<TimedRecord>, decltype(later_end)> open(later_end);
  for (std::size_t file = 0; file < host.size(); ++file) {
    if (host[file].has_times() && host[file].size() > 0) heads.push({host[file][0], file, 0});
  }
  std::optional<TimedRecord> largest;
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    for (; !open.empty() && open.top().end_ns < head.take.begin_ns; open.pop()) {
      if (!largest || before(*largest, open.top())) largest = open.top();
    }
    if (largest && before(head.take, *largest)) {
      problems.add(
          "%s: id %lld of epoch %llu, though a take that ended %lld ns before had %lld of %llu",
          host[head.file].path(), static_cast<long long>(head.take.id),
          static_cast<unsigned long long>(head.take.epoch),
          static_cast<long long>(head.take.begin_ns - largest->end_ns),
          static_cast<long long>(largest->id), static_cast<unsigned long long>(largest->epoch));
    }
    open.push(head.take);
    const std::size_t next = head.index + 1;
    if (next < host[head.file].size()) heads.push({host[head.file][next], head.file, next});
  }
}

template <class Integer>
Integer number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error("not a number: " + std::string(text));
  }
  return value;
}

int run(const std::vector<std::string_view> &arguments) {
  std::vector<Host> hosts(1);
  std::vector<Reset> resets;
  std::optional<std::pair<std::int64_t, std::int64_t>> dense;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--host") {
      hosts.emplace_back();
    } else if (argument == "--dense") {
      dense = {number<std::int64_t>(arguments.at(i + 1)),
               number<std::int64_t>(arguments.at(i + 2))};
      i += 2;
    } else if (argument == "--after") {
      resets.push_back(
          {number<std::int64_t>(arguments.at(i + 1)), number<std::uint64_t>(arguments.at(i + 2))});
      i += 2;
    } else {
      hosts.back().emplace_back(std::string(argument));
    }
  }

  Problems problems;
  std::map<std::uint64_t, IdSet> epochs;
  std::uint64_t ids = 0;
  for (const Host &host : hosts) {
    for (const Takes &takes : host) {
      ids += takes.size();
      check_thread(takes, resets, epochs, problems);
    }
    check_host_order(host, problems);
  }
  if (dense && epochs.empty()) problems.add("no id at all");
  auto about_epochs = nlohmann::json::object();
  for (const auto &[epoch, set] : epochs) {
    if (dense &&
        (set.first() != dense->first || set.last() != dense->second || set.missing() > 0)) {
      problems.add("epoch %llu: %llu of %lld..%lld are missing, and it should be %lld..%lld",
                   static_cast<unsigned long long>(epoch),
                   static_cast<unsigned long long>(set.missing()),
                   static_cast<long long>(set.first()), static_cast<long long>(set.last()),
                   static_cast<long long>(dense->first), static_cast<long long>(dense->second));
    }
    about_epochs[std::to_string(epoch)] = {{"ids", set.size()},
                                           {"first", set.first()},
                                           {"last", set.last()},
                                           {"missing", set.missing()}};
  }
  std::puts(nlohmann::json{{"ids", ids}, {"problems", problems.count}, {"epochs", about_epochs}}
                .dump()
                .c_str());
  return problems.count == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception &error) {
    std::fprintf(stderr, "id_checker: %s\n", error.what());
    return 2;
  }
}
