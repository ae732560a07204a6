#include "sidecar/refill/judgement.hpp"

#include <algorithm>

namespace essequence::sidecar {
namespace {

bool declared_replaced(const Standing &standing, const std::string &what) {
  return std::find(standing.replaces.begin(), standing.replaces.end(), what) !=
         standing.replaces.end();
}

Judgement impossible(std::string cause) { return {Judgement::Kind::impossible, std::move(cause)}; }

}  // namespace

Judgement judge(const Pin &pin, const Standing &standing, const std::string &place) {
  const std::string here = place + " \"" + standing.index + "\"";
  const std::string held = here + " holds ";
  if (standing.fenced) return impossible("it is fenced in " + here);

  // An origin is pinned by a proof only; until then any is as good.
  const bool other_origin = !pin.origin.empty() && standing.origin != pin.origin;
  const bool other_index = !pin.index.empty() && standing.index != pin.index;
  if (other_origin || other_index) {
    const std::string &replaced = other_origin ? pin.origin : pin.index;
    if (!declared_replaced(standing, replaced)) {
      return impossible(other_origin
                            ? held + "origin " + standing.origin +
                                  ", but this host was granted ids of origin " + pin.origin +
                                  " (document or index recreated, or another cluster?)"
                            : "it is in " + here + " now, but this host was granted ids of " +
                                  place + " \"" + pin.index + "\" (alias moved?)");
    }
    if (standing.epoch < pin.epoch || (standing.epoch == pin.epoch && standing.iid < pin.mark)) {
      return impossible(held + "iid " + std::to_string(standing.iid) +
                        ", but this host was granted up to " + std::to_string(pin.mark) +
                        " of the origin that it replaces");
    }
    return {Judgement::Kind::replaced, ""};
  }
  if (standing.epoch < pin.epoch) {
    return impossible(held + "epoch " + std::to_string(standing.epoch) +
                      ", but this host has seen epoch " + std::to_string(pin.epoch) +
                      " (restored snapshot?)");
  }
  if (standing.epoch > pin.epoch) return {Judgement::Kind::new_epoch, ""};
  if (standing.iid < pin.mark) {
    return impossible(held + "iid " + std::to_string(standing.iid) +
                      ", but this host was granted up to " + std::to_string(pin.mark) +
                      " (restored snapshot?)");
  }
  return {Judgement::Kind::consistent, ""};
}

bool covers(const Standing &standing, const Pin &pin) {
  const bool same_origin = pin.origin.empty() || standing.origin == pin.origin;
  const bool same_index = pin.index.empty() || standing.index == pin.index;
  const bool ours = (same_origin || declared_replaced(standing, pin.origin)) &&
                    (same_index || declared_replaced(standing, pin.index));
  // In the document that this host was fenced by, an unfence shows only if the fence was there.
  const bool lifted = !standing.fenced && (pin.fence_seen || !same_origin || !same_index);
  if (!ours || !lifted || standing.epoch < pin.epoch) return false;
  if (standing.epoch > pin.epoch) return true;
  return standing.floor >= pin.mark && standing.iid >= pin.mark;
}

std::int64_t iid_before_first(const Progression &progression) {
  return progression.start - progression.increment;
}

std::uint64_t ids_after(const Progression &progression, std::int64_t iid) {
  if (iid >= progression.max) return 0;
  // Unsigned: iid may be negative, and max - iid then above INT64_MAX.
  const auto distance =
      static_cast<std::uint64_t>(progression.max) - static_cast<std::uint64_t>(iid);
  return distance / static_cast<std::uint64_t>(progression.increment);
}

std::int64_t iid_for_above(const Progression &progression, std::int64_t above) {
  if (above < progression.start) return iid_before_first(progression);
  const std::int64_t limit = std::min(above, progression.max);
  return progression.start +
         (limit - progression.start) / progression.increment * progression.increment;
}

}  // namespace essequence::sidecar
