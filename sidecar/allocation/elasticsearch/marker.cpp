#include "sidecar/allocation/elasticsearch/marker.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/identity.hpp"

namespace essequence::sidecar {

using elasticsearch::kMarkerName;
namespace asio = boost::asio;

namespace {

constexpr int kMostTries = 20;

// Equal jitter: half of a pause that doubles, and a random part of the other half.
std::chrono::microseconds pause_after(int conflicts) {
  const int longest = 4000 << std::min(conflicts, 6);
  std::uniform_int_distribution<int> half(longest / 2, longest);
  std::random_device entropy;
  return std::chrono::microseconds(half(entropy));
}

}  // namespace

awaitable<void> ElasticsearchSource::create_marker() {
  Standing standing;
  standing.origin = random_identity();
  const std::string name = kMarkerName;
  try {
    co_await create(name, standing);
  } catch (const SourceError &e) {
    if (e.kind() != SourceError::Kind::conflict) throw;
  }
}

awaitable<Stored> ElasticsearchSource::stored_marker() {
  const std::string name = kMarkerName;
  const auto stored = co_await read(name);
  if (stored) co_return *stored;
  health_ = {false, "the index \"" + index_ + "\" has no marker document"};
  throw SourceError(SourceError::Kind::missing, health_.detail);
}

awaitable<Marker> ElasticsearchSource::read_marker() {
  const Stored stored = co_await stored_marker();
  co_return Marker{stored.standing.index, stored.standing.origin, stored.standing.iid};
}

awaitable<void> ElasticsearchSource::bump_marker() { co_await bumped_marker(); }

awaitable<Stored> ElasticsearchSource::bumped_marker() {
  const std::string name = kMarkerName;
  for (int conflicts = 0;; ++conflicts) {
    const Stored stored = co_await stored_marker();
    Change change;
    change.iid = stored.standing.iid + 1;
    try {
      co_return co_await update(name, stored.version, change);
    } catch (const SourceError &e) {
      if (e.kind() != SourceError::Kind::conflict || conflicts == kMostTries) throw;
    }
    asio::steady_timer pause(loop_, pause_after(conflicts));
    boost::system::error_code cancelled;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

// A copy of the index that was cut off from the cluster answers reads with what it had, for as long
// as nobody tells it; but no write through it succeeds. So: a write that did, and then one read of
// the marker and the document together, which one copy of their shard answers. Has it the write,
// then the document is of that time too.
awaitable<std::optional<Stored>> ElasticsearchSource::read_confirmed(std::string name) {
  const Stored bumped = co_await bumped_marker();
  const std::vector<std::string> both = {kMarkerName, name};
  const std::vector<std::optional<Stored>> found = co_await read_many(both);
  const std::optional<Stored> &marker = found[0];
  const bool current = marker && marker->standing.index == bumped.standing.index &&
                       marker->version.seq_no >= bumped.version.seq_no;
  if (!current) {
    health_ = {false, "a copy of the index \"" + index_ + "\" that is out of date answered"};
    throw SourceError(SourceError::Kind::not_applied, health_.detail);
  }
  co_return found[1];
}

}  // namespace essequence::sidecar
