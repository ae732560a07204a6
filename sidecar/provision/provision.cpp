#include "sidecar/provision/provision.hpp"

#include "sidecar/allocation/elasticsearch/index.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"
#include "sidecar/provision/cluster.hpp"
#include "sidecar/provision/differences.hpp"
#include "sidecar/provision/role.hpp"

namespace essequence::sidecar::provision {
namespace {

using namespace elasticsearch;

// The index behind `name`, as GET describes it: {"aliases", "mappings", "settings"}.
struct Place {
  std::string index;
  Json description;
};

std::optional<Place> look_up(Cluster &cluster, const std::string &name) {
  const std::string action = "looking for the index \"" + name + "\"";
  const Answer answer = cluster.ask("GET", "/" + percent_encoded(name) + "?flat_settings=true");
  if (answer.absent_index()) return std::nullopt;
  if (!answer.succeeded()) throw failed(action, answer);
  if (answer.body.size() != 1) {
    std::string names;
    for (const auto &[index, description] : answer.body.items()) names += " " + index;
    throw std::runtime_error("\"" + name + "\" stands for several indices:" + names +
                             "; an id must be counted in one: leave one in the alias");
  }
  const auto only = answer.body.items().begin();
  return Place{only.key(), only.value()};
}

void create_index(Cluster &cluster, const std::string &index, const std::string &alias) {
  const std::string action = "creating the index \"" + index + "\"";
  const Answer answer =
      cluster.ask("PUT", "/" + percent_encoded(index), index_definition(alias), Purpose::write);
  if (answer.succeeded()) return;
  if (answer.error_type == "resource_already_exists_exception") {
    throw std::runtime_error("there is an index \"" + index + "\", and the alias \"" + alias +
                             "\" does not name it; add the alias to it, or delete it if it is of "
                             "no use");
  }
  throw failed(action, answer);
}

// Where the index itself has the configured name, as one that a sidecar has made for itself.
Step ensure_write_alias(Cluster &cluster, const Place &place) {
  const std::string alias = write_alias_of(place.index);
  if (place.description.value("aliases", Json::object()).contains(alias)) {
    return {"alias " + alias, "is there"};
  }
  Json add;
  add["add"] = {{"index", place.index}, {"alias", alias}, {"is_hidden", true}};
  Json body;
  body["actions"] = Json::array({add});
  cluster.need("adding the alias \"" + alias + "\"", "POST", "/_aliases", body, Purpose::write);
  return {"alias " + alias, "created"};
}

Step ensure_marker(Cluster &cluster) {
  const std::string path = path_of(cluster.index(), "_doc", kMarkerName);
  const std::string thing = "marker document " + std::string(kMarkerName);
  const Answer answer = cluster.ask("GET", path);
  if (answer.succeeded()) return {thing, "is there"};
  if (!answer.absent_document()) throw failed("looking for the " + thing, answer);
  cluster.wait(cluster.source().prepare(true));
  return {thing, "created"};
}

}  // namespace

Provisioned provision(const ElasticsearchConfig &config, const std::string &role) {
  Cluster cluster(config);
  Provisioned done;
  const std::string &name = cluster.index();
  std::optional<Place> place = look_up(cluster, name);
  const std::string outcome = place ? "is there" : "created";
  if (!place) {
    create_index(cluster, name + "-000001", name);
    place = look_up(cluster, name);
    if (!place) throw std::runtime_error("the index \"" + name + "\" vanished as it was created");
  }
  done.steps.push_back({"index " + place->index, outcome});
  const bool is_alias = place->index != name;
  done.role = minimal_role(is_alias ? std::vector{name} : std::vector{name, write_alias_of(name)});

  done.problems = differences(place->index, place->description);
  if (!done.problems.empty()) return done;
  done.steps.push_back(is_alias ? Step{"alias " + name, outcome}
                                : ensure_write_alias(cluster, *place));
  done.steps.push_back(ensure_marker(cluster));
  const RoleOutcome made = ensure_role(cluster, role, done.role);
  done.steps.push_back({"role " + role, made.outcome});
  if (!made.problem.empty()) done.problems.push_back(made.problem);
  return done;
}

}  // namespace essequence::sidecar::provision
