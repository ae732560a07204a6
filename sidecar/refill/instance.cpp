#include "sidecar/refill/instance.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sidecar/blocking.hpp"
#include "sidecar/event.hpp"
#include "sidecar/ring/boot_time.hpp"

namespace essequence::sidecar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBeat = std::chrono::milliseconds(50);  // while some owner is awake

// Under way at a time, but for those that takers wait for: each holds some ten kilobytes, and the
// others come with the next beats.
constexpr std::uint32_t kMostRefills = 256;

// Under way at a time. One of a name, by the name's hash.
constexpr std::size_t kOpenings = 64;

awaitable<void> sleep(boost::asio::io_context &loop, std::chrono::nanoseconds pause) {
  boost::asio::steady_timer timer(loop, std::chrono::ceil<std::chrono::milliseconds>(pause));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace

Instance::Instance(boost::asio::io_context &loop, boost::asio::thread_pool &storage, Source &source,
                   Journal &journal, RingFile &ring, const Config &config)
    : loop_(loop),
      ring_(ring),
      premises_(storage, source, journal, ring, config),
      sweep_(ring),
      opening_(kOpenings) {}

// ---- starting and stopping ----

awaitable<void> Instance::start() {
  Journal &journal = premises_.journal;
  const std::string ring_uuid = ring_.uuid();
  // Of all sequences at once: there may be thousands, and nobody is served before this is done.
  struct Known {
    std::map<std::string, Pin> pins;
    std::map<std::string, JournalledBlock> newest;
    std::map<std::string, std::uint64_t> left_in_other_rings;
  };
  auto load = [&journal, ring_uuid] {
    Known known{{}, journal.newest_blocks(), journal.left_in_other_rings(ring_uuid)};
    for (Pin &pin : journal.pins()) known.pins[pin.name] = std::move(pin);
    return known;
  };
  Known known = co_await blocking(premises_.storage, load);
  const auto newest_of = [&known](const std::string &name) {
    const auto found = known.newest.find(name);
    return found == known.newest.end() ? std::nullopt : std::optional(found->second);
  };

  for (std::uint32_t number = 0; number < ring_.sequences(); ++number) {
    const shm::SequenceEntry &entry = ring_.entry(number);
    const std::string name(entry.name, std::min<std::size_t>(entry.name_length, sizeof entry.name));
    const auto found = known.pins.find(name);
    Pin pin;
    if (found != known.pins.end()) {
      pin = found->second;
    } else {  // the state directory was lost: begin again from what the ring shows
      const Slot slot(ring_, number);
      pin.name = name;
      pin.epoch = slot.epoch();
      pin.progression = premises_.config.of(name).progression;
      pin.mark = slot.last_id().value_or(iid_before_first(pin.progression));
      pin.floor = iid_before_first(pin.progression);
      tell(spdlog::level::warn, event::goes_on,
           "sequence \"" + name + "\": not in the journal, begins again from ring and source",
           {{"SEQUENCE", name}});
    }
    known.pins.erase(name);
    co_await adopt(number, pin)->take_over(newest_of(name));
  }
  // Of orders that were under way when the sidecar was killed, other hosts may not know.
  premises_.owed_bumps = ring_.header().orders.load();
  for (const auto &[name, pin] : known.pins) {  // the ring is new: warm what was used before
    const auto left = known.left_in_other_rings.find(name);
    std::shared_ptr<Owner> owner;
    try {
      owner = append(pin, left == known.left_in_other_rings.end() ? 0 : left->second);
    } catch (const std::exception &error) {  // the others go on
      tell(spdlog::level::err, event::goes_on,
           "sequence \"" + name + "\" is not open: " + error.what(), {{"SEQUENCE", name}});
    }
    if (owner) co_await owner->take_over(newest_of(name));
  }
  // Also of those that were in the ring: a kill may have come between the account and this note.
  std::vector<std::string> accounted;
  for (const auto &[name, left] : known.left_in_other_rings) {
    if (owners_.count(name) > 0) accounted.push_back(name);
  }
  if (!accounted.empty()) co_await burn_other_rings(std::move(accounted));
}

// Notes what was lost with earlier rings, after the accounts in this ring hold it.
awaitable<void> Instance::burn_other_rings(std::vector<std::string> names) {
  Journal &journal = premises_.journal;
  const std::string ring_uuid = ring_.uuid();
  auto burn = [&journal, names = std::move(names), ring_uuid] {
    journal.burn_other_rings(names, ring_uuid);
  };
  try {
    co_await blocking(premises_.storage, burn);
  } catch (const std::exception &error) {  // what became of a block is told, not relied on
    premises_.journal_said(error.what());
  }
}

std::shared_ptr<Owner> Instance::adopt(std::uint32_t number, const Pin &pin) {
  Slot slot(ring_, number);
  const auto owner = std::make_shared<Owner>(premises_, pin, std::move(slot));
  owners_.insert(owner);
  if (by_number_.size() <= number) by_number_.resize(number + 1);
  by_number_[number] = owner;
  awake_.push_back(owner);
  return owner;
}

std::shared_ptr<Owner> Instance::append(Pin pin, std::uint64_t inherited) {
  shm::Ledger ledger{};
  ledger.epoch = pin.epoch;
  ledger.floor = pin.floor;
  ledger.inherited = inherited;
  return adopt(ring_.append(pin.name, ledger), pin);
}

awaitable<void> Instance::stop() {
  premises_.stopping = true;
  if (next_beat_ != nullptr) next_beat_->cancel();
  const auto busy = [](const auto &owner) { return owner->busy(); };
  while (std::any_of(owners_.begin(), owners_.end(), busy)) co_await sleep(loop_, kBeat);
}

void Instance::reconfigure() {
  for (const auto &owner : owners_) owner->reconfigure();
  attend_all();
}

// ---- the beat: heartbeat, levels, refills ----

awaitable<void> Instance::beat(std::function<void()> beaten) {
  boost::asio::steady_timer next_beat(loop_);  // here, as the loop goes before the instance
  next_beat_ = &next_beat;
  for (Clock::time_point heartbeat = Clock::now(); !premises_.stopping;) {
    if (Clock::now() >= heartbeat) {
      heartbeat = Clock::now() + shm::kHeartbeat;
      ring_.header().heartbeat.fetch_add(1);
      ring_.header().heartbeat_at.store(static_cast<std::uint64_t>(boot_time().count()));
      for (const std::uint32_t number : sweep_.step()) {
        if (const auto owner = numbered(number)) wake(owner);
      }
    }
    ring_.header().source_healthy.store(source_health().healthy ? 1 : 0);
    look_around();
    beaten();
    const Clock::time_point next = Clock::now() + kBeat;
    next_beat.expires_at(awake_.empty() ? heartbeat : std::min(next, heartbeat));
    boost::system::error_code woken;
    co_await next_beat.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  }
  next_beat_ = nullptr;
}

void Instance::look_around() {
  auto looked_at = awake_.begin();
  while (looked_at != awake_.end() && look(*looked_at, false)) ++looked_at;
  // Who was put off, and those after him, come first in the next beat.
  const auto first = std::rotate(awake_.begin(), looked_at, awake_.end());
  const auto asleep = [](const auto &owner) { return owner->falls_asleep(); };
  awake_.erase(std::remove_if(first, awake_.end(), asleep), awake_.end());
  if (awake_.size() < awake_.capacity() / 4) awake_.shrink_to_fit();  // after a start all are awake
}

void Instance::wanted(std::vector<std::uint32_t> numbers) {
  boost::asio::post(loop_, [this, numbers = std::move(numbers)] {
    for (const std::uint32_t number : numbers) {
      if (const auto owner = numbered(number)) attend(owner, true);
    }
  });
}

// NULL: it came into the ring, and memory failed before it had an owner.
std::shared_ptr<Owner> Instance::numbered(std::uint32_t number) const {
  return number < by_number_.size() ? by_number_[number] : nullptr;
}

// Looks at a sequence now, and then with every beat until nothing is to be seen there any more.
void Instance::attend(const std::shared_ptr<Owner> &owner, bool asked) {
  wake(owner);
  look(owner, asked);
}

void Instance::attend_all() {
  for (const auto &owner : owners_) attend(owner);
}

void Instance::wake(const std::shared_ptr<Owner> &owner) {
  if (!owner->wake(Clock::now() - shm::kHeartbeat)) return;
  if (awake_.empty() && next_beat_ != nullptr) next_beat_->cancel();
  awake_.push_back(owner);
}

// Looks at a sequence, and begins a refill where one is due. False: it is put off.
bool Instance::look(const std::shared_ptr<Owner> &owner, bool asked) {
  ++looks_;
  if (!owner->look(asked)) return true;
  if (refills_ >= kMostRefills && !owner->starves()) return false;
  ++refills_;
  boost::asio::co_spawn(loop_, refill(owner), boost::asio::detached);
  return true;
}

awaitable<void> Instance::refill(std::shared_ptr<Owner> owner) {
  const struct UnderWay {  // also where memory fails
    std::uint32_t &count;
    ~UnderWay() { --count; }
  } under_way{refills_};
  co_await owner->refill();
}

// ---- the poll of the marker ----

// Once, and again after the index was gone.
awaitable<void> Instance::prepare_source() {
  if (premises_.source_ready) co_return;
  // Only where this host has never seen it: else its absence is a contradiction.
  const bool may_create = owners_.empty() && premises_.may_create_index();
  co_await premises_.source.prepare(may_create);
  premises_.source_ready = true;
  attend_all();
}

awaitable<void> Instance::poll() {
  bool failed = false;
  while (!premises_.stopping) {
    std::string failure;
    try {
      co_await poll_once();
    } catch (const std::exception &error) {
      failure = error.what();
    }
    // The causes may take turns with the hosts: when it began and when it ended is told.
    if (!failure.empty() && !failed) {
      tell(spdlog::level::warn, event::source_lost, "polling the source: " + failure,
           {{"CAUSE", failure}});
    }
    if (failure.empty() && failed) {
      tell(spdlog::level::info, event::source_back, "the source answers again");
    }
    failed = !failure.empty();
    co_await sleep(loop_, premises_.config.elasticsearch.epoch_poll);
  }
}

// One read for all sequences; more only when something but allocation happened.
awaitable<void> Instance::poll_once() {
  std::optional<Marker> marker;
  std::optional<SourceError> failure;
  try {
    co_await prepare_source();
    if (premises_.owed_bumps > 0) {
      const std::uint32_t owed = premises_.owed_bumps;
      co_await premises_.bump_marker();
      premises_.owed_bumps -= owed;
      ring_.header().orders.fetch_sub(owed);
    }
    marker = co_await premises_.source.read_marker();
  } catch (const SourceError &error) {
    failure = error;
  }
  if (failure) {
    // What comes back may be another state: a restored marker is as it was, and does not tell.
    marker_.reset();
    if (failure->kind() != SourceError::Kind::missing) throw *failure;
    premises_.source_ready = false;  // the index, or its marker, is gone
    co_await observe_all(true);
    throw *failure;
  }
  const bool moved = marker != marker_;
  const auto wants = [](const auto &owner) { return owner->wants_observation(); };
  if (moved || std::any_of(owners_.begin(), owners_.end(), wants)) co_await observe_all(false);
  // While writes fail, what a read shows may vanish: it is looked at again.
  marker_ = source_health().healthy ? marker : std::nullopt;
}

awaitable<void> Instance::observe_all(bool index_gone) {
  std::vector<std::shared_ptr<Owner>> owners;
  std::vector<std::string> names;
  for (const auto &owner : owners_) {
    if (owner->deleted()) continue;
    owners.push_back(owner);
    names.push_back(owner->name());
  }
  if (owners.empty()) co_return;
  std::vector<std::optional<Stored>> found(owners.size());
  if (!index_gone) found = co_await premises_.source.read_many(names);
  std::optional<SourceError> failure;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    try {
      co_await owners[i]->observe(found[i]);
    } catch (const SourceError &error) {  // comes again with the next poll, as `marker_` stays
      failure = error;
    } catch (const Refusal &refusal) {
      failure = SourceError(SourceError::Kind::not_applied, refusal.what());
    }
    attend(owners[i]);
  }
  if (failure && !index_gone) throw *failure;
}

// ---- the rest of the supply's surface ----

std::shared_ptr<Owner> Instance::owner_of(const std::string &name) const {
  const auto found = owners_.find(name);
  if (found == owners_.end() || (*found)->deleted()) {
    throw Refusal(404, "sequence_not_found",
                  "no sequence \"" + name +
                      "\" is open on this instance: PUT it, or `essequencectl "
                      "create`");
  }
  return *found;
}

bool Instance::is_open(const std::string &name) const {
  const auto found = owners_.find(name);
  return found != owners_.end() && !(*found)->deleted();
}

std::size_t Instance::count() const {
  return static_cast<std::size_t>(std::count_if(
      owners_.begin(), owners_.end(), [](const auto &owner) { return !owner->deleted(); }));
}

std::vector<SequenceStatus> Instance::list() const {
  std::vector<SequenceStatus> all;
  for (const auto &owner : owners_) {
    if (!owner->deleted()) all.push_back(owner->status());
  }
  return all;
}

std::vector<std::string> Instance::fenced() const {
  std::vector<std::string> names;
  for (const auto &owner : owners_) {
    if (!owner->deleted() && !owner->pin().fence_cause.empty()) names.push_back(owner->name());
  }
  return names;
}

SequenceStatus Instance::show(const std::string &name) const { return owner_of(name)->status(); }

Activity Instance::activity() {
  Activity activity = std::exchange(premises_.activity, {});
  std::vector<std::uint32_t> &numbers = premises_.taken_from;
  for (; !numbers.empty(); numbers.pop_back()) {  // one by one: memory may fail
    const std::shared_ptr<Owner> owner = numbered(numbers.back());
    if (owner) activity.taken_of.emplace_back(owner->name(), owner->taken_lately());
  }
  std::sort(activity.taken_of.begin(), activity.taken_of.end());
  return activity;
}

awaitable<std::uint64_t> Instance::reset(std::string name) {
  const std::shared_ptr<Owner> owner = owner_of(name);
  const std::uint64_t epoch = co_await owner->reset();
  attend(owner);
  co_return epoch;
}

awaitable<std::map<std::string, ResetOutcome>> Instance::reset_all() {
  std::map<std::string, ResetOutcome> outcomes;
  const auto owners = owners_;
  for (const auto &owner : owners) {
    if (owner->deleted()) continue;
    ResetOutcome outcome;
    try {
      outcome.epoch = co_await owner->reset();
    } catch (const Refusal &refusal) {
      outcome.refusal = refusal;
    }
    outcomes[owner->name()] = outcome;
    attend(owner);
  }
  co_return outcomes;
}

awaitable<void> Instance::raise(std::string name, std::int64_t above) {
  const std::shared_ptr<Owner> owner = owner_of(name);
  co_await owner->raise(above);
  attend(owner);
}

awaitable<void> Instance::unfence(std::string name, std::int64_t above) {
  const std::shared_ptr<Owner> owner = owner_of(name);
  co_await owner->unfence(above);
  premises_.source_ready = true;  // the unfence made sure of it
  attend(owner);
}

awaitable<void> Instance::remove(std::string name) {
  const std::shared_ptr<Owner> owner = owner_of(name);
  co_await owner->remove();
}

awaitable<TakenRun> Instance::take(std::string name, std::uint64_t count) {
  const std::shared_ptr<Owner> owner = owner_of(name);
  const TakenRun run = co_await owner->take(count);
  wake(owner);  // so that its rate falls when nobody asks any more
  co_return run;
}

awaitable<std::vector<JournalledBlock>> Instance::blocks(std::string name, std::int64_t id) {
  Journal &journal = premises_.journal;
  auto find = [&journal, name, id] { return journal.blocks_with(name, id); };
  co_return co_await blocking(premises_.storage, find);
}

awaitable<void> Instance::burn_all() {
  const auto owners = owners_;
  for (const auto &owner : owners) {
    co_await owner->burn();
    attend(owner);
  }
}

SourceHealth Instance::source_health() const { return premises_.source.health(); }
std::string Instance::source_kind() const { return premises_.source.kind(); }
std::string Instance::journal_failure() const { return premises_.journal_failure; }
const RefillTimes &Instance::refill_times() const { return premises_.refill_times; }

}  // namespace essequence::sidecar
