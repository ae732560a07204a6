#include "sidecar/provision/role.hpp"

#include <algorithm>
#include <set>

#include "sidecar/allocation/elasticsearch/path.hpp"

namespace essequence::sidecar::provision {
namespace {

std::set<Json> set_of(const Json &object, const char *key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return {};
  return {found->begin(), found->end()};
}

// The API adds fields of its own to what it was given, and has its own order.
bool grants_the_same(const Json &there, const Json &role) {
  if (!there.is_object() || !set_of(there, "cluster").empty()) return false;
  const Json indices = there.value("indices", Json());
  if (!indices.is_array() || indices.size() != 1 || !indices[0].is_object()) return false;
  for (const char *key : {"names", "privileges"}) {
    if (set_of(indices[0], key) != set_of(role["indices"][0], key)) return false;
  }
  return true;
}

}  // namespace

Json minimal_role(const std::vector<std::string> &names) {
  Json grant;
  grant["names"] = names;
  grant["privileges"] = {"read", "index"};
  Json role;
  role["cluster"] = Json::array();
  role["indices"] = Json::array({grant});
  return role;
}

RoleOutcome ensure_role(Cluster &cluster, const std::string &name, const Json &role) {
  const std::string path = "/_security/role/" + elasticsearch::percent_encoded(name);
  const Answer found = cluster.ask("GET", path);
  if (found.succeeded()) {
    if (grants_the_same(found.body.value(name, Json()), role)) return {"is there", ""};
    return {"is there, and differs",
            "the role \"" + name + "\" grants something else than the minimal one; give it the " +
                "privileges below, or choose another name with --role"};
  }
  // "no handler found", an error without a type; 7.x takes the path for one of a document.
  if (found.error_type == "error" || found.absent_index()) {
    return {"not created: this cluster has no role API (its security is off, or of another kind)",
            ""};
  }
  Answer made = found;
  // A role that is absent is a 404 without any error.
  const bool absent = found.status == 404 && found.error_type.empty();
  if (absent) made = cluster.ask("PUT", path, role, Purpose::write);
  if (made.succeeded()) return {"created", ""};
  return {"not created", "the role \"" + name + "\" could not be made (" + made.cause +
                             "); give the sidecar's user the privileges below in another way"};
}

}  // namespace essequence::sidecar::provision
