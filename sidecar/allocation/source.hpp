// The source: who grants blocks of ids to this host. A source is a small store of one document per
// sequence that can be changed by compare-and-set. What a grant, a reset, a raise or a fence means
// is decided by the sequence's owner (refill/), once for every kind of source.
//
// Thread rules: all calls are made on the sidecar's event loop and resume on it.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/allocation/standing.hpp"

namespace essequence::sidecar {

template <class T>
using awaitable = boost::asio::awaitable<T>;

// Why a call to the source failed. what() names the source, the sequence where there is one, the
// cause in the source's own words, and where it is known the way out.
class SourceError : public std::runtime_error {
 public:
  enum class Kind {
    not_applied,  // certain: nothing was written (refused, unreachable before it was sent, a read)
    conflict,     // certain: the document had another version, or existed already
    missing,      // certain: no such document or index
    unknown,      // the write may have happened or may happen yet
  };
  explicit SourceError(Kind kind, const std::string &what, std::chrono::seconds patience = {})
      : std::runtime_error(what), kind_(kind), patience_(patience) {}
  Kind kind() const { return kind_; }
  // How long to leave the source alone: a full disk is no busy signal.
  std::chrono::seconds patience() const { return patience_; }

 private:
  Kind kind_;
  std::chrono::seconds patience_;
};

struct SourceHealth {
  bool healthy = false;
  std::string detail;  // the cause when it is not, in words; empty when it is
};

class Source {
 public:
  virtual ~Source() = default;

  // "elasticsearch" or "local".
  virtual std::string kind() const = 0;

  // Whether nobody but this instance is granted from it, and its reads are never stale. Then a
  // block that was granted and did not reach the journal, because the sidecar was killed in
  // between, is found by a read, and is still this host's.
  virtual bool exclusive() const { return false; }

  // What the last calls said. A source starts unhealthy ("not asked yet").
  virtual SourceHealth health() const = 0;

  // Makes the place ready for use: finds the index (or store) and its marker, or creates them where
  // `may_create`. Idempotent. Throws SourceError (missing: it is not there and may not be created).
  virtual awaitable<void> prepare(bool may_create) = 0;

  // The newest state by a read. NOT a proof: an isolated primary may answer it. nullopt: the index
  // is there and the document is not. An absent index is SourceError missing.
  virtual awaitable<std::optional<Stored>> read(std::string name) = 0;

  // The same, and true of a moment after the call: an answer that an isolated copy of the document
  // could not have given. Costs a write. SourceError where it cannot be had.
  virtual awaitable<std::optional<Stored>> read_confirmed(std::string name) {
    return read(std::move(name));
  }

  // read() for many, in one request where there is a network. Same order as `names`.
  virtual awaitable<std::vector<std::optional<Stored>>> read_many(
      std::vector<std::string> names) = 0;

  // Creates the document. The result is a proof. conflict: it exists.
  virtual awaitable<Stored> create(std::string name, Standing standing) = 0;

  // Applies `change` if the document is still at `only_if`. The result is a proof: the reply was
  // complete, said that the document was updated, and echoed every field of `change`.
  // A change that would store what is there already is not a proof (SourceError not_applied).
  virtual awaitable<Stored> update(std::string name, Version only_if, Change change) = 0;

  // Whether advance() can be tried: for a source that many hosts ask at once.
  virtual bool can_advance() const { return false; }

  // Moves the counter on by `how.count` ids in one step that no other host can come between. The
  // result is a proof, and the block is the last `how.count` ids up to its iid. SourceError
  // not_applied: the document is not as `how` says, or has not so many ids left, or the source
  // cannot do this; update() can tell. conflict: too many hosts at once; try again later.
  virtual awaitable<Stored> advance(std::string, Advance) {
    throw SourceError(SourceError::Kind::not_applied, kind() + " cannot do this");
  }

  // Removes the document if it is still at `only_if`.
  virtual awaitable<void> remove(std::string name, Version only_if) = 0;

  // missing: there is no marker, or no index.
  virtual awaitable<Marker> read_marker() = 0;
  virtual awaitable<void> bump_marker() = 0;

  // The largest value of `field` in another index (a sequence is to start above it); nullopt where
  // it has none. A source that cannot search answers SourceError not_applied.
  virtual awaitable<std::optional<std::int64_t>> largest_value(std::string index,
                                                               std::string field) = 0;
};

}  // namespace essequence::sidecar
