// A supply that is a map in memory and says what it is told to say.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/refill/supply.hpp"

namespace control_test {

using namespace essequence::sidecar;

class ScriptedSupply : public Supply {
 public:
  std::map<std::string, SequenceStatus> sequences;
  std::optional<Refusal> refusal;             // of every call that may refuse
  bool broken = false;                        // every such call throws something that is no Refusal
  boost::asio::steady_timer *hold = nullptr;  // a reset takes until this is over
  OpenRequest opened;
  std::vector<std::string> done;
  SourceHealth health{true, ""};
  std::string journal;
  RefillTimes times;
  Activity happened;

  void add(const std::string &name) {
    sequences[name].name = name;
    sequences[name].state = "ready";
    sequences[name].epoch = 1;
  }

  awaitable<bool> open(std::string name, OpenRequest request) override {
    act("open " + name);
    opened = request;
    const bool created = sequences.count(name) == 0;
    if (created) add(name);
    co_return created;
  }
  bool is_open(const std::string &name) const override { return sequences.count(name) > 0; }
  std::size_t count() const override { return sequences.size(); }
  std::vector<SequenceStatus> list() const override {
    std::vector<SequenceStatus> all;
    for (const auto &[name, status] : sequences) all.push_back(status);
    return all;
  }
  SequenceStatus show(const std::string &name) const override {
    if (is_open(name)) return sequences.at(name);
    throw Refusal(404, "unknown_sequence", "there is no sequence '" + name + "'");
  }
  Activity activity() override { return std::exchange(happened, {}); }
  awaitable<std::uint64_t> reset(std::string name) override {
    act("reset " + name);
    if (hold != nullptr) {
      boost::system::error_code released;
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, released);
      co_await hold->async_wait(token);
    }
    co_return ++sequences[name].epoch;
  }
  awaitable<std::map<std::string, ResetOutcome>> reset_all() override {
    act("reset all");
    std::map<std::string, ResetOutcome> outcomes;
    for (auto &[name, status] : sequences) {
      if (status.state == "fenced") {
        outcomes[name].refusal = Refusal(409, "sequence_fenced", name + " is fenced");
      } else {
        outcomes[name].epoch = ++status.epoch;
      }
    }
    co_return outcomes;
  }
  awaitable<void> raise(std::string name, std::int64_t above) override {
    act("raise " + name + " " + std::to_string(above));
    co_return;
  }
  awaitable<void> unfence(std::string name, std::int64_t above) override {
    act("unfence " + name + " " + std::to_string(above));
    co_return;
  }
  awaitable<void> remove(std::string name) override {
    act("remove " + name);
    sequences.erase(name);
    co_return;
  }
  awaitable<TakenRun> take(std::string name, std::uint64_t count) override {
    act("take " + name + " " + std::to_string(count));
    co_return TakenRun{101, count, 2, 3};
  }
  awaitable<std::vector<JournalledBlock>> blocks(std::string name, std::int64_t id) override {
    act("blocks " + name + " " + std::to_string(id));
    JournalledBlock block;
    block.first = 1;
    block.count = 10;
    block.increment = 5;
    block.granted_at_ns = 1'000'000'000'000'000'000;
    block.fate = "published";
    co_return std::vector<JournalledBlock>{block};
  }
  awaitable<void> burn_all() override {
    act("burn");
    co_return;
  }
  SourceHealth source_health() const override { return health; }
  std::string source_kind() const override { return "local"; }
  std::string journal_failure() const override { return journal; }
  const RefillTimes &refill_times() const override { return times; }

 private:
  void act(const std::string &what) {
    if (broken) throw std::logic_error("broken on purpose");
    if (refusal) throw Refusal(*refusal);
    done.push_back(what);
  }
};

}  // namespace control_test
