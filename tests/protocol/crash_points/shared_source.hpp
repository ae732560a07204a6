// Stands for Elasticsearch: a source that others could be granted from too, so that a block whose
// proof was lost is lost. Its documents lie in memory that survives the sidecar which is killed,
// and change by compare-and-set, whole or not at all.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "sidecar/allocation/source.hpp"
#include "tests/protocol/crash_points/broken.hpp"

namespace essequence::crash {

template <std::size_t Size>
struct Text {
  char bytes[Size] = {};
  Text &operator=(const std::string &text) {
    require(text.size() < Size, "too long to remember: " + text);
    std::memset(bytes, 0, Size);
    std::memcpy(bytes, text.data(), text.size());
    return *this;
  }
  operator std::string() const { return bytes; }
};

struct Document {
  Text<16> name;  // empty: removed
  std::int64_t version;
  Text<40> origin;
  std::uint64_t epoch;
  std::int64_t iid, floor;
  bool fenced;
  Text<40> replaces[4];
  sidecar::Progression progression;
};

struct Documents {
  std::array<Document, 4> all;
  std::int64_t last_version;
  std::int64_t marker;
  bool lose_the_next_reply;
};

class SharedSource final : public sidecar::Source {
 public:
  template <class T>
  using awaitable = sidecar::awaitable<T>;
  using Stored = sidecar::Stored;
  using SourceError = sidecar::SourceError;

  explicit SharedSource(Documents &documents) : documents_(documents) {}

  std::string kind() const override { return "shared"; }
  sidecar::SourceHealth health() const override { return {true, ""}; }
  awaitable<void> prepare(bool) override { co_return; }
  awaitable<std::optional<Stored>> read(std::string name) override { co_return now(name); }
  awaitable<std::vector<std::optional<Stored>>> read_many(std::vector<std::string> names) override {
    std::vector<std::optional<Stored>> found;
    for (const std::string &name : names) found.push_back(now(name));
    co_return found;
  }
  awaitable<Stored> create(std::string name, sidecar::Standing standing) override {
    if (find(name) != nullptr) throw SourceError(SourceError::Kind::conflict, name + " exists");
    Document *const room = find("");
    require(room != nullptr, "no room for another document");
    put(*room, name, standing);
    co_return *now(name);
  }
  awaitable<Stored> update(std::string name, sidecar::Version only_if,
                           sidecar::Change change) override {
    Document &document = at(name, only_if);
    sidecar::Standing standing = now(name)->standing;
    if (change.iid) standing.iid = *change.iid;
    if (change.epoch) standing.epoch = *change.epoch;
    if (change.floor) standing.floor = *change.floor;
    if (change.fenced) standing.fenced = *change.fenced;
    if (change.origin) standing.origin = *change.origin;
    if (change.replaces) standing.replaces = *change.replaces;
    put(document, name, standing);
    if (std::exchange(documents_.lose_the_next_reply, false)) {
      throw SourceError(SourceError::Kind::unknown, "the reply was lost");
    }
    co_return *now(name);
  }
  awaitable<void> remove(std::string name, sidecar::Version only_if) override {
    at(name, only_if).name = "";
    co_return;
  }
  awaitable<sidecar::Marker> read_marker() override {
    co_return sidecar::Marker{"shared", "shared", documents_.marker};
  }
  awaitable<void> bump_marker() override {
    ++documents_.marker;
    co_return;
  }
  awaitable<std::optional<std::int64_t>> largest_value(std::string, std::string) override {
    throw SourceError(SourceError::Kind::not_applied, "it cannot search");
    co_return std::nullopt;
  }

  // The same without a coroutine.
  std::optional<Stored> now(const std::string &name) const {
    const Document *const document = find(name);
    if (document == nullptr) return std::nullopt;
    sidecar::Standing standing;
    standing.index = "shared";
    standing.origin = document->origin;
    standing.epoch = document->epoch;
    standing.iid = document->iid;
    standing.floor = document->floor;
    standing.fenced = document->fenced;
    for (const std::string replaced : document->replaces) {
      if (!replaced.empty()) standing.replaces.push_back(replaced);
    }
    standing.progression = document->progression;
    return Stored{standing, {document->version, 1}};
  }
  // What a restored snapshot does.
  void set_back(const std::string &name, std::int64_t iid) {
    find(name)->iid = iid;
    find(name)->version = ++documents_.last_version;
  }

 private:
  Document *find(const std::string &name) const {
    for (Document &document : documents_.all) {
      if (document.name.bytes == name) return &document;
    }
    return nullptr;
  }
  Document &at(const std::string &name, sidecar::Version only_if) const {
    Document *const document = find(name);
    if (document == nullptr) throw SourceError(SourceError::Kind::missing, name + " is not there");
    if (document->version != only_if.seq_no) {
      throw SourceError(SourceError::Kind::conflict, name + " has another version");
    }
    return *document;
  }
  // One assignment at the end: a kill finds the whole change or nothing of it.
  void put(Document &document, const std::string &name, const sidecar::Standing &standing) {
    Document changed{};
    changed.name = name;
    changed.version = ++documents_.last_version;
    changed.origin = standing.origin;
    changed.epoch = standing.epoch;
    changed.iid = standing.iid;
    changed.floor = standing.floor;
    changed.fenced = standing.fenced;
    require(standing.replaces.size() <= 4, "too many replaced to remember");
    for (std::size_t i = 0; i < standing.replaces.size(); ++i) {
      changed.replaces[i] = standing.replaces[i];
    }
    changed.progression = standing.progression;
    document = changed;
  }

  Documents &documents_;
};

}  // namespace essequence::crash
