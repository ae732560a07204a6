#include "tests/protocol/crash_points/daemon.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <future>

#include "tests/protocol/crash_points/client.hpp"

namespace essequence::crash {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

std::function<Victim::Act()> essequenced(const Home &home) {
  return [&home] {
    return [&home] {
      const int null = open("/dev/null", O_RDWR);
      for (const int standard : {0, 1, 2}) dup2(null, standard);
      execl(ESSEQUENCED, ESSEQUENCED, "--source", "local", "--runtime-dir",
            home.runtime.path.c_str(), "--state-dir", home.state.path.c_str(), nullptr);
      _exit(1);
    };
  };
}

// A client whose takes must never fail, whatever happens to the sidecar: one comes back in time.
class PatientClient {
 public:
  explicit PatientClient(const Home &home)
      : sequence_("orders", {home.runtime.path, kPatience, 0}) {}

  void take(int wanted) {
    for (; wanted > 0; --wanted) {
      const Run run = sequence_.take(1);
      ids_.add(run.epoch, run.first);
    }
    require(ids_.missing() == 0, "the local store has left a gap");
  }
  // A reset that gets no answer may have been done.
  void reset() {
    for (;;) {
      const std::uint64_t before = ids_.epoch();
      try {
        sequence_.reset();
      } catch (const Error &error) {
        require(error.status() == ESSEQUENCE_UNAVAILABLE || error.status() == ESSEQUENCE_TIMEOUT,
                std::string("reset: ") + error.what());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      take(1);
      require(ids_.epoch() > before, "a take after a reset has returned is of the old epoch");
      return;
    }
  }

 private:
  Sequence sequence_;
  TakenIds ids_;
};

// Runs `work` beside a daemon, and ends the daemon after it, by `signal_number`; by SIGKILL if it
// fails, so that nobody waits for ever.
std::future<void> beside(pid_t daemon, int signal_number, std::function<void()> work) {
  return std::async(std::launch::async, [=] {
    try {
      work();
    } catch (...) {
      kill(daemon, SIGKILL);
      throw;
    }
    kill(daemon, signal_number);
  });
}

Victim::End play(bool adopts, Point kill) {
  const Home home;
  std::optional<PatientClient> client;
  const auto attach = [&] {
    if (!client) client.emplace(home);
    client->take(12);
  };
  if (adopts) {
    Victim before(essequenced(home));
    std::future<void> beginning = beside(before.process(), SIGKILL, attach);
    before.act({At::store, 0});
    beginning.get();
  }

  Victim victim(essequenced(home));
  std::future<void> taking = beside(victim.process(), SIGTERM, [&] {
    attach();
    client->take(40);
    client->reset();
    client->take(40);
  });
  const Victim::End end = victim.act(kill);
  if (end.killed) {
    Victim next(essequenced(home));
    std::future<void> more = beside(next.process(), SIGTERM, [&] {
      taking.get();
      client->reset();
      client->take(20);
    });
    const bool killed = next.act({At::store, 0}).killed;
    more.get();
    require(!killed, "the next sidecar was killed");
  } else {
    taking.get();
  }
  return end;
}

}  // namespace

void sweep_daemon(Table &table) {
  const std::uint64_t stride = every_point() ? 7 : 41;
  for (const bool adopts : {false, true}) {
    table.sweep(adopts ? "essequenced adopts" : "essequenced begins", {0, 0, stride, 0},
                {[&](Point point) { return play(adopts, point); }});
  }
}

}  // namespace essequence::crash
