#include "sidecar/provision/creation.hpp"

namespace essequence::sidecar::provision {

Creation::Creation(Cluster &cluster) : cluster_(cluster) {
  cluster_.wait(cluster_.source().prepare(false));
  cluster_.wait(cluster_.source().bump_marker());
}

std::optional<Standing> Creation::create(const std::string &name, const Standing &standing) {
  try {
    cluster_.wait(cluster_.source().create(name, standing));
    return std::nullopt;
  } catch (const SourceError &e) {
    if (e.kind() != SourceError::Kind::conflict) throw;
  }
  const std::optional<Stored> there = cluster_.wait(cluster_.source().read(name));
  if (!there) throw std::runtime_error("\"" + name + "\" appeared and vanished; try again");
  return there->standing;
}

void Creation::finish() { cluster_.wait(cluster_.source().bump_marker()); }

}  // namespace essequence::sidecar::provision
