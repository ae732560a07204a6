#include "sidecar/log_sink.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
// What location it was called from is that of this file, always.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sidecar/event.hpp"
#include "sidecar/plain_text.hpp"

namespace essequence::sidecar {
namespace {

// JOURNAL_STREAM is DEVICE:INODE of the stream that systemd made. A program that standard error was
// led elsewhere for inherits the variable all the same.
bool standard_error_is_the_journal() {
  const char *const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return LOG_DEBUG;
    case spdlog::level::warn:
      return LOG_WARNING;
    case spdlog::level::err:
      return LOG_ERR;
    case spdlog::level::critical:
      return LOG_CRIT;
    default:
      return LOG_INFO;
  }
}

bool send_to_journal(const std::string &line, int priority) {
  std::vector<std::string> entry = {"MESSAGE=" + line, "PRIORITY=" + std::to_string(priority),
                                    "SYSLOG_IDENTIFIER=essequenced"};
  for (const Field &field : fields_of_event()) {
    entry.push_back(std::string(field.name) + "=" + field.value);
  }
  std::vector<iovec> parts;
  for (std::string &part : entry) parts.push_back({part.data(), part.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  Sink()
      : base_sink(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%e%z %l: %v")) {}

 private:
  void sink_it_(const spdlog::details::log_msg &message) override {
    const std::string line = plain({message.payload.data(), message.payload.size()});
    const int priority = priority_of(message.level);
    if (!to_journal_) {
      spdlog::details::log_msg clean = message;
      clean.payload = line;
      spdlog::memory_buf_t text;
      formatter_->format(clean, text);
      std::fwrite(text.data(), 1, text.size(), stderr);
    } else if (!send_to_journal(line, priority)) {
      // The stream takes it too, and knows the priority by this prefix.
      std::fprintf(stderr, "<%d>%s\n", priority, line.c_str());
    }
  }
  void flush_() override {}  // stderr has no buffer

  const bool to_journal_ = standard_error_is_the_journal();
};

}  // namespace

std::shared_ptr<spdlog::logger> make_logger() {
  return std::make_shared<spdlog::logger>("essequenced", std::make_shared<Sink>());
}

}  // namespace essequence::sidecar
