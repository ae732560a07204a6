#include "sidecar/event.hpp"

#include <spdlog/fmt/fmt.h>

#include <string_view>

namespace essequence::sidecar {
namespace {

EventRate rate;
std::vector<Field> fields_now;

void write(spdlog::level::level_enum level, const std::string &message, std::vector<Field> fields) {
  fields_now = std::move(fields);
  spdlog::log(level, "{}", message);
  fields_now.clear();
}

}  // namespace

const std::vector<Field> &fields_of_event() { return fields_now; }

void tell(spdlog::level::level_enum level, const char *kind, const std::string &message,
          std::vector<Field> fields) {
  if (!spdlog::should_log(level)) return;
  const auto now = std::chrono::steady_clock::now();
  tell_kept_back(now);
  const bool limited = std::string_view(kind) != event::change;
  if (limited && !rate.admits(kind, now)) return;
  fields.push_back({"ESSEQUENCE_EVENT", kind});
  write(level, message, std::move(fields));
}

void tell_kept_back(std::chrono::steady_clock::time_point now) {
  for (const auto &[kind, count] : rate.over(now)) {
    write(
        spdlog::level::warn,
        fmt::format("{} more events of the kind {} were kept back, after the first {} of a minute",
                    count, kind, EventRate::kMost),
        {{"ESSEQUENCE_EVENT", kind}, {"KEPT_BACK", std::to_string(count)}});
  }
}

bool EventRate::admits(const std::string &kind, TimePoint now) {
  const auto [at, is_first] = periods_.try_emplace(kind, Period{now});
  return ++at->second.events <= kMost;
}

std::vector<std::pair<std::string, std::uint64_t>> EventRate::over(TimePoint now) {
  std::vector<std::pair<std::string, std::uint64_t>> over;
  for (auto at = periods_.begin(); at != periods_.end();) {
    const auto &[kind, period] = *at;
    if (now - period.begin < kPeriod) {
      ++at;
      continue;
    }
    if (period.events > kMost) over.emplace_back(kind, period.events - kMost);
    at = periods_.erase(at);
  }
  return over;
}

}  // namespace essequence::sidecar
