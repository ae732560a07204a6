#include <utility>

#include "sidecar/blocking.hpp"
#include "sidecar/event.hpp"
#include "sidecar/refill/owner.hpp"

namespace essequence::sidecar {

Premises::Premises(boost::asio::thread_pool &its_storage, Source &its_source, Journal &its_journal,
                   RingFile &its_ring, const Config &its_config)
    : source(its_source),
      journal(its_journal),
      storage(its_storage),
      ring(its_ring),
      config(its_config),
      commits_([this](std::vector<JournalEntry> entries) {
        return blocking(storage, [this, entries = std::move(entries)] { journal.store(entries); });
      }),
      bumps_([this](std::vector<Nothing>) { return source.bump_marker(); }) {}

awaitable<void> Premises::journalled(JournalEntry entry) {
  try {
    require_storable(entry);  // else it would be the failure of all
    co_await commits_.done(std::move(entry));
    if (!std::exchange(journal_failure, "").empty()) {
      tell(spdlog::level::info, event::journal_back, "the journal can be written again");
    }
  } catch (const std::exception &error) {
    if (journal_failure.empty()) {
      tell(spdlog::level::err, event::journal_lost,
           std::string(error.what()) + ". No block is published that is not journalled");
    }
    journal_failure = error.what();
    throw;
  }
}

awaitable<void> Premises::bump_marker() { return bumps_.done({}); }

}  // namespace essequence::sidecar
