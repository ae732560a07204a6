#include "sidecar/control/overview.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

#include "sidecar/refill/refusal.hpp"

namespace essequence::sidecar {
namespace {

constexpr std::chrono::milliseconds kFreshEnough{500};
constexpr std::size_t kMostRows = 500;
constexpr std::size_t kMostFences = 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; }

bool has(const std::string &name, const std::string &part) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return std::search(name.begin(), name.end(), part.begin(), part.end(), same) != name.end();
}

double urgency(const SequenceStatus &status) {
  const auto state = std::find(std::begin(kStates), std::end(kStates), status.state);
  return static_cast<double>(state - std::begin(kStates));
}

double cover(const SequenceStatus &status) {
  return status.cover_seconds.value_or(std::numeric_limits<double>::infinity());
}

struct Sort {
  const char *name;
  double (*rank)(const SequenceStatus &);  // what comes first has the smaller one
};
constexpr Sort kSorts[] = {
    {"urgency", urgency},
    {"name", [](const SequenceStatus &) { return 0.0; }},
    {"rate", [](const SequenceStatus &status) { return -status.rate_per_second; }},
    {"cover", cover},
    {"ready", [](const SequenceStatus &status) { return -static_cast<double>(status.ready_ids); }},
    {"refill", [](const SequenceStatus &status) { return -status.refill_seconds.value_or(0); }},
    {"stalls",
     [](const SequenceStatus &status) { return -static_cast<double>(status.stalls_total); }},
};

// nullptr: there is none of that name.
const Sort *sort_of(const std::string &name) {
  const auto known = std::find_if(std::begin(kSorts), std::end(kSorts),
                                  [&name](const Sort &sort) { return name == sort.name; });
  return known == std::end(kSorts) ? nullptr : known;
}

std::string all_sorts() {
  std::string all;
  for (const Sort &sort : kSorts) all += (all.empty() ? "" : ", ") + std::string(sort.name);
  return all;
}

Json fence(const SequenceStatus &status) {
  return {{"name", status.name},
          {"cause", status.cause},
          {"command", status.command},
          {"high_water", std::to_string(status.high_water)}};
}

}  // namespace

View View::of(const std::map<std::string, std::string> &parameters) {
  View view;
  for (const auto &[name, value] : parameters) {
    if (name == "filter") {
      view.filter = value;
    } else if (name == "sort") {
      view.reverse = value.starts_with("-");
      view.sort = value.substr(view.reverse ? 1 : 0);
    } else if (name == "limit") {
      const auto end = value.data() + value.size();
      const auto [stopped, error] = std::from_chars(value.data(), end, view.limit);
      if (error != std::errc() || stopped != end || view.limit < 1 || view.limit > kMostRows) {
        throw Refusal(400, "bad_request",
                      "'limit' is an integer from 1 to " + std::to_string(kMostRows) + ", not '" +
                          value + "'");
      }
    } else {
      throw Refusal(400, "bad_request", "unknown parameter '" + name + "'");
    }
  }
  if (sort_of(view.sort) == nullptr) {
    throw Refusal(400, "bad_request",
                  "'sort' is one of " + all_sorts() + ", not '" + view.sort + "'");
  }
  return view;
}

void Overview::take_sample() {
  history_.add(supply_.activity());
  if (Clock::now() - listed_ > kFreshEnough) std::vector<SequenceStatus>().swap(list_);
}

void Overview::refresh() {
  if (!list_.empty() && Clock::now() - listed_ < kFreshEnough) return;
  list_ = supply_.list();
  listed_ = Clock::now();
}

Json Overview::json(const View &view) {
  refresh();
  std::map<std::string, std::size_t> counts;
  Json fences = Json::array();
  double rate = 0;
  std::vector<const SequenceStatus *> found;
  for (const SequenceStatus &status : list_) {
    ++counts[status.state];
    rate += status.rate_per_second;
    if (status.state == "fenced" && fences.size() < kMostFences) fences.push_back(fence(status));
    if (has(status.name, view.filter)) found.push_back(&status);
  }
  // Names come in order; of those that are equally urgent, the busiest first.
  const auto rank = sort_of(view.sort)->rank;
  const auto before = [&view, rank](const SequenceStatus *a, const SequenceStatus *b) {
    const SequenceStatus *first = view.reverse ? b : a, *second = view.reverse ? a : b;
    const double left = rank(*first), right = rank(*second);
    if (left != right) return left < right;
    if (view.sort == "urgency" && a->rate_per_second != b->rate_per_second) {
      return a->rate_per_second > b->rate_per_second;
    }
    return view.sort == "name" ? first->name < second->name : a->name < b->name;
  };
  const std::size_t shown = std::min(view.limit, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(shown), found.end(),
                    before);

  Json states, rows = Json::array();
  for (const char *state : kStates) states[state] = counts[state];
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(row(*found[i]));
  Json json = {{"rate_per_second", rate},
               {"states", std::move(states)},
               {"matching", found.size()},
               {"sequences", std::move(rows)},
               {"history", last_minutes()}};
  json["fenced"] = std::move(fences);
  return json;
}

Json Overview::row(const SequenceStatus &status) const {
  const auto wanted = 2.0 * static_cast<double>(status.block_size);
  const double full = wanted > 0 ? static_cast<double>(status.ready_ids) / wanted : 0;
  Json json = {
      {"name", status.name},
      {"state", status.state},
      {"detail", status.detail},
      {"order", name_of(status.progression.order)},
      {"rate_per_second", status.rate_per_second},
      {"cover_seconds", or_null(status.cover_seconds)},
      {"full", std::min(full, 1.0)},  // of the two blocks that should be ready
      {"ready_ids", std::to_string(status.ready_ids)},
      {"next_id", status.next_id ? Json(std::to_string(*status.next_id)) : Json(nullptr)},
      {"refill_seconds", or_null(status.refill_seconds)},
      {"stalls_total", status.stalls_total},
  };
  json["taken"] = history_.taken_of(status.name);
  return json;
}

Json Overview::last_minutes() const {
  Json taken = Json::array(), refills = taken, slowest = taken;
  for (const History::Sample &sample : history_.samples()) {
    taken.push_back(sample.taken);
    refills.push_back(sample.refills);
    slowest.push_back(sample.slowest_refill_seconds);
  }
  return {{"interval_seconds", History::kInterval.count()},
          {"taken", std::move(taken)},
          {"refills", std::move(refills)},
          {"slowest_refill_seconds", std::move(slowest)}};
}

}  // namespace essequence::sidecar
