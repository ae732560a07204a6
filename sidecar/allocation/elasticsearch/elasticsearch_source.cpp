#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "sidecar/allocation/elasticsearch/answer.hpp"
#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/health.hpp"
#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/elasticsearch/joint_calls.hpp"
#include "sidecar/allocation/elasticsearch/joint_requests.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"
#include "sidecar/allocation/elasticsearch/proof.hpp"

namespace essequence::sidecar {

using namespace elasticsearch;
using namespace std::chrono_literals;

namespace {

// Of documents in one request: half a megabyte of replies.
constexpr std::size_t kMostJoined = 1000;

// Elasticsearch looks at its disks every 30 s, and lifts the block by itself when there is room.
constexpr auto kPatienceWithFullDisk = 10s;

Json only_if_condition(Version version) {
  return {{"if_seq_no", version.seq_no}, {"if_primary_term", version.primary_term}};
}

SourceError error_of(const Answer &answer, Purpose purpose, const std::string &action) {
  const auto kind = kind_of(answer, purpose);
  std::string what = "Elasticsearch at " + answer.host + ": " + action + ": " + answer.cause;
  if (kind == SourceError::Kind::unknown) what += "; it may have been done all the same";
  return SourceError(kind, what, answer.full_disk() ? kPatienceWithFullDisk : 0s);
}

// The value that one hit of a search was sorted by. Throws Malformed.
std::optional<std::int64_t> sorted_value(const Json &reply) {
  // A shard that did not answer may hold the largest value.
  if (field(reply, "timed_out") != false) throw Malformed("the search timed out on a shard");
  if (integer_field(field(reply, "_shards"), "failed", 0) != 0) {
    throw Malformed("the search failed on a shard");
  }
  const Json &hits = field(field(reply, "hits"), "hits");
  if (!hits.is_array()) throw Malformed("field \"hits\" must be an array");
  if (hits.empty()) return std::nullopt;
  const Json &values = field(hits[0], "sort");
  if (!values.is_array() || values.size() != 1) throw Malformed("the hit has no sort value");
  const Json largest{{"largest value", values[0]}};
  return integer_field(largest, "largest value", std::numeric_limits<std::int64_t>::min());
}

}  // namespace

ElasticsearchSource::ElasticsearchSource(const ElasticsearchConfig &config,
                                         boost::asio::io_context &loop)
    : loop_(loop),
      http_(std::make_unique<Http>(config, loop)),
      index_(config.index),
      write_index_(config.index),
      scripts_(config.allocation != "cas"),
      health_(std::make_unique<Health>()) {
  const auto ours = std::chrono::duration_cast<std::chrono::milliseconds>(config.request_timeout);
  const auto theirs = std::max<std::int64_t>(ours.count() * 4 / 5, 1);
  server_timeout_ = "timeout=" + std::to_string(theirs) + "ms";
  reads_ = std::make_unique<JointCalls<std::string, Answer>>(
      loop, kMostJoined, [this](std::vector<std::string> names) { return ask_for(names); });
  updates_ = std::make_unique<JointCalls<Update, Answer>>(
      loop, kMostJoined, [this](std::vector<Update> updates) { return send(updates); });
}

ElasticsearchSource::~ElasticsearchSource() = default;

SourceHealth ElasticsearchSource::health() const { return health_->now(); }

awaitable<Answer> ElasticsearchSource::ask(Request request, Purpose purpose) {
  Heard heard = co_await http_->ask(request, purpose);
  co_return read_answer(std::move(heard));
}

awaitable<std::vector<Answer>> ElasticsearchSource::ask_for(std::vector<std::string> names) {
  const Request request = get_request(index_, names);
  const Answer answer = co_await ask(request, Purpose::read);
  co_return answers_of_each(answer, names.size());
}

awaitable<std::vector<Answer>> ElasticsearchSource::send(std::vector<Update> updates) {
  const Request request = update_request(write_index_, updates, write_parameters());
  const Answer answer = co_await ask(request, Purpose::write);
  co_return answers_of_each(answer, updates.size());
}

// Writes go to a name that cannot be created by them.
std::string ElasticsearchSource::write_parameters() const {
  return server_timeout_ + (write_alias_ ? "&require_alias=true" : "");
}

awaitable<void> ElasticsearchSource::require_accepted(const Answer &answer, std::string action) {
  if (answer.succeeded()) co_return;
  if (answer.absent_index() && write_index_ != index_) {
    const std::string alias = write_index_;
    const Place place = co_await find_place();
    if (place.index) {
      const std::string what = "Elasticsearch at " + answer.host + ": " + action +
                               ": the alias \"" + alias + "\" is gone; writing to \"" +
                               write_index_ + "\" from now on";
      throw SourceError(SourceError::Kind::not_applied, what);
    }
  }
  throw failed(answer, Purpose::write, action);
}

SourceError ElasticsearchSource::failed(const Answer &answer, Purpose purpose,
                                        const std::string &action) {
  // A conflict is what writes meet; a read that is answered with one came to something else.
  if ((answer.conflict() && purpose == Purpose::write) || answer.absent_document()) {
    health_->worked(purpose);
  } else {
    health_->failed(purpose, "Elasticsearch at " + answer.host + ": " + answer.cause);
  }
  return error_of(answer, purpose, action);
}

SourceError ElasticsearchSource::unfit(const Answer &answer, Purpose purpose,
                                       const std::string &action, const std::string &cause) {
  Answer odd = answer;
  odd.status = 0;  // as good as no reply
  odd.cause = cause;
  return failed(odd, purpose, action);
}

std::string ElasticsearchSource::in_index(const std::string &action,
                                          const std::string &name) const {
  return action + " \"" + name + "\" in the index \"" + index_ + "\"";
}

awaitable<std::optional<Stored>> ElasticsearchSource::read(std::string name) {
  const std::string action = in_index("reading", name);
  const Answer answer = co_await reads_->call(name);
  co_return found_in(answer, name, action);
}

awaitable<std::vector<std::optional<Stored>>> ElasticsearchSource::read_many(
    std::vector<std::string> names) {
  std::vector<std::optional<Stored>> stored;
  if (names.empty()) co_return stored;
  const std::string action =
      "reading " + std::to_string(names.size()) + " sequences in the index \"" + index_ + "\"";
  for (auto begin = names.cbegin(); begin != names.cend();) {
    const auto rest = static_cast<std::size_t>(names.cend() - begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(rest, kMostJoined));
    const std::vector<std::string> some(begin, end);
    const std::vector<Answer> answers = co_await ask_for(some);
    for (std::size_t i = 0; i < some.size(); ++i) {
      stored.push_back(found_in(answers[i], some[i], action));
    }
    begin = end;
  }
  co_return stored;
}

std::optional<Stored> ElasticsearchSource::found_in(const Answer &answer, const std::string &name,
                                                    const std::string &action) {
  if (!answer.succeeded() && !answer.absent_document()) {
    throw failed(answer, Purpose::read, action);
  }
  try {
    const std::optional<Stored> stored = found_document(name, answer.body);
    health_->worked(Purpose::read);
    return stored;
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::read, action, e.what());
  }
}

awaitable<Stored> ElasticsearchSource::create(std::string name, Standing standing) {
  const std::string action = in_index("creating", name);
  const Json document = document_of(name, standing);
  const Request request{"PUT", path_of(write_index_, "_create", name) + "?" + write_parameters(),
                        document.dump()};
  const Answer answer = co_await ask(request, Purpose::write);
  co_await require_accepted(answer, action);
  Stored stored;
  try {
    stored = proven_creation(name, answer.body, standing);
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::write, action, e.what());
  }
  health_->worked(Purpose::write);
  co_return stored;
}

awaitable<Stored> ElasticsearchSource::update(std::string name, Version only_if, Change change) {
  const std::string action = in_index("updating", name);
  const Json fields = fields_of(change);
  Update update{name, only_if_condition(only_if), Json::object()};
  update.body["doc"] = fields;
  const Answer answer = co_await updates_->call(update);
  co_await require_accepted(answer, action);
  Stored stored;
  try {
    if (field(answer.body, "result") == "noop") {
      health_->worked(Purpose::write);
      const std::string what = "Elasticsearch at " + answer.host + ": " + action +
                               ": the values are there already, which proves nothing";
      throw SourceError(SourceError::Kind::not_applied, what);
    }
    stored = proven_update(name, answer.body, fields);
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::write, action, e.what());
  }
  health_->worked(Purpose::write);
  co_return stored;
}

awaitable<void> ElasticsearchSource::remove(std::string name, Version only_if) {
  const std::string action = in_index("removing", name);
  // To the index itself: a DELETE creates none, and knows no require_alias.
  const Request request{"DELETE",
                        path_of(index_, "_doc", name) + "?" + server_timeout_ +
                            "&if_seq_no=" + std::to_string(only_if.seq_no) +
                            "&if_primary_term=" + std::to_string(only_if.primary_term),
                        ""};
  const Answer answer = co_await ask(request, Purpose::write);
  if (!answer.succeeded()) throw failed(answer, Purpose::write, action);
  try {
    require_result(answer.body, "deleted");
    require_id(answer.body, name);
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::write, action, e.what());
  }
  health_->worked(Purpose::write);
}

awaitable<std::optional<std::int64_t>> ElasticsearchSource::largest_value(std::string index,
                                                                          std::string field_name) {
  const std::string action =
      "searching the largest \"" + field_name + "\" in the index \"" + index + "\"";
  // Sort values are exact for long; the max aggregation goes through double.
  Json descending = Json::object();
  descending[field_name] = {{"order", "desc"}};
  Json exists = Json::object();
  exists["exists"] = {{"field", field_name}};
  Json search = Json::object();
  search["size"] = 1;
  search["_source"] = false;
  search["query"] = exists;
  search["sort"] = Json::array({descending});
  const Request request{
      "POST", "/" + percent_encoded(index) + "/_search?allow_partial_search_results=false",
      search.dump()};
  const Answer answer = co_await ask(request, Purpose::read);
  if (!answer.succeeded()) {
    // A refusal is about that other index and says nothing of this source.
    const bool of_source = answer.status == 0 || answer.status == 401 || answer.status >= 500;
    throw of_source ? failed(answer, Purpose::read, action)
                    : error_of(answer, Purpose::read, action);
  }
  std::optional<std::int64_t> largest;
  try {
    largest = sorted_value(answer.body);
  } catch (const Malformed &e) {
    const std::string what =
        "Elasticsearch at " + answer.host + ": " + action + ": " + std::string(e.what());
    throw SourceError(SourceError::Kind::not_applied, what);
  }
  co_return largest;
}

}  // namespace essequence::sidecar
