// What a source holds of a sequence, and what can be changed in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace essequence::sidecar {

enum class Order { host, cluster };

constexpr const char *name_of(Order order) { return order == Order::host ? "host" : "cluster"; }
// Of a name that was checked.
constexpr Order order_named(std::string_view name) {
  return name == name_of(Order::cluster) ? Order::cluster : Order::host;
}

// How the ids of a sequence progress: start, start + increment, … up to max. Stored beside the
// counter when the sequence is created, so that all hosts agree.
struct Progression {
  std::int64_t start = 1;
  std::int64_t increment = 1;
  std::int64_t max = INT64_MAX;
  Order order = Order::host;
  friend bool operator==(const Progression &, const Progression &) = default;
};

// What a source holds for one sequence: the document of a sequence, with the place it was found in.
struct Standing {
  std::string index;   // concrete index that answered, or the identity of the local store
  std::string origin;  // random identity given at creation (or by an unfence)
  std::uint64_t epoch = 1;
  std::int64_t iid = 0;    // last id granted; start - increment before the first
  std::int64_t floor = 0;  // later grants are above it; start - increment when there is none
  bool fenced = false;
  std::vector<std::string> replaces;  // origins and indices that an unfence declared superseded
  Progression progression;
};

// Which state of the document a change may replace (Elasticsearch: _seq_no and _primary_term).
struct Version {
  std::int64_t seq_no = -1;
  std::int64_t primary_term = 0;
};

struct Stored {
  Standing standing;
  Version version;
};

// The fields that a change writes; the others stay as they are in the source.
struct Change {
  std::optional<std::int64_t> iid;
  std::optional<std::uint64_t> epoch;
  std::optional<std::int64_t> floor;
  std::optional<bool> fenced;
  std::optional<std::string> origin;
  std::optional<std::vector<std::string>> replaces;
};

// A block to be granted wherever the counter stands by now, if the document is still what this host
// knows: of this origin and epoch, not fenced, and not behind its mark.
struct Advance {
  std::string origin;
  std::uint64_t epoch = 1;
  std::int64_t mark = 0;
  std::uint64_t count = 0;  // ids
};

// A counter that every create, reset, raise, fence and delete bumps before and after it touches a
// sequence's document, so that one read tells a host whether anything but allocation happened.
struct Marker {
  std::string index;
  std::string origin;
  std::int64_t counter = 0;
  friend bool operator==(const Marker &, const Marker &) = default;
};

}  // namespace essequence::sidecar
