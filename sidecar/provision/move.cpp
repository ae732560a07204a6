#include "sidecar/provision/move.hpp"

#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"
#include "sidecar/allocation/local/local_store.hpp"
#include "sidecar/journal/directory_lock.hpp"
#include "sidecar/provision/cluster.hpp"
#include "sidecar/provision/creation.hpp"
#include "sidecar/provision/documents.hpp"
#include "sidecar/provision/exported.hpp"

namespace essequence::sidecar::provision {
namespace {

constexpr std::size_t kPage = 1000;

std::vector<Exported> read_lines(std::istream &lines) {
  std::vector<Exported> sequences;
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    try {
      sequences.push_back(from_line(line));
    } catch (const elasticsearch::Malformed &e) {
      throw std::runtime_error("line " + std::to_string(number) +
                               " is not what essequencectl export writes: " + e.what());
    }
  }
  if (lines.bad()) throw std::runtime_error("the lines to import cannot be read to their end");
  return sequences;
}

}  // namespace

void export_index(const ElasticsearchConfig &config, const Sink &sink) {
  Cluster cluster(config);
  std::vector<std::string> names;
  each_document(cluster, cluster.index(), [&](const Json &hit) {
    const std::string name = elasticsearch::text_field(hit, "_id");
    if (name != elasticsearch::kMarkerName) names.push_back(name);
  });
  // A search may be a refresh behind; what is read by name is as new as it can be.
  for (std::size_t begin = 0; begin < names.size(); begin += kPage) {
    const std::size_t end = std::min(names.size(), begin + kPage);
    const std::vector<std::string> page(names.begin() + static_cast<std::ptrdiff_t>(begin),
                                        names.begin() + static_cast<std::ptrdiff_t>(end));
    const auto found = cluster.wait(cluster.source().read_many(page));
    for (std::size_t i = 0; i < page.size(); ++i) {
      if (found[i]) sink(to_line({page[i], found[i]->standing}));
    }
  }
}

void export_local_store(const std::string &state_dir, const Sink &sink) {
  LocalStore store(state_dir);
  // Before the lock: where there is no store, no lock shall be left that is not its owner's.
  if (!sqlite::StoreFile::exists(store.path())) {
    throw std::runtime_error("there is no local store " + store.path());
  }
  const DirectoryLock lock(state_dir);
  store.open(false);
  for (const std::string &name : store.names()) {
    const auto stored = store.read(name);
    sink(to_line({name, stored.value().standing}));
  }
}

Imported import_sequences(const ElasticsearchConfig &config, std::istream &lines) {
  const std::vector<Exported> sequences = read_lines(lines);
  Cluster cluster(config);
  Imported done;
  Creation creation(cluster);
  for (const auto &[name, standing] : sequences) {
    const Standing successor = successor_of(standing);
    const auto there = creation.create(name, successor);
    if (there) {
      done.problems.push_back("\"" + name + "\" is in the index \"" + cluster.index() +
                              "\" already, at " + std::to_string(there->iid) +
                              ", and stays as it is");
    } else {
      done.sequences.push_back({name, "imported, goes on above " + std::to_string(successor.iid)});
    }
  }
  creation.finish();
  return done;
}

}  // namespace essequence::sidecar::provision
