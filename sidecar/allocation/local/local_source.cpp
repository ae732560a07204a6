#include "sidecar/allocation/local/local_source.hpp"

#include "sidecar/allocation/local/local_store.hpp"
#include "sidecar/blocking.hpp"

namespace essequence::sidecar {
namespace {

// What a failure of the store means for the caller of a source.
SourceError as_source_error(const std::exception &failure) {
  SourceError::Kind kind = SourceError::Kind::not_applied;
  if (dynamic_cast<const StoreAbsent *>(&failure) != nullptr) kind = SourceError::Kind::missing;
  const auto *error = dynamic_cast<const sqlite::Error *>(&failure);
  if (error != nullptr && error->outcome_unknown()) kind = SourceError::Kind::unknown;
  return SourceError(kind, failure.what());
}

}  // namespace

LocalSource::LocalSource(std::string directory, boost::asio::thread_pool &storage)
    : storage_(storage), store_(std::make_shared<LocalStore>(directory)) {}

LocalSource::~LocalSource() = default;

std::string LocalSource::kind() const { return "local"; }

SourceHealth LocalSource::health() const { return health_; }

// Runs `call` on the storage thread. Any answer, also "conflict", is one of a healthy store.
template <class F>
awaitable<std::invoke_result_t<F>> LocalSource::ask(F call) {
  const SourceHealth healthy{true, ""};
  auto work = blocking(storage_, std::move(call));
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      co_await std::move(work);
      health_ = healthy;
    } else {
      auto answer = co_await std::move(work);
      health_ = healthy;
      co_return answer;
    }
  } catch (const SourceError &) {
    health_ = healthy;
    throw;
  } catch (const std::exception &failure) {
    health_ = {false, failure.what()};
    throw as_source_error(failure);
  }
}

awaitable<void> LocalSource::prepare(bool may_create) {
  auto call = [store = store_, may_create] { store->open(may_create); };
  return ask(std::move(call));
}

awaitable<std::optional<Stored>> LocalSource::read(std::string name) {
  auto call = [store = store_, name = std::move(name)] { return store->read(name); };
  return ask(std::move(call));
}

awaitable<std::vector<std::optional<Stored>>> LocalSource::read_many(
    std::vector<std::string> names) {
  auto call = [store = store_, names = std::move(names)] { return store->read_many(names); };
  return ask(std::move(call));
}

awaitable<Stored> LocalSource::create(std::string name, Standing standing) {
  auto call = [store = store_, name = std::move(name), standing = std::move(standing)] {
    return store->create(name, standing);
  };
  return ask(std::move(call));
}

awaitable<Stored> LocalSource::update(std::string name, Version only_if, Change change) {
  auto call = [store = store_, name = std::move(name), only_if, change = std::move(change)] {
    return store->update(name, only_if, change);
  };
  return ask(std::move(call));
}

awaitable<void> LocalSource::remove(std::string name, Version only_if) {
  auto call = [store = store_, name = std::move(name), only_if] { store->remove(name, only_if); };
  return ask(std::move(call));
}

awaitable<Marker> LocalSource::read_marker() {
  auto call = [store = store_] { return store->read_marker(); };
  return ask(std::move(call));
}

awaitable<void> LocalSource::bump_marker() {
  auto call = [store = store_] { store->bump_marker(); };
  return ask(std::move(call));
}

awaitable<std::optional<std::int64_t>> LocalSource::largest_value(std::string index,
                                                                  std::string field) {
  throw SourceError(SourceError::Kind::not_applied,
                    "the local source has no other index than its own, so that it cannot look for "
                    "the largest " +
                        field + " in " + index + "; give the number with above");
  co_return std::nullopt;
}

}  // namespace essequence::sidecar
