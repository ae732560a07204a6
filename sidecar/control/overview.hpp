// GET /v1/overview, what the status page shows: the instance, its last minutes, and of its
// sequences those that matter first. With ten thousand sequences it is a hundredth of the whole
// list, and asking often costs little: the list it chooses from may be half a second old.
//
// Thread rules: the event loop only.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "sidecar/control/history.hpp"
#include "sidecar/control/sequence_json.hpp"

namespace essequence::sidecar {

// What of the list is asked for.
struct View {
  std::string filter;            // in the name, whatever the case of its ASCII letters
  std::string sort = "urgency";  // or name, rate, cover, ready, refill, stalls
  bool reverse = false;
  std::size_t limit = 100;

  // From filter, sort ("-" in front: reversed) and limit (1 to 500). Throws Refusal 400.
  static View of(const std::map<std::string, std::string> &parameters);
};

class Overview {
 public:
  explicit Overview(Supply &supply) : supply_(supply) {}

  // Every History::kInterval.
  void take_sample();

  // Ids are strings: a browser's numbers do not hold 64 bits. What is fenced (the first 20 by
  // name) is in it with the way out, whatever the view.
  Json json(const View &view);

 private:
  using Clock = std::chrono::steady_clock;
  void refresh();
  Json row(const SequenceStatus &status) const;
  Json last_minutes() const;

  Supply &supply_;
  History history_;
  std::vector<SequenceStatus> list_;
  Clock::time_point listed_{};
};

}  // namespace essequence::sidecar
