#include "sidecar/allocation/elasticsearch/document.hpp"

#include <limits>
#include <utility>

namespace essequence::sidecar::elasticsearch {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLargestIncrement = std::numeric_limits<std::int32_t>::max();
// start - increment, the value of iid and floor before the first id.
constexpr std::int64_t kLeastId = 1 - kLargestIncrement;
constexpr std::size_t kLongestText = 512;

[[noreturn]] void refuse(const char *key, const Json &value, const std::string &expected) {
  // Invalid UTF-8 cannot occur: the parser refuses it.
  std::string shown = value.dump();
  if (shown.size() > 80) shown = "a longer " + std::string(value.type_name());
  throw Malformed("field \"" + std::string(key) + "\" is " + shown + "; it must be " + expected);
}

std::string short_text(const char *key, const Json &value) {
  if (!value.is_string()) refuse(key, value, "a string");
  auto text = value.get<std::string>();
  if (text.empty() || text.size() > kLongestText) refuse(key, value, "a string of 1-512 bytes");
  return text;
}

Progression progression_of(const Json &source) {
  Progression progression;
  progression.start = integer_field(source, "start", 1);
  progression.increment = integer_field(source, "increment", 1);
  progression.max = integer_field(source, "max", 1);
  if (progression.increment > kLargestIncrement) {
    refuse("increment", source["increment"], "at most " + std::to_string(kLargestIncrement));
  }
  if (progression.max < progression.start) {
    refuse("max", source["max"], "at least start, " + std::to_string(progression.start));
  }
  const auto order = text_field(source, "order");
  if (order != "host" && order != "cluster") refuse("order", order, "\"host\" or \"cluster\"");
  progression.order = order_named(order);
  return progression;
}

}  // namespace

Json mapping() {
  const auto stored_only = [](const char *type) {
    return Json{{"type", type}, {"index", false}, {"doc_values", false}};
  };
  Json properties;
  for (const char *text : {"name", "origin", "replaces", "order"}) {
    properties[text] = stored_only("keyword");
  }
  for (const char *number : {"iid", "epoch", "floor", "start", "increment", "max"}) {
    properties[number] = stored_only("long");
  }
  properties["fenced"] = stored_only("boolean");
  return {{"dynamic", "strict"}, {"properties", properties}};
}

Json document_of(const std::string &name, const Standing &standing) {
  const auto &progression = standing.progression;
  return {{"name", name},
          {"iid", standing.iid},
          {"epoch", standing.epoch},
          {"origin", standing.origin},
          {"floor", standing.floor},
          {"fenced", standing.fenced},
          {"replaces", standing.replaces},
          {"start", progression.start},
          {"increment", progression.increment},
          {"max", progression.max},
          {"order", name_of(progression.order)}};
}

Json fields_of(const Change &change) {
  Json fields = Json::object();
  if (change.iid) fields["iid"] = *change.iid;
  if (change.epoch) fields["epoch"] = *change.epoch;
  if (change.floor) fields["floor"] = *change.floor;
  if (change.fenced) fields["fenced"] = *change.fenced;
  if (change.origin) fields["origin"] = *change.origin;
  if (change.replaces) fields["replaces"] = *change.replaces;
  return fields;
}

bool echoes(const Json &source, const Json &fields) {
  for (const auto &[key, asked] : fields.items()) {
    const auto stored = source.find(key);
    // A float that equals the integer is not the same value: it may have been rounded.
    if (stored == source.end() || stored->is_number_float() || *stored != asked) return false;
  }
  return true;
}

const Json &field(const Json &object, const char *key) {
  if (!object.is_object()) throw Malformed("\"" + std::string(key) + "\" has no object around it");
  const auto found = object.find(key);
  if (found == object.end()) throw Malformed("field \"" + std::string(key) + "\" is missing");
  return *found;
}

std::string text_field(const Json &object, const char *key) {
  return short_text(key, field(object, key));
}

std::int64_t integer_field(const Json &object, const char *key, std::int64_t least) {
  const Json &value = field(object, key);
  const bool whole = value.is_number_integer() &&
                     !(value.is_number_unsigned() &&
                       value.get<std::uint64_t>() > static_cast<std::uint64_t>(kLargest));
  if (!whole || value.get<std::int64_t>() < least) {
    refuse(key, value, "an integer from " + std::to_string(least) + " to 2^63-1");
  }
  return value.get<std::int64_t>();
}

void require_id(const Json &hit, const std::string &name) {
  const Json &id = field(hit, "_id");
  if (id != name) refuse("_id", id, "the name that was asked for");
}

Version version_of(const Json &hit) {
  Version version;
  version.seq_no = integer_field(hit, "_seq_no", 0);
  version.primary_term = integer_field(hit, "_primary_term", 1);
  return version;
}

Standing standing_of(const std::string &name, const Json &source) {
  Standing standing;
  if (field(source, "name") != name) refuse("name", source["name"], "the document's _id");
  standing.origin = text_field(source, "origin");
  standing.epoch = static_cast<std::uint64_t>(integer_field(source, "epoch", 1));
  standing.iid = integer_field(source, "iid", kLeastId);
  standing.floor = integer_field(source, "floor", kLeastId);
  const Json &fenced = field(source, "fenced");
  if (!fenced.is_boolean()) refuse("fenced", fenced, "true or false");
  standing.fenced = fenced.get<bool>();
  const Json &replaces = field(source, "replaces");
  if (!replaces.is_array()) refuse("replaces", replaces, "an array of strings");
  for (const Json &one : replaces) standing.replaces.push_back(short_text("replaces", one));
  standing.progression = progression_of(source);
  return standing;
}

Stored stored_of(const std::string &name, const Json &hit, const Json &source) {
  Stored stored;
  require_id(hit, name);
  stored.version = version_of(hit);
  const std::string index = text_field(hit, "_index");
  stored.standing = standing_of(name, source);
  stored.standing.index = index;
  return stored;
}

}  // namespace essequence::sidecar::elasticsearch
