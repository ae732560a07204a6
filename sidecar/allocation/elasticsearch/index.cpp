// The index: found, or created with what ids need and nothing else.
#include "sidecar/allocation/elasticsearch/index.hpp"

#include <utility>

#include "sidecar/allocation/elasticsearch/answer.hpp"
#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/health.hpp"
#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"
#include "sidecar/log.hpp"

namespace essequence::sidecar {

namespace elasticsearch {

// It goes when the index goes.
std::string write_alias_of(const std::string &index) { return index + "-write"; }

Json index_definition(const std::string &alias) {
  Json settings = Json::object();
  settings["number_of_shards"] = 1;
  settings["auto_expand_replicas"] = "0-1";
  settings["hidden"] = true;
  settings["translog.durability"] = "request";
  Json definition = Json::object();
  definition["settings"]["index"] = settings;
  definition["mappings"] = mapping();
  if (!alias.empty()) definition["aliases"][alias]["is_hidden"] = true;
  return definition;
}

}  // namespace elasticsearch

using namespace elasticsearch;

namespace {

constexpr const char *kDurability = "index.translog.durability";

// Whether the answer to a GET of the marker through `name` comes from the index `index`.
bool answers_for(const Answer &answer, const std::string &index) {
  if (!answer.succeeded() && !answer.absent_document()) return false;
  const auto found = answer.body.find("_index");
  return found != answer.body.end() && *found == index;
}

// Says so where a crash of its node can take acknowledged writes with it, after which ids would
// repeat. A role that may not read the settings is not asked to.
awaitable<void> warn_of_async_translog(Http &http, std::string index) {
  const std::string path = "/" + percent_encoded(index) + "/_settings/";
  const Request request{"GET", path + kDurability + "?flat_settings=true", ""};
  Heard heard = co_await http.ask(request, Purpose::read);
  const Answer answer = read_answer(std::move(heard));
  if (!answer.succeeded()) co_return;
  for (const auto &[concrete, found] : answer.body.items()) {
    const Json settings = found.is_object() ? found.value("settings", Json()) : Json();
    if (!settings.is_object() || settings.value(kDurability, Json()) != "async") continue;
    spdlog::warn(
        "the index \"{}\" has {} \"async\": a crash of its node can lose blocks that were granted, "
        "and their ids would be granted again; set it to \"request\"",
        concrete, kDurability);
  }
}

}  // namespace

awaitable<ElasticsearchSource::Place> ElasticsearchSource::find_place() {
  const std::string action = "looking for the index \"" + index_ + "\"";
  const Request probe{"GET", path_of(index_, "_doc", kMarkerName), ""};
  const Answer answer = co_await ask(probe, Purpose::read);
  // The name to write to stays: it must not become one that a write would create.
  if (answer.absent_index()) co_return Place{false, false};
  if (!answer.succeeded() && !answer.absent_document()) {
    throw failed(answer, Purpose::read, action);
  }
  std::string concrete;
  bool marker = false;
  try {
    concrete = text_field(answer.body, "_index");
    marker = field(answer.body, "found") == true;
  } catch (const Malformed &e) {
    throw unfit(answer, Purpose::read, action, e.what());
  }
  std::string write_index = index_;
  bool write_alias = concrete != index_;
  if (!write_alias) {
    // An administrator's index may lack the alias, or the role may not cover it.
    const std::string alias = write_alias_of(index_);
    const Request probe_alias{"GET", path_of(alias, "_doc", kMarkerName), ""};
    const Answer through_alias = co_await ask(probe_alias, Purpose::read);
    if (through_alias.status == 0 || through_alias.status >= 500) {
      throw failed(through_alias, Purpose::read, action);
    }
    if (answers_for(through_alias, index_)) {
      write_index = alias;
      write_alias = true;
    }
  }
  health_->worked(Purpose::read);
  write_index_ = write_index;
  write_alias_ = write_alias;
  co_return Place{true, marker};
}

awaitable<void> ElasticsearchSource::prepare(bool may_create) {
  Place place = co_await find_place();
  if (place.index && place.marker) {
    co_await warn_of_async_translog(*http_, index_);
    co_return;
  }
  if (!may_create) {
    const std::string what = "the index \"" + index_ + "\" " +
                             (place.index ? "has no marker document" : "does not exist") +
                             "; set elasticsearch.create, or run essequencectl provision";
    health_->failed(Purpose::read, what);
    throw SourceError(SourceError::Kind::missing, what);
  }
  if (!place.index) co_await create_index();
  // Before the index is read: a write waits for a shard that another creator has just made.
  co_await create_marker();
  place = co_await find_place();
  if (place.marker) co_return;
  const std::string what = "the index \"" + index_ + "\" vanished while it was created";
  health_->failed(Purpose::read, what);
  throw SourceError(SourceError::Kind::missing, what);
}

awaitable<void> ElasticsearchSource::create_index() {
  const std::string action = "creating the index \"" + index_ + "\"";
  const std::string path = "/" + percent_encoded(index_) + "?" + server_timeout_;
  std::string alias = write_alias_of(index_);
  bool alias_is_taken = false;
  for (;;) {
    const Request request{"PUT", path, index_definition(alias).dump()};
    const Answer answer = co_await ask(request, Purpose::write);
    if (answer.succeeded()) co_return;
    if (answer.error_type == "invalid_alias_name_exception" && !alias_is_taken) {
      alias_is_taken = true;
      co_await remove_stray_index(alias);
      continue;
    }
    // Another creator was faster, or the name is an alias by now.
    if (answer.status == 400 && (answer.error_type == "resource_already_exists_exception" ||
                                 answer.error_type == "invalid_index_name_exception")) {
      const Request probe{"GET", path_of(index_, "_doc", kMarkerName), ""};
      const Answer there = co_await ask(probe, Purpose::read);
      if (!there.absent_index() && there.status != 400) co_return;
    }
    const bool may_be_the_alias = answer.status == 403 && !alias.empty();
    if (!may_be_the_alias) throw failed(answer, Purpose::write, action);
    alias.clear();
  }
}

// An index in the alias's place. Elasticsearch checks require_alias and creates what is missing
// with two looks at the cluster's state, so a write that falls between them, when the index is
// deleted, leaves one behind (seen on 8.19.5). Nothing was granted from it: it is empty.
awaitable<void> ElasticsearchSource::remove_stray_index(std::string name) {
  const std::string action = "looking into the index \"" + name + "\"";
  const std::string path = "/" + percent_encoded(name);
  const Request refresh{"POST", path + "/_refresh", ""};  // or the newest is not counted
  const Answer refreshed = co_await ask(refresh, Purpose::read);
  if (!refreshed.succeeded()) throw failed(refreshed, Purpose::read, action);
  const Request count{"GET", path + "/_count", ""};
  const Answer counted = co_await ask(count, Purpose::read);
  if (!counted.succeeded()) throw failed(counted, Purpose::read, action);
  const auto documents = counted.body.find("count");
  if (documents == counted.body.end() || *documents != 0) {
    const std::string what =
        "an index \"" + name + "\" that is not empty has the name of the alias " +
        "that writes to \"" + index_ + "\" go through: delete it, if it is of no use";
    health_->failed(Purpose::read, what);
    throw SourceError(SourceError::Kind::not_applied, what);
  }
  const Request removal{"DELETE", path + "?" + server_timeout_, ""};
  const Answer removed = co_await ask(removal, Purpose::write);
  if (!removed.succeeded() && !removed.absent_index()) {
    throw failed(removed, Purpose::write, "deleting the empty index \"" + name + "\"");
  }
}

}  // namespace essequence::sidecar
