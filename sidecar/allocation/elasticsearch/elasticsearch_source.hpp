// Elasticsearch (or OpenSearch) as the source: one document per sequence in one index, changed by
// compare-and-set through _update, whose reply echoes what is stored.
//
// Invariants.
// 1. A write is believed on proof alone: a complete reply of the expected status that says what was
//    done and echoes it. A refusal before anything was done (4xx) is certain; all else is unknown.
// 2. A write is sent to another host only when the first one has certainly not got it.
// 3. What is asked for at the same moment goes out in one _mget or _bulk, and each part of the
// reply
//    is read as if it had been asked for alone.
// 4. No write creates an index. Elasticsearch would, with a mapping of its own and a counter from
//    nothing, when the index is gone; so writes go through an alias (require_alias) where there is
//    one, and the index that prepare() creates has one.
//
// Thread rules: the event loop only. Destroy it when the loop runs no more, before the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "sidecar/allocation/source.hpp"
#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

namespace elasticsearch {
class Health;
class Http;
struct Answer;
struct Request;
struct Update;
enum class Purpose;
template <class Wish, class Result>
class JointCalls;
}  // namespace elasticsearch

class ElasticsearchSource : public Source {
 public:
  // Reads the secrets and certificates that `config` names. Throws ConfigError. Connects to
  // nothing.
  ElasticsearchSource(const ElasticsearchConfig &config, boost::asio::io_context &loop);
  ~ElasticsearchSource() override;

  std::string kind() const override { return "elasticsearch"; }
  SourceHealth health() const override;
  awaitable<void> prepare(bool may_create) override;
  awaitable<std::optional<Stored>> read(std::string name) override;
  awaitable<std::optional<Stored>> read_confirmed(std::string name) override;
  awaitable<std::vector<std::optional<Stored>>> read_many(std::vector<std::string> names) override;
  awaitable<Stored> create(std::string name, Standing standing) override;
  awaitable<Stored> update(std::string name, Version only_if, Change change) override;
  bool can_advance() const override { return scripts_; }
  awaitable<Stored> advance(std::string name, Advance how) override;
  awaitable<void> remove(std::string name, Version only_if) override;
  awaitable<Marker> read_marker() override;
  awaitable<void> bump_marker() override;
  awaitable<std::optional<std::int64_t>> largest_value(std::string index,
                                                       std::string field) override;

 private:
  struct Place {
    bool index = false;
    bool marker = false;
  };

  awaitable<elasticsearch::Answer> ask(elasticsearch::Request request,
                                       elasticsearch::Purpose purpose);
  // Several of each go out in one request.
  awaitable<std::vector<elasticsearch::Answer>> ask_for(std::vector<std::string> names);
  awaitable<std::vector<elasticsearch::Answer>> send(std::vector<elasticsearch::Update> updates);
  // Returns where `answer` is a success, which is left to the caller to prove.
  awaitable<void> require_accepted(const elasticsearch::Answer &answer, std::string action);

  // The error to throw for an answer that is not a success; notes what it says of health().
  SourceError failed(const elasticsearch::Answer &answer, elasticsearch::Purpose purpose,
                     const std::string &action);
  // The same for a success that does not hold what was asked for.
  SourceError unfit(const elasticsearch::Answer &answer, elasticsearch::Purpose purpose,
                    const std::string &action, const std::string &cause);
  std::string write_parameters() const;
  // The document in the answer to a read; nullopt: the index is there and it is not.
  std::optional<Stored> found_in(const elasticsearch::Answer &answer, const std::string &name,
                                 const std::string &action);
  std::string in_index(const std::string &action, const std::string &name) const;

  // Whether the index and its marker are there. Learns the name to write to.
  awaitable<Place> find_place();
  awaitable<void> create_index();
  awaitable<void> remove_stray_index(std::string name);
  awaitable<void> create_marker();
  awaitable<Stored> stored_marker();

  boost::asio::io_context &loop_;
  std::unique_ptr<elasticsearch::Http> http_;
  std::unique_ptr<elasticsearch::JointCalls<std::string, elasticsearch::Answer>> reads_;
  std::unique_ptr<elasticsearch::JointCalls<elasticsearch::Update, elasticsearch::Answer>> updates_;
  std::string index_;           // as configured
  std::string write_index_;     // the name that writes go to
  bool write_alias_ = false;    // that name is an alias
  std::string server_timeout_;  // "timeout=…", shorter than ours: its word is better than silence
  bool scripts_;                // allowed by the configuration, and not refused by the cluster
  std::unique_ptr<elasticsearch::Health> health_;
};

}  // namespace essequence::sidecar
