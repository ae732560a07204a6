// What Elasticsearch, or whatever is at its address, answers: the real source above a transport
// that says what the input holds. A reply becomes a grant only if it proves one, which is decided
// here a second time, by other means.
#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/co_spawn.hpp>
#include <nlohmann/json.hpp>

#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/transport.hpp"
#include "sidecar/refill/judgement.hpp"
#include "tests/fuzz/input.hpp"

using namespace essequence::sidecar;
using nlohmann::json;
namespace asio = boost::asio;

namespace {

fuzz::Input *replies = nullptr;
elasticsearch::Reply last;  // that was given

// A byte for the status, one for what else went wrong, and the body up to a zero byte.
elasticsearch::Outcome next_outcome() {
  if (replies->empty()) return elasticsearch::Failure{true, false, "the input is at its end"};
  constexpr int statuses[] = {200, 201, 404, 409, 400, 401, 403, 408, 429, 500, 502, 503, 302, 207};
  const auto status = replies->number<std::uint8_t>();
  const auto fault = replies->number<std::uint8_t>();
  last.status = status < std::size(statuses) ? statuses[status] : 100 + 4 * status;
  last.sent_twice = (fault & 1) != 0;
  last.body = replies->text('\0');
  if ((fault & 0x0e) == 0x0e) return elasticsearch::Failure{(fault & 16) != 0, false, last.body};
  return last;
}

class Nothing final : public elasticsearch::Exchange {
 public:
  bool abandon_unsent() override { return false; }
};

}  // namespace

namespace essequence::sidecar::elasticsearch {

struct Transport::Client {};
Transport::Transport(const std::string &, const ElasticsearchConfig &) {}
Transport::~Transport() = default;
std::unique_ptr<Exchange> Transport::start(const Request &, std::function<void(Outcome)> done) {
  done(next_outcome());
  return std::make_unique<Nothing>();
}

}  // namespace essequence::sidecar::elasticsearch

namespace {

constexpr std::int64_t kAsked = 110;

// Runs `call` to its end; nothing where it threw what a source may throw.
template <class T>
std::optional<T> outcome_of(asio::io_context &loop, awaitable<T> call) {
  std::optional<T> result;
  bool over = false;
  asio::co_spawn(loop, std::move(call), [&](std::exception_ptr error, T value) {
    over = true;
    if (!error) result = std::move(value);
    try {
      if (error) std::rethrow_exception(error);
    } catch (const SourceError &told) {
      fuzz::require(*told.what() != '\0', "an error has words");
    }
  });
  while (!over) loop.run_one();
  return result;
}

// The proof of a grant, by the letter of the design.
bool proves_grant(const elasticsearch::Reply &reply) {
  const json body = json::parse(reply.body, nullptr, false);
  const auto is = [&](const char *pointer, const json &value) {
    const json::json_pointer at(pointer);
    return body.contains(at) && body.at(at) == value && !body.at(at).is_number_float();
  };
  return (reply.status == 200 || reply.status == 201) && body.is_object() &&
         is("/result", "updated") && is("/_id", "orders") && is("/get/found", true) &&
         is("/get/_source/iid", kAsked) && is("/get/_source/name", "orders");
}

void update(asio::io_context &loop, ElasticsearchSource &source) {
  Change change;
  change.iid = kAsked;
  const auto stored = outcome_of(loop, source.update("orders", {3, 1}, change));
  if (!stored) return;
  fuzz::require(proves_grant(last), "a grant is proven");
  fuzz::require(stored->standing.iid == kAsked, "the grant is the one that was asked for");

  Pin pin;
  pin.name = "orders";
  pin.origin = "origin-1";
  pin.index = "essequence";
  pin.epoch = 2;
  pin.mark = 100;
  const Standing &standing = stored->standing;
  if (judge(pin, standing, "index").kind == Judgement::Kind::consistent) {
    fuzz::require(standing.origin == pin.origin && standing.index == pin.index &&
                      standing.epoch == pin.epoch && standing.iid >= pin.mark && !standing.fenced,
                  "what is consistent is of this origin, index and epoch, and not behind");
  }
}

// A block of 10 beyond 100, of a document that is as this host knows it.
void advance(asio::io_context &loop, ElasticsearchSource &source) {
  const auto stored = outcome_of(loop, source.advance("orders", {"origin-1", 2, 100, 10}));
  if (!stored) return;
  const Standing &standing = stored->standing;
  fuzz::require(standing.iid >= 110 && standing.origin == "origin-1" && standing.epoch == 2 &&
                    !standing.fenced,
                "what was granted by a script lies beyond the mark of a known document");
}

void create(asio::io_context &loop, ElasticsearchSource &source) {
  Standing standing;
  standing.origin = "origin-1";
  const auto stored = outcome_of(loop, source.create("orders", standing));
  if (!stored) return;
  const json body = json::parse(last.body, nullptr, false);
  fuzz::require(body.is_object() && body.value("result", json()) == "created",
                "a creation is proven");
  fuzz::require(stored->standing.origin == "origin-1", "with the origin that was drawn");
}

awaitable<bool> prepared(ElasticsearchSource &source) {
  co_await source.prepare(true);
  co_return true;
}

awaitable<bool> removed(ElasticsearchSource &source) {
  co_await source.remove("orders", {3, 1});
  co_return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  fuzz::Input input(data, size);
  replies = &input;
  asio::io_context loop(1);
  const auto work = asio::make_work_guard(loop);
  ElasticsearchConfig config;
  config.hosts = {"http://one:9200", "http://two:9200"};
  ElasticsearchSource source(config, loop);
  switch (input.number<std::uint8_t>() % 10) {
    case 0:
      outcome_of(loop, source.read("orders"));
      break;
    case 1:
      outcome_of(loop, source.read_many({"orders", "invoices"}));
      break;
    case 2:
      create(loop, source);
      break;
    case 3:
      outcome_of(loop, source.read_marker());
      break;
    case 4:
      outcome_of(loop, source.largest_value("orders", "id"));
      break;
    case 5:
      outcome_of(loop, prepared(source));
      break;
    case 6:
      outcome_of(loop, removed(source));
      break;
    case 8:
      advance(loop, source);
      break;
    case 9:
      outcome_of(loop, source.read_confirmed("orders"));
      break;
    default:
      update(loop, source);
  }
  return 0;
}
