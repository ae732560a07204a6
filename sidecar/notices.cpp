#include "sidecar/notices.hpp"

#include <systemd/sd-daemon.h>

#include <ctime>

#include "sidecar/plain_text.hpp"

namespace essequence::sidecar {
namespace {

void send(const std::string &notice) { sd_notify(0, notice.c_str()); }

// Of CLOCK_MONOTONIC, by which systemd tells this reload from an earlier one.
std::string now_in_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

}  // namespace

Notices::Notices() {
  std::uint64_t limit = 0;
  if (sd_watchdog_enabled(0, &limit) > 0) watchdog_ = std::chrono::microseconds(limit);
}

void Notices::ready() const { send("READY=1"); }
void Notices::stopping() const { send("STOPPING=1"); }

Notices::Reloading::Reloading() { send("RELOADING=1\nMONOTONIC_USEC=" + now_in_microseconds()); }
Notices::Reloading::~Reloading() { send("READY=1"); }

void Notices::alive(TimePoint now) {
  if (watchdog_.count() == 0 || now - fed_ < watchdog_ / 2) return;
  fed_ = now;
  send("WATCHDOG=1");
}

void Notices::status(const std::string &line) {
  const std::string clean = plain(line);
  if (clean == told_) return;
  told_ = clean;
  send("STATUS=" + clean);
}

}  // namespace essequence::sidecar
