#include "sidecar/control/seats.hpp"

#include <algorithm>

namespace essequence::sidecar {

bool Seats::enter(const std::shared_ptr<Guest> &newcomer) {
  const std::size_t seats = newcomer->administrator() ? number_ + number_ / 8 : number_;
  if (taken_ >= seats && !make_room_for(newcomer->who())) return false;
  newcomer->arrival_ = ++arrivals_;
  groups_[newcomer->who()].push_back(newcomer);
  ++taken_;
  return true;
}

void Seats::leave(const std::shared_ptr<Guest> &guest) {
  const auto group = groups_.find(guest->who());
  if (group == groups_.end() || group->second.remove(guest) == 0) return;  // was let go
  --taken_;
  if (group->second.empty()) groups_.erase(group);
}

bool Seats::let_one_go() { return make_room_for(""); }

// From others only where they have more seats than `who`.
bool Seats::make_room_for(const std::string &who) {
  const std::size_t own = seats_of(who);
  const auto rests = [](const auto &guest) { return guest->rests(); };
  std::size_t most = 0;
  std::shared_ptr<Guest> chosen;
  for (const auto &[name, group] : groups_) {
    if (group.size() < most || (name != who && group.size() <= own)) continue;
    const auto first = std::find_if(group.begin(), group.end(), rests);
    if (first == group.end()) continue;
    if (group.size() == most && (*first)->arrival_ > chosen->arrival_) continue;
    chosen = *first;
    most = group.size();
  }
  if (!chosen) return false;
  leave(chosen);
  chosen->let_go();
  return true;
}

std::size_t Seats::seats_of(const std::string &who) const {
  const auto group = groups_.find(who);
  return group == groups_.end() ? 0 : group->second.size();
}

std::vector<std::shared_ptr<Guest>> Seats::seated() const {
  std::vector<std::shared_ptr<Guest>> all;
  for (const auto &[name, group] : groups_) all.insert(all.end(), group.begin(), group.end());
  return all;
}

std::string Seats::holder_of_most() const {
  const auto fewer = [](const auto &a, const auto &b) { return a.second.size() < b.second.size(); };
  const auto most = std::max_element(groups_.begin(), groups_.end(), fewer);
  return most == groups_.end() ? "" : most->first;
}

}  // namespace essequence::sidecar
