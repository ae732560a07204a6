// What runs there, and how it is.
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "sidecar/ctl/examination.hpp"
#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/ring_view.hpp"
#include "sidecar/ctl/text_table.hpp"

namespace essequence::ctl {
namespace {

constexpr auto kHeartbeats = std::chrono::milliseconds(50);  // between two looks at it
constexpr std::uint64_t kFewFiles = 1024;
constexpr double kJump = 60;  // seconds

constexpr char kLookAtTheLog[] = "see its log: journalctl -u essequenced";

std::optional<Finding> heartbeat(Examined &examined) {
  if (!examined.ring) return std::nullopt;
  const auto &beats = examined.ring->header().heartbeat;
  const std::uint64_t before = beats.load();
  for (const auto end = Clock::now() + shm::kStale; Clock::now() < end;) {
    if (beats.load() != before) return ok("beats");
    std::this_thread::sleep_for(kHeartbeats);
  }
  const std::optional<double> age = look_at(*examined.ring).heartbeat_age;
  return fail(age ? "none for " + as_word(*age) + " s" : "none",
              "essequenced is dead or hangs: systemctl restart essequenced");
}

std::optional<Finding> socket(Examined &examined) {
  if (!examined.directory) return std::nullopt;
  const auto begun = Clock::now();
  try {
    examined.status =
        parsed(ask(examined.runtime_dir, "GET", "/v1/status", "", begun + shm::kStale));
  } catch (const Stop &stop) {
    return fail(stop.what(), kLookAtTheLog);
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
  return ok("answers in " + as_word(took.count()) + " ms");
}

std::optional<Finding> version(Examined &examined) {
  if (!examined.status) return std::nullopt;
  const std::string theirs = as_word(examined.status->value("version", Json()));
  if (theirs == ESSEQUENCE_VERSION_TEXT) return ok(theirs);
  return warn("essequenced " + theirs + ", essequencectl " ESSEQUENCE_VERSION_TEXT,
              "restart essequenced, or install both of one version");
}

// "healthy" and "detail" of a part of the status.
std::optional<Finding> health(Examined &examined, const char *part, const std::string &advice) {
  if (!examined.status) return std::nullopt;
  const Json about = examined.status->value(part, Json::object());
  if (about.value("healthy", false)) return ok(about.value("kind", "healthy"));
  return fail(about.value("detail", "unhealthy"), advice);
}

std::optional<Finding> source(Examined &examined) {
  return health(examined, "source", "takes go on for the cover time; mend what it says");
}

std::optional<Finding> journal(Examined &examined) {
  return health(examined, "journal", "is the disk of state_dir full, or read-only?");
}

std::optional<Finding> fences(Examined &examined) {
  if (!examined.ring) return std::nullopt;
  std::size_t fenced = 0;
  std::string first;
  for (const SequenceView &view : look_at(*examined.ring).sequences) {
    if (view.state == "fenced" && fenced++ == 0) first = view.name;
  }
  if (fenced == 0) return ok("no sequence is fenced");
  return fail(std::to_string(fenced) + " fenced, " + first + " among them",
              "essequencectl list says why, and what to type");
}

// The soft limit of the sidecar's process; nullopt: not to be seen, or unlimited.
std::optional<std::uint64_t> most_open_files(const std::string &pid) {
  constexpr std::string_view key = "Max open files";
  std::ifstream limits("/proc/" + pid + "/limits");
  for (std::string line; std::getline(limits, line);) {
    if (line.rfind(key, 0) != 0) continue;
    std::istringstream words(line.substr(key.size()));
    std::uint64_t soft = 0;
    if (words >> soft) return soft;
  }
  return std::nullopt;
}

// Each connection to the control socket takes one.
std::optional<Finding> open_files(Examined &examined) {
  if (!examined.status) return std::nullopt;
  const auto most = most_open_files(as_word(examined.status->value("pid", Json())));
  if (!most) return std::nullopt;
  const std::string found = "essequenced may open " + std::to_string(*most);
  if (*most >= kFewFiles) return ok(found);
  return warn(found, "LimitNOFILE=" + std::to_string(kFewFiles) + " in its unit");
}

// The sidecar knows by another clock how long it has run.
std::optional<Finding> clock_since_start(Examined &examined) {
  if (!examined.status) return std::nullopt;
  std::tm started{};
  const std::string text = examined.status->value("started_at", "");
  if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &started) == nullptr) return std::nullopt;
  const auto running = examined.status->value("uptime_seconds", 0.0);
  const double expected = static_cast<double>(timegm(&started)) + running;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double jumped = std::chrono::duration<double>(now).count() - expected;
  if (std::abs(jumped) < kJump) return ok("did not jump since essequenced started");
  return warn("jumped by " + as_word(jumped) + " s since essequenced started",
              "ids are safe; times in log and journal are off");
}

}  // namespace

const std::vector<Check> kSidecarChecks = {
    {"heartbeat", heartbeat},
    {"socket", socket},
    {"version", version},
    {"open files", open_files},
    {"clock of sidecar", clock_since_start},
    {"source", source},
    {"journal", journal},
    {"fences", fences},
};

}  // namespace essequence::ctl
