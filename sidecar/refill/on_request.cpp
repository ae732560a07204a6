// order = "cluster": an id is granted after it is asked for, so that ids increase across all hosts.
// Nothing is laid into the ring; those who wait at the same time share one allocation.
#include <algorithm>

#include "sidecar/blocking.hpp"
#include "sidecar/refill/owner.hpp"

namespace essequence::sidecar {

using std::chrono::nanoseconds;

awaitable<TakenRun> Owner::take(std::uint64_t count) {
  if (has_ring()) {
    throw Refusal(400, "not_supported",
                  quoted() + " has order \"host\": its ids are taken from shared memory");
  }
  const auto wish = std::make_shared<Wish>(Wish{count, {}, {}});
  wishes_.push_back(wish);
  // While one allocation is under way, those who come next gather for the one after it.
  const Turn::Held turn = co_await turn_.take();
  if (!wish->run && !wish->refusal) co_await grant_wishes();
  if (wish->refusal) throw *wish->refusal;
  co_return wish->run.value();
}

// Serves all that wait, in their order; the last of them partly, or later. Who holds the turn came
// first of them, and so is served.
awaitable<void> Owner::grant_wishes() {
  std::uint64_t wanted = 0;
  for (const auto &wish : wishes_) wanted = std::min(wanted + wish->count, controller_.max_block());
  const std::vector<std::shared_ptr<Wish>> waiting = std::exchange(wishes_, {});
  JournalledBlock block;
  std::optional<Refusal> refusal;
  try {
    block = co_await grant_together(wanted);
  } catch (const Refusal &refused) {
    refusal = refused;
  } catch (const std::exception &error) {
    refusal = Refusal(503, "source_unavailable", quoted() + ": " + error.what());
  }
  std::uint64_t given = 0;
  std::vector<std::shared_ptr<Wish>> unserved;
  for (const auto &wish : waiting) {
    const std::uint64_t count = std::min(wish->count, block.count - given);
    if (refusal) {
      wish->refusal = refusal;
    } else if (count == 0) {
      unserved.push_back(wish);
    } else {
      const auto first = block.first + static_cast<std::int64_t>(given) * block.increment;
      wish->run = TakenRun{first, count, block.increment, block.epoch};
      given += count;
    }
  }
  wishes_.insert(wishes_.begin(), unserved.begin(), unserved.end());  // before those who came later
}

// Up to `count` ids, proven and journalled. Refusal where there are none.
awaitable<JournalledBlock> Owner::grant_together(std::uint64_t count) {
  const std::string doing = quoted() + " gives no id";
  if (premises_.stopping) throw Refusal(503, "stopping", doing + ": the sidecar stops");
  if (pin_.deleted) throw Refusal(404, "sequence_not_found", quoted() + " was deleted");
  require_unfenced();
  const bool paused = setback_ && std::chrono::steady_clock::now() < retry_at_;
  if (paused || !premises_.source_ready) {  // the poll makes it ready
    throw Refusal(503, "source_unavailable",
                  doing + ": " + (paused ? setback_->failure : premises_.source.health().detail));
  }
  const auto begun = std::chrono::steady_clock::now();
  std::optional<JournalledBlock> block;
  std::optional<SourceError> failure;
  try {
    block = co_await allocate(count);
  } catch (const SourceError &error) {
    failure = error;
  }
  const bool contended = failure && failure->kind() == SourceError::Kind::conflict;
  if (!contended) {
    note_outcome(failure ? failure->what() : "", failure ? failure->patience() : nanoseconds(0));
  }
  if (failure) throw as_refusal(doing, *failure);
  require_unfenced();
  if (!block && slot_.state() == shm::State::exhausted) {
    throw Refusal(409, "sequence_exhausted", status().detail);
  }
  if (!block) throw Refusal(503, "source_unavailable", doing + ": the source's state is in doubt");

  block->fate = "taken";
  const JournalledBlock taken = *block;
  JournalEntry entry{pin_, taken, 0};
  std::string journal_failure;
  try {
    co_await premises_.journalled(std::move(entry));
  } catch (const std::exception &error) {
    journal_failure = error.what();
  }
  in_flight_ = 0;  // lost, unless they are handed out
  if (!journal_failure.empty()) {
    throw Refusal(503, "journal_failing", doing + ": " + journal_failure);
  }
  slot_.hand_out(taken.count);
  const auto now = std::chrono::steady_clock::now();
  note_taken(taken.count, now);
  note_refill(now - begun);
  co_return taken;
}

}  // namespace essequence::sidecar
