#include "sidecar/control/routes.hpp"

#include <string_view>
#include <utility>

#include "shmclient/src/name.hpp"
#include "sidecar/control/handlers.hpp"
#include "sidecar/control/loopback_host.hpp"
#include "sidecar/control/request_target.hpp"
#include "sidecar/control/sequence_json.hpp"
#include "sidecar/event.hpp"

namespace essequence::sidecar {
namespace {

// Besides the path: a JSON body, the parameter "id", or what View::of() takes.
enum class Takes { nothing, fields, id, view };

struct Route {
  std::string_view method;
  std::string_view path;  // "*" is the name of a sequence
  Right right;
  Takes takes;
  Handler handler;
};

constexpr Route kRoutes[] = {
    {"GET", "/", Right::read, Takes::nothing, show_page},
    {"GET", "/healthz", Right::read, Takes::nothing, show_health},
    {"GET", "/metrics", Right::read, Takes::nothing, show_metrics},
    {"GET", "/v1/status", Right::read, Takes::nothing, show_status},
    {"GET", "/v1/overview", Right::read, Takes::view, show_overview},
    {"GET", "/v1/sequences", Right::read, Takes::nothing, list_sequences},
    {"GET", "/v1/sequences/*", Right::read, Takes::nothing, show_sequence},
    {"PUT", "/v1/sequences/*", Right::open, Takes::fields, open_sequence},
    {"DELETE", "/v1/sequences/*", Right::admin, Takes::nothing, delete_sequence},
    {"POST", "/v1/sequences/*/reset", Right::reset, Takes::nothing, reset_sequence},
    {"POST", "/v1/sequences/*/raise", Right::admin, Takes::fields, raise_sequence},
    {"POST", "/v1/sequences/*/unfence", Right::admin, Takes::fields, unfence_sequence},
    {"POST", "/v1/sequences/*/take", Right::take, Takes::fields, take_ids},
    {"GET", "/v1/sequences/*/blocks", Right::read, Takes::id, list_blocks},
    {"POST", "/v1/reset", Right::reset, Takes::nothing, reset_all},
    {"POST", "/v1/burn", Right::admin, Takes::nothing, burn_all},
    {"POST", "/v1/reload", Right::admin, Takes::nothing, reload_config},
};

bool matches(std::string_view pattern, const std::vector<std::string> &segments) {
  std::size_t position = 0;
  for (const std::string &segment : segments) {
    if (pattern.empty()) return false;
    pattern.remove_prefix(1);
    const std::string_view expected = pattern.substr(0, pattern.find('/'));
    if (expected != "*" && expected != segment) return false;
    pattern.remove_prefix(expected.size());
    ++position;
  }
  return position > 0 && pattern.empty();
}

// The route of a request; without one, the methods that its path does have.
struct Found {
  const Route *route = nullptr;
  std::string allow;
};

Found find_route(std::string_view method, const std::vector<std::string> &segments) {
  Found found;
  for (const Route &route : kRoutes) {
    if (!matches(route.path, segments)) continue;
    if (route.method == method) return {&route, ""};
    found.allow += (found.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  return found;
}

HttpReply refused(const Refusal &refusal) {
  return {static_cast<unsigned>(refusal.status()), text_of(json_of(refusal))};
}

void check_name(const std::string &name) {
  const std::string problem = shm::name_problem(name);
  if (!problem.empty()) throw Refusal(400, "bad_name", problem);
}

void check_parameters(const RequestTarget &target, Takes takes) {
  for (const auto &[name, value] : target.parameters) {
    if (takes == Takes::view || (takes == Takes::id && name == "id")) continue;
    throw Refusal(400, "bad_request", "unknown parameter '" + name + "'");
  }
}

bool is_change(const std::string &method) { return method != "GET" && method != "HEAD"; }

bool is_take(const HttpRequest &request) {
  return request.method == "POST" && request.target.ends_with("/take");
}

// A failure may follow what was done already, but for those that are found before anything is
// begun. Takes, and opening what there is, are everyday work, which may be repeated without end.
bool may_have_changed(const HttpRequest &request, unsigned status) {
  if (is_take(request)) return false;
  if (request.method == "PUT") return status == 201 || status == 504;
  return status != 400 && status != 403 && status != 404 && status != 405;
}

// The sequence that it names; empty: none, or by no name.
std::string sequence_of(const HttpRequest &request) {
  try {
    std::vector<std::string> segments = parse_target(request.target).segments;
    const bool named = segments.size() > 2 && segments[1] == "sequences";
    if (named && shm::name_problem(segments[2]).empty()) return std::move(segments[2]);
  } catch (const Refusal &) {  // it says so in its reply
  }
  return "";
}

void log_change(const HttpRequest &request, const Peer &peer, const HttpReply &reply) {
  // A take of order = "cluster" is everyday work and far too frequent for a log.
  const bool everyday = reply.status == 200 && is_take(request);
  const auto level = everyday              ? spdlog::level::debug
                     : reply.status >= 400 ? spdlog::level::warn
                                           : spdlog::level::info;
  if (!spdlog::should_log(level)) return;  // as takes are not, and come by the thousand
  const std::string outcome = reply.status >= 400 ? reply.body : "";
  std::vector<Field> fields = {{"REQUEST", request.method + " " + request.target},
                               {"PEER_UID", std::to_string(peer.uid)},
                               {"PEER_PID", std::to_string(peer.pid)},
                               {"STATUS", std::to_string(reply.status)}};
  const std::string sequence = sequence_of(request);
  if (!sequence.empty()) fields.push_back({"SEQUENCE", sequence});
  tell(level, may_have_changed(request, reply.status) ? event::change : event::request,
       fmt::format("{} {} by uid {}, pid {}: {} {}", request.method, request.target, peer.uid,
                   peer.pid, reply.status, outcome),
       std::move(fields));
}

}  // namespace

Routes::Routes(Supply &supply, Authorization authorization, DaemonFacts facts, Reload reload)
    : supply_(supply),
      authorization_(std::move(authorization)),
      facts_(std::move(facts)),
      reload_(std::move(reload)),
      overview_(supply_) {}

awaitable<HttpReply> Routes::dispatch(HttpRequest request, Caller caller) {
  // The connection leaves out the body.
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  // Strangers are told that they are, and nothing else.
  if (caller.peer) authorization_.require(*caller.peer, Right::read, "");
  if (caller.check_host && !is_loopback_host(request.host)) {
    throw Refusal(403, "bad_host", "the Host '" + request.host + "' does not name this machine");
  }
  if (!caller.peer && method != "GET") {
    throw Refusal(403, "read_only",
                  "this address only answers GET and HEAD; use the control socket");
  }
  RequestTarget target = parse_target(request.target);
  const Found found = find_route(method, target.segments);
  if (found.route == nullptr && found.allow.empty()) {
    throw Refusal(404, "unknown_path", "there is nothing at '" + request.target + "'");
  }
  if (found.route == nullptr) {
    const Refusal refusal(405, "method_not_allowed", "allowed here: " + found.allow);
    HttpReply reply = refused(refusal);
    reply.allow = found.allow;
    co_return reply;
  }
  const Route &route = *found.route;
  const bool named = route.path.find('*') != std::string_view::npos;
  std::string name = named ? target.segments[2] : "";
  if (named) check_name(name);
  if (caller.peer) authorization_.require(*caller.peer, route.right, name);
  check_parameters(target, route.takes);
  RequestFields fields(request.body);
  if (route.takes != Takes::fields) fields.done();
  Call call{&supply_,          &facts_,
            &reload_,          &costly_,
            &overview_,        request.target,
            std::move(name),   std::move(target.parameters),
            std::move(fields), request.interruption};
  awaitable<HttpReply> pending = route.handler(std::move(call));
  HttpReply reply = co_await std::move(pending);
  co_return reply;
}

awaitable<HttpReply> Routes::answer(HttpRequest request, Caller caller) {
  HttpReply reply;
  try {
    awaitable<HttpReply> pending = dispatch(request, caller);
    reply = co_await std::move(pending);
  } catch (const Refusal &refusal) {
    reply = refused(refusal);
  } catch (const std::exception &error) {
    tell(spdlog::level::err, event::request,
         fmt::format("{} {} failed: {}", request.method, request.target, error.what()));
    const Refusal refusal(500, "internal_error", error.what());
    reply = refused(refusal);
  }
  if (caller.peer && is_change(request.method)) log_change(request, *caller.peer, reply);
  co_return reply;
}

}  // namespace essequence::sidecar
