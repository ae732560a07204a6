// A terminal as a screen that is drawn anew again and again. The few sequences that this takes are
// understood by every terminal in use; a library for them would be one more that must be there.
#pragma once

#include <termios.h>

#include <chrono>
#include <csignal>
#include <string>

namespace essequence::ctl {

// One at a time. While it lives, the terminal shows another screen and does not echo; what it
// showed before comes back afterwards, also when the user leaves by Ctrl-C or a signal.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen &) = delete;
  Screen &operator=(const Screen &) = delete;

  // Whether standard input and output are a terminal.
  static bool is_there();

  // Lines of plain text, of which as much is shown as there is room for.
  void show(const std::string &text) const;

  enum class Woken { by_time, by_resize, to_leave };  // leaving: q, Ctrl-C, a signal, end of input
  Woken wait_until(std::chrono::steady_clock::time_point moment) const;

 private:
  termios before_{};
  sigset_t signals_before_{};
};

}  // namespace essequence::ctl
