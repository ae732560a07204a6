#include "sidecar/control/metrics.hpp"

#include <spdlog/fmt/fmt.h>

#include <functional>
#include <limits>

namespace essequence::sidecar {
namespace {

// A metric of each sequence: one time series per sequence, and per reason where it has some.
struct Metric {
  const char *name;
  const char *type;
  const char *help;
  const char *reason;  // value of the label "reason"; null: there is no such label
  std::string (*value)(const SequenceStatus &);
};

constexpr auto kInfinity = std::numeric_limits<double>::infinity();

template <auto Member>
std::string plain(const SequenceStatus &status) {
  return fmt::format("{}", status.*Member);
}

template <auto Member>
std::string lost(const SequenceStatus &status) {
  return fmt::format("{}", status.lost_total.*Member);
}

std::string cover(const SequenceStatus &status) {
  const double seconds = status.cover_seconds.value_or(kInfinity);
  return seconds == kInfinity ? "+Inf" : fmt::format("{}", seconds);
}

std::string fenced(const SequenceStatus &status) { return status.state == "fenced" ? "1" : "0"; }

using S = SequenceStatus;
constexpr const char *kLost = "Ids that will never be taken, by reason.";

// Rows of one name stand together: the name is announced once.
constexpr Metric kMetrics[] = {
    {"essequence_ready_ids", "gauge", "Ids that can be taken now.", nullptr, plain<&S::ready_ids>},
    {"essequence_cover_seconds", "gauge", "How long they last at the current rate.", nullptr,
     cover},
    {"essequence_rate_per_second", "gauge", "Ids taken a second, lately.", nullptr,
     plain<&S::rate_per_second>},
    {"essequence_fenced", "gauge", "1: stopped, because going on could repeat an id.", nullptr,
     fenced},
    {"essequence_granted_total", "counter", "Ids that the source granted to this host.", nullptr,
     plain<&S::granted_total>},
    {"essequence_taken_total", "counter", "Ids taken by processes of this host.", nullptr,
     plain<&S::taken_total>},
    {"essequence_lost_total", "counter", kLost, "unknown_reply", lost<&LostTotal::unknown_reply>},
    {"essequence_lost_total", "counter", kLost, "burnt_reset", lost<&LostTotal::burnt_reset>},
    {"essequence_lost_total", "counter", kLost, "burnt_raise", lost<&LostTotal::burnt_raise>},
    {"essequence_lost_total", "counter", kLost, "burnt_fence", lost<&LostTotal::burnt_fence>},
    {"essequence_lost_total", "counter", kLost, "burnt_ring", lost<&LostTotal::burnt_ring>},
    {"essequence_dropped_by_clients_total", "counter",
     "Ids that clients took and say they never returned.", nullptr, plain<&S::dropped_by_clients>},
    {"essequence_refills_total", "counter", "Blocks laid into the ring.", nullptr,
     plain<&S::refills_total>},
    {"essequence_stalls_total", "counter", "Times that the ring ran dry.", nullptr,
     plain<&S::stalls_total>},
};

std::string escaped(const std::string &label) {
  std::string text;
  for (const char c : label) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

void announce(std::string &text, const char *name, const char *type, const char *help) {
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void gauge(std::string &text, const char *name, const char *help, std::size_t value) {
  announce(text, name, "gauge", help);
  text += fmt::format("{} {}\n", name, value);
}

}  // namespace

std::string metrics_text(const Supply &supply) {
  std::string text;
  gauge(text, "essequence_source_healthy", "1: the source answers.",
        supply.source_health().healthy ? 1 : 0);
  gauge(text, "essequence_journal_healthy", "1: the journal can be written.",
        supply.journal_failure().empty() ? 1 : 0);
  gauge(text, "essequence_sequences", "Sequences that are open on this instance.", supply.count());

  const std::vector<SequenceStatus> sequences = supply.list();
  std::string announced;
  for (const Metric &metric : kMetrics) {
    if (announced != metric.name) announce(text, metric.name, metric.type, metric.help);
    announced = metric.name;
    const std::string reason =
        metric.reason == nullptr ? "" : fmt::format(",reason=\"{}\"", metric.reason);
    for (const SequenceStatus &status : sequences) {
      text += fmt::format("{}{{sequence=\"{}\"{}}} {}\n", metric.name, escaped(status.name), reason,
                          metric.value(status));
    }
  }
  return text;
}

}  // namespace essequence::sidecar
