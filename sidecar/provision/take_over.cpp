#include "sidecar/provision/take_over.hpp"

#include <chrono>
#include <map>
#include <thread>

#include "shmclient/src/name.hpp"
#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"
#include "sidecar/allocation/identity.hpp"
#include "sidecar/provision/cluster.hpp"
#include "sidecar/provision/creation.hpp"
#include "sidecar/provision/documents.hpp"

namespace essequence::sidecar::provision {
namespace {

using namespace elasticsearch;

// For a word to those who still write; that nothing slips through is for the block.
constexpr std::chrono::seconds kWatch{5};

// _id → {"_version", "_source"}: whatever is written shows.
using Counters = std::map<std::string, Json>;

Counters counters_in(Cluster &cluster, const std::string &ancestor) {
  Counters counters;
  each_document(cluster, ancestor, [&](const Json &hit) {
    const std::string id = text_field(hit, "_id");
    if (counters.count(id) != 0) {
      throw std::runtime_error("\"" + ancestor + "\" is more than one index, and \"" + id +
                               "\" is in two of them: name one index");
    }
    Json &counter = counters[id];
    counter["_version"] = field(hit, "_version");
    counter["_source"] = field(hit, "_source");
  });
  return counters;
}

void require_quiet(const std::string &ancestor, const Counters &before, const Counters &now) {
  for (const auto &[id, counter] : now) {
    const auto found = before.find(id);
    if (found != before.end() && found->second == counter) continue;
    throw std::runtime_error("\"" + ancestor + "\" is still written to (\"" + id +
                             "\" has changed): stop all that take ids from it, and try again");
  }
}

std::string path_of_settings(const std::string &ancestor) {
  return "/" + percent_encoded(ancestor) + "/_settings";
}

bool is_blocked(Cluster &cluster, const std::string &ancestor) {
  const Json settings =
      cluster.need("looking at the index \"" + ancestor + "\"", "GET",
                   path_of_settings(ancestor) + "/index.blocks.write?flat_settings=true");
  for (const auto &[index, found] : settings.items()) {
    if (field(found, "settings").value("index.blocks.write", Json()) != "true") return false;
  }
  return !settings.empty();
}

// When it has answered, no write is under way any more (unlike the setting of the same name).
void block(Cluster &cluster, const std::string &ancestor) {
  const std::string action = "blocking \"" + ancestor + "\" for writes";
  const Json reply = cluster.need(action, "PUT", "/" + percent_encoded(ancestor) + "/_block/write",
                                  Json(), Purpose::write);
  if (field(reply, "acknowledged") != true || field(reply, "shards_acknowledged") != true) {
    throw std::runtime_error(action + ": not all shards have done so; try again");
  }
}

void unblock(Cluster &cluster, const std::string &ancestor) {
  Json setting;
  setting["index.blocks.write"] = nullptr;
  cluster.need("allowing writes to \"" + ancestor + "\" again", "PUT", path_of_settings(ancestor),
               setting, Purpose::write);
}

// The counters as they stand for good.
Counters settled_counters(Cluster &cluster, const std::string &ancestor) {
  const bool blocked = is_blocked(cluster, ancestor);  // then a write may still be under way
  const Counters first = counters_in(cluster, ancestor);
  std::this_thread::sleep_for(kWatch);
  const Counters second = counters_in(cluster, ancestor);
  require_quiet(ancestor, first, second);
  if (blocked) return second;
  block(cluster, ancestor);
  Counters last = counters_in(cluster, ancestor);
  try {
    require_quiet(ancestor, second, last);
  } catch (const std::runtime_error &) {
    unblock(cluster, ancestor);
    throw;
  }
  return last;
}

std::string adopt(Creation &creation, const std::string &name, std::int64_t iid) {
  Standing standing;
  standing.origin = random_identity();
  standing.iid = standing.floor = iid;
  const std::optional<Standing> there = creation.create(name, standing);
  if (!there) return "taken over, goes on above " + std::to_string(iid);
  const std::int64_t stands_at = std::max(there->iid, there->floor);
  if (stands_at >= iid) return "is there already, goes on above " + std::to_string(stands_at);
  throw Malformed("it is there already, and goes on above " + std::to_string(stands_at) +
                  ", which would repeat ids up to " + std::to_string(iid) +
                  ": essequencectl raise it above that");
}

}  // namespace

TakenOver take_over(const ElasticsearchConfig &config, const std::string &ancestor) {
  Cluster cluster(config);
  if (cluster.ask("GET", path_of(ancestor, "_doc", kMarkerName)).succeeded()) {
    throw std::runtime_error("\"" + ancestor + "\" is an index of Essequence itself, with the " +
                             "marker in it; name the ancestor's");
  }
  const Counters counters = settled_counters(cluster, ancestor);
  TakenOver done;
  Creation creation(cluster);
  for (const auto &[id, counter] : counters) {
    try {
      const std::string problem = shm::name_problem(id);
      if (!problem.empty()) throw Malformed(problem);
      const Json &source = field(counter, "_source");
      if (source.value("name", id) != id) throw Malformed("its field \"name\" says otherwise");
      const std::int64_t iid = integer_field(source, "iid", 0);
      done.sequences.push_back({id, adopt(creation, id, iid)});
    } catch (const Malformed &e) {
      done.problems.push_back("\"" + id + "\" is not taken over: " + e.what());
    } catch (const Json::exception &e) {
      done.problems.push_back("\"" + id + "\" is not taken over: " + e.what());
    }
  }
  creation.finish();
  return done;
}

}  // namespace essequence::sidecar::provision
