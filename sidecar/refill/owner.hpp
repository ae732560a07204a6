// The owner of one sequence on this instance: the only one who refills, resets, raises, fences or
// deletes it, one at a time (turn.hpp).
//
// How a block travels: the source proves that it granted it (allocate.cpp), the journal holds it
// durably, and only then it enters the ring. What the source says is judged first against what this
// host has seen (judgement.hpp), and a contradiction fences (fence.cpp). What operators order is in
// orders.cpp.
//
// Thread rules: the event loop only.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sidecar/config/config.hpp"
#include "sidecar/journal/journal.hpp"
#include "sidecar/refill/contention.hpp"
#include "sidecar/refill/controller.hpp"
#include "sidecar/refill/joint_work.hpp"
#include "sidecar/refill/judgement.hpp"
#include "sidecar/refill/refill_times.hpp"
#include "sidecar/refill/supply.hpp"
#include "sidecar/refill/turn.hpp"
#include "sidecar/ring/slot.hpp"

namespace boost::asio {
class thread_pool;
}

namespace essequence::sidecar {

// What the owners of one instance share.
struct Premises {
  Premises(boost::asio::thread_pool &its_storage, Source &its_source, Journal &its_journal,
           RingFile &its_ring, const Config &its_config);

  Source &source;
  Journal &journal;
  boost::asio::thread_pool &storage;
  RingFile &ring;
  const Config &config;
  std::string journal_failure;  // of the last write; empty: it worked
  RefillTimes refill_times;
  bool source_ready = false;  // prepare() has succeeded
  bool stopping = false;
  Activity activity;                      // since it was asked for
  std::vector<std::uint32_t> taken_from;  // since then, the numbers of sequences
  std::uint32_t owed_bumps = 0;  // orders that other hosts were not told of, for the next poll

  // Whether the source may be made where it is missing; [elasticsearch] does not bind the local
  // one.
  bool may_create_index() const { return source.kind() == "local" || config.elasticsearch.create; }

  // Makes `entry` durable, in one commit with others that wait. Notes the failure and throws it.
  awaitable<void> journalled(JournalEntry entry);

  // Notes, and tells where it is news, that the journal failed or (empty) works.
  void journal_said(const std::string &failure);

  // Bumps the marker, once for all who wait.
  awaitable<void> bump_marker();

 private:
  struct Nothing {};
  JointWork<JournalEntry> commits_;
  JointWork<Nothing> bumps_;
};

Refusal as_refusal(const std::string &doing, const SourceError &error);

// An order that changes a document, while it is under way. Unless it ends told(), the next poll
// bumps the marker for it; also after a kill, because the count lies in the ring.
class OrderUnderWay {
 public:
  explicit OrderUnderWay(Premises &premises) : premises_(premises) {
    premises_.ring.header().orders.fetch_add(1);
  }
  ~OrderUnderWay() {
    if (!told_) ++premises_.owed_bumps;
  }
  OrderUnderWay(const OrderUnderWay &) = delete;
  OrderUnderWay &operator=(const OrderUnderWay &) = delete;

  // The marker was bumped after the change (or nothing was changed).
  void told() {
    if (!std::exchange(told_, true)) premises_.ring.header().orders.fetch_sub(1);
  }

 private:
  Premises &premises_;
  bool told_ = false;
};

class Owner {
 public:
  // `slot` is already adopted. `pin` is what the journal has, or for a sequence that it does not
  // know, one that holds what the ring shows.
  Owner(Premises &premises, Pin pin, Slot slot);

  const std::string &name() const { return pin_.name; }
  const Pin &pin() const { return pin_; }
  bool deleted() const { return pin_.deleted; }
  bool busy() const { return turn_.busy(); }

  // Makes ring and journal agree after a start: publishes a block that was journalled and not
  // published, cuts where the journal is ahead, fences where the ring is damaged. `newest`: its
  // last block in the journal.
  awaitable<void> take_over(std::optional<JournalledBlock> newest);

  // Looks at the counter. True if a refill is due now. `asked`: a taker asked for it; who finds the
  // ring empty claims nothing, so the counter alone does not show him.
  bool look(bool asked = false);

  // An owner that is awake is looked at with every beat. One that rests is left alone until its
  // counter moves, an order comes or the configuration changes: only then can a look find anything.
  // False: it was awake. `since`: about when its counter was last seen to rest, so that what was
  // taken since then is not spread over all the while.
  bool wake(std::chrono::steady_clock::time_point since);
  // True if it rests from now on: it wants no block, and nothing was taken lately.
  bool falls_asleep();

  // Whether takers wait at an empty ring, as the last look saw it.
  bool starves() const { return starving_; }

  // Lays blocks into the ring until enough is ready. Failures are kept for status() and tried again
  // later; they are not thrown.
  awaitable<void> refill();

  // Judges a state that a read of the source gave; nullopt: the document, or the whole index, is
  // not there. Fences, follows a reset or a raise, or resumes after an unfence.
  awaitable<void> observe(std::optional<Stored> stored);

  // Whether the next poll should read this sequence though the marker has not moved.
  bool wants_observation() const;

  // Orders (orders.cpp). Refusal where they cannot be carried out.
  awaitable<std::uint64_t> reset();
  awaitable<void> raise(std::int64_t above);
  awaitable<void> unfence(std::int64_t above);
  awaitable<void> remove();
  awaitable<void> burn();
  // A deleted sequence begins again, with what is known of its new document.
  awaitable<void> begin_again(Pin pin, Stored found);
  // Puts what is known of a new sequence into the journal. From what was `found` its first block is
  // asked for without another read; whether that is still true, a compare-and-set finds out.
  awaitable<void> begin(Stored found);

  // Ids for a sequence of order "cluster" (on_request.cpp).
  awaitable<TakenRun> take(std::uint64_t count);

  // Raises this instance's min_block, within max_block.
  void wish_block(std::uint64_t ids);
  // The configuration was read anew.
  void reconfigure();

  // Remembers the counter as it is shown here: taken_total never falls, whatever becomes of it.
  SequenceStatus status();

  // Ids taken since the last call.
  std::uint64_t taken_lately() { return std::exchange(taken_lately_, 0); }

 private:
  // A take that waits for its ids.
  struct Wish {
    std::uint64_t count;
    std::optional<TakenRun> run;
    std::optional<Refusal> refusal;
  };

  // on_request.cpp
  awaitable<void> grant_wishes();
  awaitable<JournalledBlock> grant_together(std::uint64_t count);

  // allocate.cpp
  void note_takes();
  void note_taken(std::uint64_t ids, std::chrono::steady_clock::time_point now);
  bool is_short() const;  // less is ready than should be, and more is to be had
  bool wants_block() const;
  awaitable<bool> refill_once(bool &was_empty);
  awaitable<bool> fetch_block();
  void note_outcome(const std::string &failure, std::chrono::nanoseconds patience);
  std::uint64_t next_block() const;
  awaitable<std::optional<JournalledBlock>> allocate(std::uint64_t wanted);
  bool may_advance(std::uint64_t wanted) const;
  awaitable<std::optional<JournalledBlock>> advance(std::uint64_t count);
  awaitable<std::optional<JournalledBlock>> compare_and_set(std::uint64_t wanted);
  awaitable<std::optional<JournalledBlock>> proven_block(Standing known, std::uint64_t count,
                                                         awaitable<Stored> call);
  awaitable<void> publish_granted();
  void note_refill(std::chrono::nanoseconds took);
  void note_exhausted(std::int64_t max);
  std::optional<JournalledBlock> reclaim(std::int64_t mark, const Standing &found);
  JournalledBlock block_of(std::int64_t first, std::uint64_t count, const Standing &standing) const;
  awaitable<std::optional<Stored>> read_judged();
  awaitable<std::optional<Stored>> read_if_present(bool confirmed);
  std::string contradiction(const std::optional<Stored> &stored) const;

  // fence.cpp
  awaitable<bool> weigh(Standing standing, bool proven);
  // `seen`: the document carries the fence already.
  awaitable<void> fence(std::string cause, bool seen = false);
  awaitable<void> stop_here(std::string cause, bool seen = false);
  awaitable<void> write_fence();
  awaitable<void> note_fence_seen();
  awaitable<void> resume(Standing standing);
  Pin pin_with(const Standing &standing) const;

  // Changes the document by compare-and-set, bumping the marker before and after. `change` makes
  // the change from what stands there. The result is proven and judged. Refusal on failure.
  template <class MakeChange>
  awaitable<Stored> change_document(std::string doing, MakeChange change);
  awaitable<Stored> read_for_order(std::string doing);
  awaitable<void> tell_others(OrderUnderWay &order);

  // Makes `pin` durable, then this owner's. Refusal 503 where the journal fails.
  awaitable<void> adopt_pin(Pin pin);
  void require_unfenced();
  Refusal too_early(std::chrono::nanoseconds left) const;
  std::string quoted() const { return "sequence \"" + pin_.name + "\""; }
  std::string unfence_command(std::int64_t above) const;
  std::string place() const;  // what the source calls its index, in messages
  std::string block_fate(CutReason reason) const;
  awaitable<void> cut(CutReason reason, std::uint64_t epoch);
  awaitable<void> align_ring();
  void set_open();
  void set_open_from(const Stored &found);
  bool has_ring() const { return pin_.progression.order == Order::host; }

  Premises &premises_;
  Turn turn_;
  Pin pin_;
  Slot slot_;
  RefillController controller_;
  Contention contention_;

  // The newest proven state, for the next compare-and-set. None while it rests: it adds a third to
  // what an owner takes, and a read renews it. (Unless each take waits for the source.)
  std::unique_ptr<Stored> cached_;
  std::unique_ptr<JournalledBlock> granted_;  // proven, not yet journalled (the journal fails)
  std::uint64_t in_flight_ = 0;  // ids asked of the source that are neither published nor given up
  std::uint64_t wished_block_ = 0;
  std::vector<std::shared_ptr<Wish>> wishes_;  // of takers that wait, in their order
  std::uint64_t taken_lately_ = 0;
  std::chrono::nanoseconds refill_took_{};  // the last one; zero: none yet
  bool awake_ = true;
  bool refilling_ = false;
  bool starving_ = false;
  std::chrono::steady_clock::time_point looked_at_{};
  std::chrono::steady_clock::time_point retry_at_{};
  struct Setback {
    std::string failure;
    std::chrono::nanoseconds pause{};  // until the next try; it grows
  };
  std::unique_ptr<Setback> setback_;  // of the last refill; null: it worked
};

}  // namespace essequence::sidecar
