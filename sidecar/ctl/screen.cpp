#include "sidecar/ctl/screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/plain_text.hpp"

namespace essequence::ctl {
namespace {

// Another screen, no cursor, and no line that goes on in the next one: cut_to() does not know that
// a wide character takes two columns.
constexpr char kOpen[] = "\033[?1049h\033[?25l\033[?7l";
constexpr char kClose[] = "\033[?7h\033[?25h\033[?1049l";  // back
constexpr char kHome[] = "\033[H";
constexpr char kEndLine[] = "\033[K";    // clears what is right of it
constexpr char kEndScreen[] = "\033[J";  // clears what is below it

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

volatile std::sig_atomic_t told_to_leave = 0;
volatile std::sig_atomic_t resized = 0;

void note(int signal) { (signal == SIGWINCH ? resized : told_to_leave) = 1; }

winsize size_of_terminal() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size : winsize{24, 80, 0, 0};
}

}  // namespace

bool Screen::is_there() { return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0; }

Screen::Screen() {
  // Blocked but for where it waits, so that none comes just before.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kSignals) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, &signals_before_);
  struct sigaction action {};
  action.sa_handler = note;
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);

  tcgetattr(STDIN_FILENO, &before_);
  termios quiet = before_;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  quiet.c_cc[VSUSP] = _POSIX_VDISABLE;  // a stop would leave the shell with this screen
  tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  print(kOpen);
}

Screen::~Screen() {
  try {
    print(kClose);
  } catch (const Stop &) {  // the terminal is gone
  }
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
}

void Screen::show(const std::string &text) const {
  const winsize size = size_of_terminal();
  std::string drawn = kHome;
  std::string_view left = text;
  for (int row = 0; row < size.ws_row && !left.empty(); ++row) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    if (row > 0) drawn += "\r\n";
    drawn += cut_to(line, size.ws_col);
    drawn += kEndLine;
  }
  print(drawn + kEndScreen);
}

Screen::Woken Screen::wait_until(std::chrono::steady_clock::time_point moment) const {
  using std::chrono::nanoseconds;
  for (;;) {
    if (told_to_leave != 0) return Woken::to_leave;
    if (resized != 0) {
      resized = 0;
      return Woken::by_resize;
    }
    const nanoseconds time = moment - std::chrono::steady_clock::now();
    if (time.count() <= 0) return Woken::by_time;
    const timespec limit{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (ppoll(&input, 1, &limit, &signals_before_) <= 0) continue;
    char key = 'q';
    if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return Woken::to_leave;
  }
}

}  // namespace essequence::ctl
