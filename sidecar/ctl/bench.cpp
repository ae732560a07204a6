// essequencectl bench: what a take costs on this machine, with one process or thread and with many,
// beside the least that any shared counter can cost, one atomic addition on a line of its own.
#include "sidecar/ctl/bench.hpp"

#include <algorithm>
#include <essequence/essequence.hpp>
#include <memory>

#include "sidecar/ctl/bare_counter.hpp"
#include "sidecar/ctl/client_failure.hpp"
#include "sidecar/ctl/race.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/text_table.hpp"
#include "sidecar/ctl/time_limit.hpp"

namespace essequence::ctl {
namespace {

constexpr int kLaps = 7;
constexpr std::uint64_t kMostSamples = 1'000'000;  // in a row

// How many ids each row of the table may use: it has one lap more than count, and the single takes.
Course course_of(Takers kind, int takers, std::uint64_t ids) {
  Course course;
  course.kind = kind;
  course.takers = takers;
  course.laps = kLaps;
  course.takes = ids / (kLaps + 2);
  course.chunk = std::clamp<std::uint64_t>(course.takes / static_cast<std::uint64_t>(16 * takers),
                                           1, course.chunk);
  return course;
}

class Bench {
 public:
  explicit Bench(const Arguments &typed) : typed_(typed) {}

  Json run() {
    const Json about = show();
    if (about.value("order", "") == "cluster") {
      throw Stop(Exit::usage, "'" + typed_.name +
                                  "' is of order cluster: each take is a request to the sidecar, "
                                  "and nothing of it lies in the ring that bench measures");
    }
    // 1, 2, 4, … as many as there are cores, and twice as many.
    std::vector<int> sizes;
    for (int size = 1; size < cores(); size *= 2) sizes.push_back(size);
    sizes.push_back(cores());
    sizes.push_back(2 * cores());
    const std::uint64_t ids_of_row = typed_.ids / (2 * sizes.size());
    Json rows = Json::array();
    for (const Takers kind : {Takers::processes, Takers::threads}) {
      for (const int size : sizes) rows.push_back(row(course_of(kind, size, ids_of_row)));
    }
    return {{"name", typed_.name}, {"cores", cores()},      {"laps", kLaps},
            {"ids_used", used_},   {"clock_ns", clock_ns_}, {"rows", std::move(rows)}};
  }

 private:
  Json show() const {
    return parsed(ask(typed_.runtime_dir, "GET", shm::path_of_sequence(typed_.name)));
  }

  std::unique_ptr<Sequence> open() const {
    Options options;
    options.runtime_dir = typed_.runtime_dir;
    // 0 would stand for the library's default.
    options.timeout = std::max(time_limit(typed_.timeout), std::chrono::nanoseconds(1));
    return std::make_unique<Sequence>(typed_.name, options);
  }

  // A handle for each process, and one for all threads.
  Ways ways(Takers kind) {
    std::shared_ptr<Sequence> of_all = kind == Takers::threads ? open() : nullptr;
    return [this, of_all]() -> std::vector<Way> {
      const std::shared_ptr<Sequence> mine = of_all ? of_all : open();
      return {one_by_one([mine] { return mine->next(); }), bare_.xadd(), [](std::uint64_t) {}};
    };
  }

  Json row(const Course &course) {
    const std::uint64_t stalls = show().value("stalls_total", std::uint64_t{0});
    const auto laps = race(course, 2, ways(course.kind));
    Course single = course;
    single.takes = std::max<std::uint64_t>(
        std::min(course.takes, kMostSamples) / static_cast<std::uint64_t>(course.takers), 1);
    auto samples = latencies(single, 3, ways(course.kind));
    if (clock_ns_ == 0) clock_ns_ = percentile(samples[2], 0.5);

    const std::uint64_t takes = course.takes * (kLaps + 1) + samples[0].size();
    used_ += takes;
    const std::vector<double> ours = each(laps[0], &Lap::core_seconds);
    const std::vector<double> bare = each(laps[1], &Lap::core_seconds);
    std::vector<double> ratios;
    for (std::size_t lap = 0; lap < kLaps; ++lap) ratios.push_back(ours[lap] / bare[lap]);
    const auto takes_of_lap = static_cast<double>(course.takes);
    return {{"takers", course.takers},
            {"kind", course.kind == Takers::threads ? "threads" : "processes"},
            {"ids_used", takes},
            {"ns_per_take", median(ours) * 1e9 / takes_of_lap},
            {"bare_ns_per_take", median(bare) * 1e9 / takes_of_lap},
            {"ratio", median(ratios)},
            {"ids_per_second", takes_of_lap / median(each(laps[0], &Lap::seconds))},
            {"latency_ns", distribution(samples[0])},
            {"bare_latency_ns", distribution(samples[1])},
            {"stalls", show().value("stalls_total", std::uint64_t{0}) - stalls}};
  }

  static Json distribution(std::vector<std::uint32_t> &samples) {
    return {{"p50", percentile(samples, 0.5)},
            {"p99", percentile(samples, 0.99)},
            {"p99_9", percentile(samples, 0.999)},
            {"max", percentile(samples, 1)}};
  }

  const Arguments &typed_;
  const BareCounter bare_;
  std::uint64_t used_ = 0;
  std::uint32_t clock_ns_ = 0;
};

std::string with_digits(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// "p50 / p99 / p99.9 / max"
std::string as_words(const Json &distribution) {
  std::string words;
  for (const auto &[share, value] : distribution.items()) {
    words += (words.empty() ? "" : " / ") + value.dump();
  }
  return words;
}

std::string for_people(const Json &result) {
  Json rows = Json::array();
  for (const Json &row : result["rows"]) {
    std::string takers = row["takers"].dump() + " " + as_word(row["kind"]);
    if (row["takers"] == 1) takers.resize(takers.rfind(row["kind"] == "threads" ? "s" : "es"));
    rows.push_back({{"takers", takers},
                    {"ns", with_digits(row["ns_per_take"], 2)},
                    {"bare", with_digits(row["bare_ns_per_take"], 2)},
                    {"ratio", with_digits(row["ratio"], 2)},
                    {"rate", with_digits(row["ids_per_second"].get<double>() / 1e6, 1)},
                    {"latency", as_words(row["latency_ns"])},
                    {"bare_latency", as_words(row["bare_latency_ns"])},
                    {"stalls", row["stalls"]}});
  }
  return table({{"TAKERS", "takers"},
                {"NS/TAKE", "ns"},
                {"BARE", "bare"},
                {"RATIO", "ratio"},
                {"MILLION/s", "rate"},
                {"STALLS", "stalls"},
                {"NS P50/P99/P99.9/MAX", "latency"},
                {"BARE", "bare_latency"}},
               rows) +
         "\nNS/TAKE: of a core's time, median of " + result["laps"].dump() +
         " laps. BARE: an atomic addition in the same loop, in turns.\n"
         "STALLS: how often the ring ran dry. The percentiles are of single takes,\n"
         "and contain a look at the clock (" +
         result["clock_ns"].dump() + " ns).\n" + result["ids_used"].dump() + " ids of '" +
         as_word(result["name"]) + "' were used up.\n";
}

}  // namespace

void bench(const Arguments &typed) {
  try {
    const Json result = Bench(typed).run();
    print(typed.json ? result.dump() + "\n" : for_people(result));
  } catch (const TakerFailed &failed) {
    if (failed.status() == 0) throw;
    throw client_failure(static_cast<essequence_status>(failed.status()), failed.what(), typed);
  } catch (const Error &error) {
    throw client_failure(error.status(), error.what(), typed);
  }
}

}  // namespace essequence::ctl
