#include "sidecar/control/metrics.hpp"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "sidecar/control/process_usage.hpp"

namespace essequence::sidecar {
namespace {

using S = SequenceStatus;

constexpr auto kInfinity = std::numeric_limits<double>::infinity();

// What one scrape tells of.
struct Scrape {
  const Supply &supply;
  std::vector<SequenceStatus> sequences;
  ProcessUsage process = usage_of_this_process();
};

std::string escaped(std::string_view label) {
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

// The text, line by line. A library would hold all of it as objects first: of ten thousand
// sequences, more than the sidecar takes otherwise.
class Lines {
 public:
  void announce(const char *name, const char *type, const char *help) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    name_ = name;
  }

  using Labels = std::initializer_list<std::pair<const char *, std::string_view>>;

  // `suffix`: of a histogram's parts.
  template <class Number>
  void sample(Labels labels, Number value, const char *suffix = "") {
    text_ += name_;
    text_ += suffix;
    char separator = '{';
    for (const auto &[label, its_value] : labels) {
      text_ += fmt::format("{}{}=\"{}\"", separator, label, escaped(its_value));
      separator = ',';
    }
    if (separator == ',') text_ += '}';
    text_ += ' ';
    write(value);
    text_ += '\n';
  }

  std::string text() && { return std::move(text_); }

 private:
  void write(std::uint64_t value) { text_ += fmt::format("{}", value); }
  void write(double value) { text_ += value == kInfinity ? "+Inf" : fmt::format("{}", value); }

  std::string text_;
  const char *name_ = "";
};

// ---- of the instance ----

void version(Lines &lines, const Scrape &) {
  lines.sample({{"version", ESSEQUENCE_VERSION_TEXT}}, std::uint64_t{1});
}

void source(Lines &lines, const Scrape &scrape) {
  const bool healthy = scrape.supply.source_health().healthy;
  lines.sample({{"kind", scrape.supply.source_kind()}}, std::uint64_t{healthy});
}

void journal(Lines &lines, const Scrape &scrape) {
  lines.sample({}, std::uint64_t{scrape.supply.journal_failure().empty()});
}

void states(Lines &lines, const Scrape &scrape) {
  for (const char *state : kStates) {
    std::uint64_t count = 0;
    for (const S &sequence : scrape.sequences) count += sequence.state == state ? 1 : 0;
    lines.sample({{"state", state}}, count);
  }
}

void refill_times(Lines &lines, const Scrape &scrape) {
  const RefillTimes &times = scrape.supply.refill_times();
  constexpr std::size_t all = RefillTimes::kBounds.size();
  for (std::size_t bound = 0; bound < all; ++bound) {
    const std::string text = fmt::format("{}", RefillTimes::kBounds[bound]);
    lines.sample({{"le", text}}, times.up_to(bound), "_bucket");
  }
  lines.sample({{"le", "+Inf"}}, times.up_to(all), "_bucket");
  lines.sample({}, times.sum(), "_sum");
  lines.sample({}, times.up_to(all), "_count");
}

void last_refill(Lines &lines, const Scrape &scrape) {
  const auto last = scrape.supply.refill_times().last();
  if (!last) return;
  lines.sample({}, std::chrono::duration<double>(last->time_since_epoch()).count());
}

void refill_failures(Lines &lines, const Scrape &scrape) {
  lines.sample({}, scrape.supply.refill_times().failures());
}

template <auto Member>
void process(Lines &lines, const Scrape &scrape) {
  lines.sample({}, scrape.process.*Member);
}

// ---- of each sequence ----

template <auto Value>
void each(Lines &lines, const Scrape &scrape) {
  for (const S &sequence : scrape.sequences) {
    lines.sample({{"sequence", sequence.name}}, std::invoke(Value, sequence));
  }
}

std::uint64_t fenced(const S &sequence) { return sequence.state == "fenced" ? 1 : 0; }

double cover(const S &sequence) {
  if (sequence.state == "starved") return 0;  // who waits takes nothing, so there is no rate
  return sequence.cover_seconds.value_or(kInfinity);
}

void lost(Lines &lines, const Scrape &scrape) {
  for (const S &sequence : scrape.sequences) {
    for (const auto &[reason, count] : kLostReasons) {
      lines.sample({{"sequence", sequence.name}, {"reason", reason}}, sequence.lost_total.*count);
    }
  }
}

// Each metric, declared once.
struct Metric {
  const char *name;
  const char *type;
  const char *help;
  void (*write)(Lines &, const Scrape &);
};

using P = ProcessUsage;

constexpr Metric kMetrics[] = {
    {"essequence_build_info", "gauge", "Always 1; the label tells the version.", version},
    {"essequence_source_healthy", "gauge", "1: the source answers, and takes writes.", source},
    {"essequence_journal_healthy", "gauge", "1: the journal can be written.", journal},
    {"essequence_sequences", "gauge", "Sequences that are open on this instance, by state.",
     states},
    {"essequence_refill_duration_seconds", "histogram",
     "From asking the source for a block until its ids can be taken.", refill_times},
    {"essequence_last_refill_timestamp_seconds", "gauge",
     "When a refill worked last; absent before the first.", last_refill},
    {"essequence_refill_failures_total", "counter", "Refills that failed, and are tried again.",
     refill_failures},

    {"essequence_ready_ids", "gauge", "Ids that can be taken now.", each<&S::ready_ids>},
    {"essequence_cover_seconds", "gauge",
     "How long they last at the current rate. Infinite where nobody takes, 0 where takers wait.",
     each<cover>},
    {"essequence_rate_per_second", "gauge", "Ids taken a second, lately.",
     each<&S::rate_per_second>},
    {"essequence_fenced", "gauge", "1: stopped, because going on could repeat an id.",
     each<fenced>},
    {"essequence_remaining_ids", "gauge",
     "Ids up to the sequence's max that are ready, or not granted as far as this host has seen.",
     each<&S::remaining_ids>},
    {"essequence_granted_total", "counter", "Ids that the source granted to this host.",
     each<&S::granted_total>},
    {"essequence_taken_total", "counter", "Ids taken by processes of this host.",
     each<&S::taken_total>},
    {"essequence_lost_total", "counter", "Ids that will never be taken, by reason.", lost},
    {"essequence_dropped_by_clients_total", "counter",
     "Ids that clients took and say they never returned.", each<&S::dropped_by_clients>},
    {"essequence_refills_total", "counter", "Blocks that the source granted.",
     each<&S::refills_total>},
    {"essequence_stalls_total", "counter", "Times that the ring ran dry and somebody waited.",
     each<&S::stalls_total>},

    // By the names that they have of every process.
    {"process_cpu_seconds_total", "counter", "Time of the processor, in user and kernel.",
     process<&P::cpu_seconds>},
    {"process_start_time_seconds", "gauge", "When the process started.", process<&P::started_at>},
    {"process_resident_memory_bytes", "gauge", "Memory that is resident, the ring among it.",
     process<&P::resident_bytes>},
    {"process_virtual_memory_bytes", "gauge", "Address space.", process<&P::virtual_bytes>},
    {"process_open_fds", "gauge", "Open files.", process<&P::open_files>},
    {"process_max_fds", "gauge", "Files that may be open.", process<&P::most_files>},
};

}  // namespace

std::string metrics_text(const Supply &supply) {
  const Scrape scrape{supply, supply.list()};
  Lines lines;
  for (const Metric &metric : kMetrics) {
    lines.announce(metric.name, metric.type, metric.help);
    metric.write(lines, scrape);
  }
  return std::move(lines).text();
}

}  // namespace essequence::sidecar
