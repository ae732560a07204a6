#include "sidecar/ctl/verbs.hpp"

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/text_table.hpp"

namespace essequence::ctl {
namespace {

std::string path_of(const Arguments &typed, const char *verb = "") {
  return shm::path_of_sequence(typed.name) + verb;
}

// The sidecar's own words with --json, else as `people_read` lays them out.
template <class Layout>
void print_reply(const Arguments &typed, const std::string &reply, Layout people_read) {
  print(typed.json ? reply : people_read(parsed(reply)));
}

std::string above_body(const Arguments &typed) {
  return Json{{"above", typed.above_required}}.dump();
}

std::string state_of(const Json &sequence) {
  return as_word(sequence.value("name", Json())) + " is " +
         as_word(sequence.value("state", Json())) + ", epoch " +
         as_word(sequence.value("epoch", Json())) + ", high water " +
         as_word(sequence.value("high_water", Json())) + "\n";
}

Json above_field(const std::string &index_and_field) {
  const std::size_t slash = index_and_field.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == index_and_field.size()) {
    throw Stop(Exit::usage, "--above-field is INDEX/FIELD, not '" + index_and_field + "'");
  }
  return {{"index", index_and_field.substr(0, slash)},
          {"field", index_and_field.substr(slash + 1)}};
}

}  // namespace

void status(const Arguments &typed) {
  print_reply(typed, ask(typed.runtime_dir, "GET", "/v1/status"), labelled);
}

void list(const Arguments &typed) {
  const std::string reply = ask(typed.runtime_dir, "GET", "/v1/sequences");
  print_reply(typed, reply, [](const Json &body) {
    return table({{"NAME", "name"},
                  {"STATE", "state"},
                  {"EPOCH", "epoch"},
                  {"NEXT", "next_id"},
                  {"HIGH-WATER", "high_water"},
                  {"READY", "ready_ids"},
                  {"COVER/s", "cover_seconds"},
                  {"RATE/s", "rate_per_second"},
                  {"DETAIL", "detail"}},
                 body.value("sequences", Json::array()));
  });
}

void show(const Arguments &typed) {
  print_reply(typed, ask(typed.runtime_dir, "GET", path_of(typed)), labelled);
}

void create(const Arguments &typed) {
  Json body = Json::object();
  if (typed.start) body["start"] = *typed.start;
  if (typed.increment) body["increment"] = *typed.increment;
  if (typed.max) body["max"] = *typed.max;
  if (typed.above) body["above"] = *typed.above;
  if (!typed.order.empty()) body["order"] = typed.order;
  if (!typed.above_field.empty()) body["above_field"] = above_field(typed.above_field);
  if (typed.from_start) body["from_start"] = true;
  print_reply(typed, ask(typed.runtime_dir, "PUT", path_of(typed), body.dump()), state_of);
}

void reset(const Arguments &typed) {
  if (typed.all == !typed.name.empty()) throw Stop(Exit::usage, "reset takes a NAME or --all");
  if (typed.all) {
    const std::string reply = ask(typed.runtime_dir, "POST", "/v1/reset");
    const Json outcomes = parsed(reply).value("sequences", Json::object());
    print(typed.json ? reply : labelled(outcomes));
    for (const auto &[name, outcome] : outcomes.items()) {
      if (outcome.contains("error")) throw Stop(Exit::failed, "'" + name + "' was not reset");
    }
    return;
  }
  const std::string reply = ask(typed.runtime_dir, "POST", path_of(typed, "/reset"));
  print_reply(typed, reply, [&](const Json &body) {
    return typed.name + " begins anew, epoch " + as_word(body.value("epoch", Json())) + "\n";
  });
}

void raise(const Arguments &typed) {
  const std::string body = above_body(typed);
  print_reply(typed, ask(typed.runtime_dir, "POST", path_of(typed, "/raise"), body), state_of);
}

void unfence(const Arguments &typed) {
  const std::string body = above_body(typed);
  print_reply(typed, ask(typed.runtime_dir, "POST", path_of(typed, "/unfence"), body), state_of);
}

void remove(const Arguments &typed) {
  const std::string reply = ask(typed.runtime_dir, "DELETE", path_of(typed));
  print_reply(typed, reply, [&](const Json &) { return typed.name + " is deleted\n"; });
}

void burn(const Arguments &typed) {
  if (!typed.all) throw Stop(Exit::usage, "burn throws away what is in every ring: say --all");
  const std::string reply = ask(typed.runtime_dir, "POST", "/v1/burn");
  print_reply(typed, reply, [](const Json &) { return std::string("all rings are burnt\n"); });
}

void metrics(const Arguments &typed) { print(ask(typed.runtime_dir, "GET", "/metrics")); }

}  // namespace essequence::ctl
