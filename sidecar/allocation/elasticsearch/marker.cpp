#include "sidecar/allocation/elasticsearch/marker.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/health.hpp"
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
  const std::string what = "the index \"" + index_ + "\" has no marker document";
  health_->failed(elasticsearch::Purpose::read, what);
  throw SourceError(SourceError::Kind::missing, what);
}

awaitable<Marker> ElasticsearchSource::read_marker() {
  const Stored stored = co_await stored_marker();
  co_return Marker{stored.standing.index, stored.standing.origin, stored.standing.iid};
}

awaitable<void> ElasticsearchSource::bump_marker() {
  const std::string name = kMarkerName;
  for (int conflicts = 0;; ++conflicts) {
    const Stored stored = co_await stored_marker();
    Change change;
    change.iid = stored.standing.iid + 1;
    try {
      co_await update(name, stored.version, change);
      co_return;
    } catch (const SourceError &e) {
      if (e.kind() != SourceError::Kind::conflict || conflicts == kMostTries) throw;
    }
    asio::steady_timer pause(loop_, pause_after(conflicts));
    boost::system::error_code cancelled;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

}  // namespace essequence::sidecar
