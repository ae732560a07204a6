// What the service manager is told (sd_notify(3)): that it is ready, that the event loop turns, and
// a line for `systemctl status`. Where there is no such manager (no NOTIFY_SOCKET) nothing is sent.
//
// Thread rules: one thread.
#pragma once

#include <chrono>
#include <string>

namespace essequence::sidecar {

class Notices {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Notices();

  void ready() const;
  void stopping() const;

  // The configuration is read anew for as long as it lives; then the service is ready again,
  // whatever came of it.
  class Reloading {
   public:
    Reloading();
    ~Reloading();
    Reloading(const Reloading &) = delete;
    Reloading &operator=(const Reloading &) = delete;
  };

  // The event loop has come round. To be called more often than twice in each WatchdogSec=, where
  // that is set: without it the service is killed and started again.
  void alive(TimePoint now);

  // For people; sent when it has changed. What steers a terminal, or would be another notice, is
  // left out of it.
  void status(const std::string &line);

 private:
  std::chrono::microseconds watchdog_{0};  // 0: nobody watches
  TimePoint fed_{};
  std::string told_;
};

}  // namespace essequence::sidecar
