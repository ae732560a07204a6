// The embedded source of one host: the local store behind the interface of a source.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "sidecar/allocation/source.hpp"

namespace essequence::sidecar {

class LocalStore;

class LocalSource : public Source {
 public:
  // The store is `directory`/local.db; the caller holds the directory's lock. `storage` has one
  // thread, on which all of SQLite runs, and outlives the calls.
  LocalSource(std::string directory, boost::asio::thread_pool &storage);
  ~LocalSource() override;

  std::string kind() const override;
  bool exclusive() const override { return true; }
  SourceHealth health() const override;
  awaitable<void> prepare(bool may_create) override;
  awaitable<std::optional<Stored>> read(std::string name) override;
  awaitable<std::vector<std::optional<Stored>>> read_many(std::vector<std::string> names) override;
  awaitable<Stored> create(std::string name, Standing standing) override;
  awaitable<Stored> update(std::string name, Version only_if, Change change) override;
  awaitable<void> remove(std::string name, Version only_if) override;
  awaitable<Marker> read_marker() override;
  awaitable<void> bump_marker() override;
  awaitable<std::optional<std::int64_t>> largest_value(std::string index,
                                                       std::string field) override;

 private:
  template <class F>
  awaitable<std::invoke_result_t<F>> ask(F call);

  boost::asio::thread_pool &storage_;
  std::shared_ptr<LocalStore> store_;  // shared with a call that outlives this object
  SourceHealth health_{false, "not asked yet"};
};

}  // namespace essequence::sidecar
