// What happens to an instance and matters to who runs it: a line in the log for each, with fields
// where the log is systemd's journal. What happens too often is counted instead, by its kind.
//
// Thread rules: the event loop only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/log.hpp"

namespace essequence::sidecar {

struct Field {
  const char *name;  // as the journal has them: upper case and underscores
  std::string value;
};

// The kinds; each has its own limit.
namespace event {
constexpr char fenced[] = "fenced";
constexpr char goes_on[] = "goes_on";
constexpr char exhaustion[] = "exhaustion";
constexpr char refill_failed[] = "refill_failed";
constexpr char refill_works[] = "refill_works";
constexpr char source_lost[] = "source_lost";
constexpr char source_back[] = "source_back";
constexpr char journal_lost[] = "journal_lost";
constexpr char journal_back[] = "journal_back";
constexpr char followed[] = "followed";
constexpr char request[] = "request";  // that changed nothing
constexpr char change[] = "change";    // by whom, is always told
}  // namespace event

// `message` names the thing, the value and the way out; of a sequence, with {"SEQUENCE", name}
// among the fields.
void tell(spdlog::level::level_enum level, const char *kind, const std::string &message,
          std::vector<Field> fields = {});

// Tells how many events were kept back, where that is due; at the end of the process, of all.
void tell_kept_back(std::chrono::steady_clock::time_point now);

// Of the event that is being written.
const std::vector<Field> &fields_of_event();

// How many events of a kind are told.
class EventRate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::uint64_t kMost = 20;
  static constexpr std::chrono::seconds kPeriod{60};  // from the first of these on

  bool admits(const std::string &kind, TimePoint now);

  // The kinds whose period is over, with how many of each were kept back in it (not 0).
  std::vector<std::pair<std::string, std::uint64_t>> over(TimePoint now);

 private:
  struct Period {
    TimePoint begin;
    std::uint64_t events = 0;
  };
  std::map<std::string, Period> periods_;
};

}  // namespace essequence::sidecar
