// essequencectl wait: for scripts that start together with the sidecar.
#include <algorithm>
#include <thread>

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/text_table.hpp"
#include "sidecar/ctl/time_limit.hpp"
#include "sidecar/ctl/verbs.hpp"

namespace essequence::ctl {
namespace {

constexpr std::chrono::milliseconds kPause{100};

// One look. What time may mend is returned as the reason to look again; the rest is thrown.
struct Look {
  bool ready = false;
  Stop not_yet{Exit::no_id, ""};
  std::string reply{};
};

Look look(const Arguments &typed, Clock::time_point deadline) {
  Look seen;
  try {
    seen.reply = ask(typed.runtime_dir, "GET", shm::path_of_sequence(typed.name), "", deadline);
  } catch (const Stop &stop) {
    if (stop.exit() != Exit::not_reachable) throw;
    seen.not_yet = stop;
    return seen;
  }
  const Json sequence = parsed(seen.reply);
  const std::string state = as_word(sequence.value("state", Json()));
  const std::string words =
      "'" + typed.name + "' is " + state + ": " + as_word(sequence.value("detail", Json()));
  if (state == "fenced" || state == "exhausted") throw Stop(Exit::failed, words);
  seen.ready = state == "ready";
  seen.not_yet = Stop(Exit::no_id, words);
  return seen;
}

}  // namespace

void wait(const Arguments &typed) {
  const Clock::time_point deadline = Clock::now() + time_limit(typed.timeout);
  for (;;) {
    const Look seen = look(typed, std::max(deadline, Clock::now() + kPause));
    if (seen.ready) return print(typed.json ? seen.reply : typed.name + " is ready\n");
    if (Clock::now() >= deadline) throw seen.not_yet;
    std::this_thread::sleep_for(std::min<Clock::duration>(kPause, deadline - Clock::now()));
  }
}

}  // namespace essequence::ctl
