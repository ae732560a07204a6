// How a command of essequencectl ends.
#pragma once

#include <stdexcept>
#include <string>

namespace essequence::ctl {

enum class Exit {
  ok = 0,
  failed = 1,
  usage = 2,
  not_reachable = 3,
  not_permitted = 4,
  no_id = 5,
};

// The command ends here: what() goes to stderr, in words and with the way out.
class Stop : public std::runtime_error {
 public:
  Stop(Exit exit, const std::string &words) : std::runtime_error(words), exit_(exit) {}
  Exit exit() const { return exit_; }

 private:
  Exit exit_;
};

// Writes to stdout. A result that nobody gets is a failure: throws Stop.
void print(const std::string &text);

}  // namespace essequence::ctl
