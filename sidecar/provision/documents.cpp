#include "sidecar/provision/documents.hpp"

#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"

namespace essequence::sidecar::provision {

void each_document(Cluster &cluster, const std::string &index,
                   const std::function<void(const Json &hit)> &see) {
  using namespace elasticsearch;
  const std::string action = "reading all documents of \"" + index + "\"";
  const std::string path = "/" + percent_encoded(index);
  cluster.need("refreshing \"" + index + "\"", "POST", path + "/_refresh");
  Json search;
  search["size"] = 1000;
  search["sort"] = {"_doc"};
  Json page = cluster.need(action, "POST", path + "/_search?scroll=1m&version=true", search);
  std::string scroll;
  std::int64_t left = -1;
  try {
    for (;;) {
      scroll = field(page, "_scroll_id").get<std::string>();
      const Json &hits = field(page, "hits");
      if (left < 0) left = integer_field(field(hits, "total"), "value", 0);
      if (field(page, "timed_out") != false ||
          integer_field(field(page, "_shards"), "failed", 0) != 0) {
        throw Malformed("a shard did not answer");
      }
      const Json &found = field(hits, "hits");
      if (!found.is_array()) throw Malformed("field \"hits\" must be an array");
      for (const Json &hit : found) see(hit);
      left -= static_cast<std::int64_t>(found.size());
      if (found.empty() || left <= 0) break;
      page = cluster.need(action, "POST", "/_search/scroll",
                          Json{{"scroll", "1m"}, {"scroll_id", scroll}});
    }
    if (left != 0) throw Malformed("not all of them were given out");
  } catch (const Malformed &e) {
    throw std::runtime_error(action + ": " + e.what());
  } catch (const Json::exception &e) {
    throw std::runtime_error(action + ": " + e.what());
  }
  cluster.ask("DELETE", "/_search/scroll", Json{{"scroll_id", scroll}});  // or it ends by itself
}

}  // namespace essequence::sidecar::provision
