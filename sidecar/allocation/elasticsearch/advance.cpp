// A block in one round trip under contention: a script moves the counter, where the cluster allows
// scripts in Painless. The server tries again by itself where another write came between.
#include "sidecar/allocation/elasticsearch/answer.hpp"
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/health.hpp"
#include "sidecar/allocation/elasticsearch/joint_calls.hpp"
#include "sidecar/allocation/elasticsearch/joint_requests.hpp"
#include "sidecar/allocation/elasticsearch/proof.hpp"
#include "sidecar/log.hpp"

namespace essequence::sidecar {

using namespace elasticsearch;

namespace {

// Does nothing where the document is not as it is known here, or runs out: a noop, for the caller
// to look into. No sum overflows: a block is at most 2^24 ids, an increment less than 2^31.
// Constant, so that it is compiled once.
constexpr const char *kScript = R"(
  def s = ctx._source;
  long iid = s.iid; long floor = s.floor; long start = s.start; long increment = s.increment;
  long max = s.max; long epoch = s.epoch; long count = params.count; long mark = params.mark;
  long known = params.epoch;
  long from = iid;
  if (floor >= start) {
    long last = floor < max ? floor : max;
    long aligned = start + (last - start) / increment * increment;
    if (aligned > from) from = aligned;
  }
  if (s.origin != params.origin || epoch != known || s.fenced || iid < mark ||
      from > max - count * increment) {
    ctx.op = 'none';
  } else {
    s.iid = from + count * increment;
  }
)";

constexpr int kTriesOfTheServer = 10;

Json script(const Advance &how) {
  Json params = Json::object();
  params["origin"] = how.origin;
  params["epoch"] = how.epoch;
  params["mark"] = how.mark;
  params["count"] = how.count;
  Json body = Json::object();
  body["script"] = {{"lang", "painless"}, {"source", kScript}, {"params", params}};
  return body;
}

// Not supported, or forbidden by script.allowed_types or script.allowed_contexts.
bool refuses_scripts(const Answer &answer) {
  return answer.status == 400 && answer.error_type == "illegal_argument_exception" &&
         (answer.cause.find("script_lang not supported") != std::string::npos ||
          answer.cause.find("cannot execute") != std::string::npos);
}

// The proof of `how`: of the right document, and a whole block beyond the mark. Throws Malformed.
Stored proven_advance(const std::string &name, const Json &reply, const Advance &how) {
  Json known = Json::object();
  known["origin"] = how.origin;
  known["epoch"] = how.epoch;
  known["fenced"] = false;
  Stored stored = proven_update(name, reply, known);
  const std::int64_t iid = stored.standing.iid;
  const auto width = how.count * static_cast<std::uint64_t>(stored.standing.progression.increment);
  // Unsigned: the mark may be negative, and the difference then above INT64_MAX.
  const auto beyond = static_cast<std::uint64_t>(iid) - static_cast<std::uint64_t>(how.mark);
  if (iid < how.mark || beyond < width) {
    throw Malformed("iid " + std::to_string(iid) + " is no block of " + std::to_string(how.count) +
                    " above " + std::to_string(how.mark));
  }
  return stored;
}

}  // namespace

awaitable<Stored> ElasticsearchSource::advance(std::string name, Advance how) {
  const std::string action = in_index("advancing", name);
  Update update{name, Json::object(), script(how)};
  update.condition["retry_on_conflict"] = kTriesOfTheServer;
  const Answer answer = co_await updates_->call(update);
  if (refuses_scripts(answer)) {
    if (scripts_) spdlog::warn("{}; allocating by compare-and-set from now on", answer.cause);
    scripts_ = false;
    const std::string what = "Elasticsearch at " + answer.host + ": " + answer.cause;
    throw SourceError(SourceError::Kind::not_applied, what);
  }
  co_await require_accepted(answer, action);
  Stored stored;
  try {
    if (field(answer.body, "result") == "noop") {
      health_->worked(Purpose::write);
      const std::string what = action + ": the document is not as this host knows it";
      throw SourceError(SourceError::Kind::not_applied, what);
    }
    stored = proven_advance(name, answer.body, how);
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::write, action, e.what());
  }
  health_->worked(Purpose::write);
  co_return stored;
}

}  // namespace essequence::sidecar
