#include "sidecar/control/handlers.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "sidecar/control/metrics.hpp"
#include "sidecar/control/page/status_page.hpp"
#include "sidecar/control/sequence_json.hpp"

namespace essequence::sidecar {
namespace {

constexpr std::int64_t kLargestIncrement = INT32_MAX;
constexpr std::int64_t kLargestTake = UINT32_MAX;

HttpReply replied(const Json &json, unsigned status = 200) { return {status, text_of(json)}; }

HttpReply acknowledged() { return replied({{"acknowledged", true}}); }

// {"healthy","detail"}: an empty cause is good health.
Json health(const std::string &cause) { return {{"healthy", cause.empty()}, {"detail", cause}}; }

Json status_of(const Call &call) {
  using std::chrono::duration;
  using std::chrono::nanoseconds;
  const auto started =
      std::chrono::duration_cast<nanoseconds>(call.facts->started_at.time_since_epoch());
  const duration<double> uptime = std::chrono::steady_clock::now() - call.facts->running_since;
  const SourceHealth source = call.supply->source_health();
  return {
      {"version", call.facts->version},
      {"pid", call.facts->pid},
      {"started_at", rfc3339(started.count())},
      {"uptime_seconds", uptime.count()},
      {"source",
       {{"kind", call.supply->source_kind()},
        {"healthy", source.healthy},
        {"detail", source.detail}}},
      {"journal", health(call.supply->journal_failure())},
      {"sequences", call.supply->count()},
      {"layout", call.facts->layout},
  };
}

// One after the other: as one JSON value, ten thousand of them hold forty megabytes.
std::string list_text(const std::vector<SequenceStatus> &sequences) {
  std::string text = "{\"sequences\":[";
  const char *separator = "";
  for (const SequenceStatus &status : sequences) {
    text += std::exchange(separator, ",") + text_of(json_of(status));
  }
  return text + "]}\n";
}

std::int64_t id_asked_for(const Call &call) {
  const auto found = call.parameters.find("id");
  const std::string text = found == call.parameters.end() ? "" : found->second;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) return id;
  throw Refusal(400, "bad_request", "'id' is an integer of 64 bits, not '" + text + "'");
}

}  // namespace

awaitable<HttpReply> show_page(Call) {
  const std::string nonce = fresh_nonce();
  HttpReply reply{200, status_page(nonce), "text/html; charset=utf-8"};
  reply.content_policy = status_page_policy(nonce);
  co_return reply;
}

awaitable<HttpReply> show_health(Call call) {
  const SourceHealth source = call.supply->source_health();
  const std::string journal = call.supply->journal_failure();
  if (!source.healthy) {
    throw Refusal(503, "source_unhealthy", call.supply->source_kind() + ": " + source.detail);
  }
  if (!journal.empty()) throw Refusal(503, "journal_failing", journal);
  co_return replied({{"healthy", true}});
}

awaitable<HttpReply> show_metrics(Call call) {
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  auto make = [supply = call.supply] { return metrics_text(*supply); };
  reply.shared = co_await call.costly->metrics.get("", std::move(make), call.interruption);
  co_return reply;
}

awaitable<HttpReply> show_status(Call call) { co_return replied(status_of(call)); }

awaitable<HttpReply> show_overview(Call call) {
  auto make = [call, view = View::of(call.parameters)] {
    Json json = status_of(call);
    json["overview"] = call.overview->json(view);
    return text_of(json);
  };
  HttpReply reply;
  const std::string key = call.target;
  reply.shared = co_await call.costly->overview.get(key, std::move(make), call.interruption);
  co_return reply;
}

awaitable<HttpReply> list_sequences(Call call) {
  HttpReply reply;
  auto make = [supply = call.supply] { return list_text(supply->list()); };
  reply.shared = co_await call.costly->sequences.get("", std::move(make), call.interruption);
  co_return reply;
}

awaitable<HttpReply> show_sequence(Call call) {
  co_return replied(json_of(call.supply->show(call.name)));
}

awaitable<HttpReply> open_sequence(Call call) {
  OpenRequest request;
  request.start = call.fields.integer("start", 1);
  request.increment = call.fields.integer("increment", 1, kLargestIncrement);
  request.max = call.fields.integer("max", 1);
  const auto order = call.fields.one_of("order", {"host", "cluster"});
  if (order) request.order = order_named(*order);
  const auto bulk_size = call.fields.integer("bulk_size", 1);
  if (bulk_size) request.bulk_size = static_cast<std::uint64_t>(*bulk_size);
  request.above = call.fields.integer("above", 0);
  request.above_field = call.fields.index_and_field("above_field");
  request.from_start = call.fields.flag("from_start");
  call.fields.done();
  const bool created = co_await call.supply->open(call.name, std::move(request));
  co_return replied(json_of(call.supply->show(call.name)), created ? 201 : 200);
}

awaitable<HttpReply> delete_sequence(Call call) {
  co_await call.supply->remove(call.name);
  co_return acknowledged();
}

awaitable<HttpReply> reset_sequence(Call call) {
  const std::uint64_t epoch = co_await call.supply->reset(call.name);
  co_return replied({{"epoch", epoch}});
}

awaitable<HttpReply> raise_sequence(Call call) {
  const std::int64_t above = call.fields.required_integer("above", 0);
  call.fields.done();
  co_await call.supply->raise(call.name, above);
  co_return replied(json_of(call.supply->show(call.name)));
}

awaitable<HttpReply> unfence_sequence(Call call) {
  const std::int64_t above = call.fields.required_integer("above", 0);
  call.fields.done();
  co_await call.supply->unfence(call.name, above);
  co_return replied(json_of(call.supply->show(call.name)));
}

awaitable<HttpReply> take_ids(Call call) {
  const std::int64_t count = call.fields.integer("count", 1, kLargestTake).value_or(1);
  call.fields.done();
  const TakenRun run = co_await call.supply->take(call.name, static_cast<std::uint64_t>(count));
  co_return replied({{"first", run.first},
                     {"count", run.count},
                     {"increment", run.increment},
                     {"epoch", run.epoch}});
}

awaitable<HttpReply> list_blocks(Call call) {
  const std::int64_t id = id_asked_for(call);
  const std::vector<JournalledBlock> found = co_await call.supply->blocks(call.name, id);
  Json blocks = Json::array();
  for (const JournalledBlock &block : found) blocks.push_back(json_of(block));
  Json json;
  json["blocks"] = std::move(blocks);
  co_return replied(json);
}

awaitable<HttpReply> reset_all(Call call) {
  const std::map<std::string, ResetOutcome> outcomes = co_await call.supply->reset_all();
  Json sequences = Json::object();
  bool all = true;
  for (const auto &[name, outcome] : outcomes) {
    sequences[name] = outcome.refusal ? json_of(*outcome.refusal) : Json{{"epoch", outcome.epoch}};
    all = all && !outcome.refusal;
  }
  Json json;
  json["sequences"] = std::move(sequences);
  co_return replied(json, all ? 200 : 207);
}

awaitable<HttpReply> burn_all(Call call) {
  co_await call.supply->burn_all();
  co_return acknowledged();
}

awaitable<HttpReply> reload_config(Call call) {
  awaitable<void> reload = (*call.reload)();
  co_await std::move(reload);
  co_return acknowledged();
}

}  // namespace essequence::sidecar
