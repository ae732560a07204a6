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
    journal_said("");
  } catch (const std::exception &error) {
    journal_said(error.what());
    throw;
  }
}

void Premises::journal_said(const std::string &failure) {
  const bool failed = !journal_failure.empty();
  journal_failure = failure;
  if (!failed && !failure.empty()) {
    tell(spdlog::level::err, event::journal_lost,
         failure + ". No block is published that is not journalled");
  } else if (failed && failure.empty()) {
    tell(spdlog::level::info, event::journal_back, "the journal can be written again");
  }
}

awaitable<void> Premises::bump_marker() { return bumps_.done({}); }

}  // namespace essequence::sidecar
