// One sidecar's supply: the owners of all its open sequences, the poll of the source's marker, and
// the beat of the heartbeat.
//
// Thread rules: the event loop only, but for wanted().
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/refill/owner.hpp"
#include "sidecar/refill/supply.hpp"
#include "sidecar/ring/sweep.hpp"

namespace essequence::sidecar {

class Instance final : public Supply {
 public:
  Instance(boost::asio::io_context &loop, boost::asio::thread_pool &storage, Source &source,
           Journal &journal, RingFile &ring, const Config &config);

  // Takes over what ring and journal hold; asks the source nothing. Readiness is after it.
  awaitable<void> start();

  // Beats, refills and polls until stop(). Each is a coroutine to be spawned once. `beaten` is
  // called after each beat: that owners were looked at.
  awaitable<void> beat(std::function<void()> beaten = [] {});
  awaitable<void> poll();

  // Sequences that takers asked a refill for. Any thread.
  void wanted(std::vector<std::uint32_t> numbers);

  // Begins no refill any more and waits for what is under way, so that no reply gets lost.
  awaitable<void> stop();

  // The configuration was read anew.
  void reconfigure();

  // How often an owner was looked at: what this costs is to follow what changes, not what there is.
  std::uint64_t looks() const { return looks_; }

  // The names of those that are stopped because going on could repeat an id.
  std::vector<std::string> fenced() const;

  // Whether some refill is under way.
  bool refilling() const { return refills_ > 0; }

  awaitable<bool> open(std::string name, OpenRequest request) override;
  bool is_open(const std::string &name) const override;
  std::size_t count() const override;
  std::vector<SequenceStatus> list() const override;
  SequenceStatus show(const std::string &name) const override;
  Activity activity() override;
  awaitable<std::uint64_t> reset(std::string name) override;
  awaitable<std::map<std::string, ResetOutcome>> reset_all() override;
  awaitable<void> raise(std::string name, std::int64_t above) override;
  awaitable<void> unfence(std::string name, std::int64_t above) override;
  awaitable<void> remove(std::string name) override;
  awaitable<TakenRun> take(std::string name, std::uint64_t count) override;
  awaitable<std::vector<JournalledBlock>> blocks(std::string name, std::int64_t id) override;
  awaitable<void> burn_all() override;
  SourceHealth source_health() const override;
  std::string source_kind() const override;
  std::string journal_failure() const override;
  const RefillTimes &refill_times() const override;

 private:
  struct Coming {
    explicit Coming(std::size_t &count) : count_(count) { ++count_; }
    ~Coming() { --count_; }
    Coming(const Coming &) = delete;
    Coming &operator=(const Coming &) = delete;

   private:
    std::size_t &count_;
  };

  std::shared_ptr<Owner> owner_of(const std::string &name) const;  // Refusal 404
  std::shared_ptr<Owner> numbered(std::uint32_t number) const;
  std::shared_ptr<Owner> adopt(std::uint32_t number, const Pin &pin);
  std::shared_ptr<Owner> append(Pin pin, std::uint64_t inherited);
  awaitable<void> burn_other_rings(std::vector<std::string> names);
  awaitable<Stored> find_or_create(std::string name, OpenRequest request, const Pin *deleted,
                                   bool &created);
  awaitable<void> prepare_source();
  awaitable<void> poll_once();
  awaitable<void> observe_all(bool index_gone);
  void look_around();
  void attend(const std::shared_ptr<Owner> &owner, bool asked = false);
  void attend_all();
  void wake(const std::shared_ptr<Owner> &owner);
  bool look(const std::shared_ptr<Owner> &owner, bool asked);
  awaitable<void> refill(std::shared_ptr<Owner> owner);

  // So that a name stands once, with its owner.
  struct ByName {
    using is_transparent = void;
    static std::string_view name_of(std::string_view name) { return name; }
    static std::string_view name_of(const std::shared_ptr<Owner> &owner) { return owner->name(); }
    template <class A, class B>
    bool operator()(const A &a, const B &b) const {
      return name_of(a) < name_of(b);
    }
  };

  boost::asio::io_context &loop_;
  RingFile &ring_;
  Premises premises_;
  std::set<std::shared_ptr<Owner>, ByName> owners_;  // also of deleted names
  std::vector<std::shared_ptr<Owner>> by_number_;    // as numbered in the ring
  Sweep sweep_;                                      // wakes those whose counter moved
  std::vector<std::shared_ptr<Owner>> awake_;        // in the order that beats look at them
  boost::asio::steady_timer *next_beat_ = nullptr;   // of beat(), while it runs
  std::uint32_t refills_ = 0;                        // under way
  std::uint64_t looks_ = 0;
  std::vector<Turn> opening_;     // one open() of a name at a time
  std::size_t coming_ = 0;        // sequences whose open() asks the source
  std::optional<Marker> marker_;  // as last seen
};

}  // namespace essequence::sidecar
