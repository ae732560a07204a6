// essequencectl as a user runs it, against the real control server: what it prints, what it exits
// with. Taking ids needs a ring and is tested with the real sidecar.
#include <sys/wait.h>

#include <cstdio>
#include <tuple>

#include "tests/unit/control_daemon.hpp"

using namespace control_test;

namespace {

struct Ran {
  int exit;
  std::string text;  // stdout and stderr
};

Ran run(const std::string &directory, const std::string &arguments,
        const std::string &redirection = "2>&1") {
  const std::string command = std::string(ESSEQUENCECTL) + " --runtime-dir " + directory + " " +
                              arguments + " " + redirection;
  FILE *output = popen(command.c_str(), "re");
  REQUIRE(output != nullptr);
  std::string text;
  char part[4096];
  for (std::size_t size; (size = fread(part, 1, sizeof part, output)) > 0;) text.append(part, size);
  const int status = pclose(output);
  REQUIRE(WIFEXITED(status));
  return {WEXITSTATUS(status), text};
}

}  // namespace

TEST_CASE("each verb asks for what it says, and prints what came of it") {
  Daemon daemon;
  daemon.add("a");
  const std::tuple<const char *, const char *, const char *> verbs[] = {
      {"create 'b c' --start 5", "open b c", "b c is ready, epoch 1"},
      {"reset a", "reset a", "a begins anew, epoch 2\n"},
      {"reset --all", "reset all", "a.epoch   : 3\nb c.epoch : 2\n"},
      {"raise a --above 9223372036854775807", "raise a 9223372036854775807", "a is ready"},
      {"unfence a --above 8", "unfence a 8", "a is ready"},
      {"trace a 17", "blocks a 17",
       "17: granted to this host at 2001-09-09T01:46:40.000Z in the block from 1 to 46 of epoch 1; "
       "laid into the ring\n'a' is in epoch "},
      {"burn --all", "burn", "all rings are burnt\n"},
      {"delete a", "remove a", "a is deleted\n"},
  };
  for (const auto &[typed, done, printed] : verbs) {
    CAPTURE(typed);
    const Ran ran = run(daemon.directory.path(), typed);
    CHECK(ran.exit == 0);
    CHECK_THAT(ran.text, Catch::StartsWith(printed));
    CHECK(daemon.last_done() == done);
  }
  daemon.on_loop([&] { CHECK(daemon.supply.opened.start == 5); });
}

TEST_CASE("what is read is aligned for people, and the sidecar's own JSON with --json") {
  Daemon daemon;
  daemon.add("ä");
  daemon.on_loop([&] {
    daemon.supply.sequences["ä"].next_id = 12;
    daemon.supply.sequences["ä"].detail = "a\x1b[31mb";
  });
  const std::string directory = daemon.directory.path();
  CHECK(run(directory, "list").text ==
        "NAME  STATE  EPOCH  NEXT  HIGH-WATER  READY  COVER/s  RATE/s  DETAIL\n"
        "ä     ready  1      12    0           0      -        0.0     a [31mb\n");
  CHECK(contains(run(directory, "show ä").text, "\nlost_total.burnt_raise   : 0\n"));
  CHECK(contains(run(directory, "status").text, "source.kind     : local\n"));
  CHECK(run(directory, "--json show ä").text == daemon.ask("GET", "/v1/sequences/%C3%A4").body);
  CHECK(run(directory, "list --json").text == daemon.ask("GET", "/v1/sequences").body);
  const auto before_the_process = [](const std::string &text) {  // whose time goes on
    return text.substr(0, text.find("# HELP process_"));
  };
  CHECK(before_the_process(run(directory, "metrics").text) ==
        before_the_process(daemon.ask("GET", "/metrics").body));
}

TEST_CASE("usage is checked before anything is asked: exit 2") {
  for (const char *typed : {"",
                            "nonsense",
                            "show",
                            "show _a",
                            "show a/b",
                            "show ..",
                            "show ''",
                            "reset",
                            "reset a --all",
                            "raise a",
                            "raise a --above -1",
                            "raise a --above 9223372036854775808",
                            "burn",
                            "raise a --above 1.0",
                            "create a --start 010x",
                            "create a --order both",
                            "next a -n 0",
                            "create a --above-field index",
                            "next a --timeout -1",
                            "trace a x",
                            "status extra"}) {
    CAPTURE(typed);
    const Ran ran = run("/nowhere", typed);
    CHECK(ran.exit == 2);
    CHECK_FALSE(ran.text.empty());
  }
  CHECK(run("/nowhere", "--help").exit == 0);
  CHECK(run("/nowhere", "--version").exit == 0);
}

TEST_CASE("the exit status tells why not") {
  const Ran nobody = run("/nowhere", "status");
  CHECK(nobody.exit == 3);
  CHECK_THAT(nobody.text, Catch::Contains("start essequenced"));
  CHECK(run("/nowhere", "wait a --timeout 0.1").exit == 3);
  CHECK(run("/nowhere", "next a --timeout 0.1").exit == 3);

  Config config;
  config.control.reset = ResetRight::never;
  Daemon daemon(config);
  daemon.add("a");
  daemon.add("b");
  const std::string directory = daemon.directory.path();
  CHECK(run(directory, "reset a").exit == 4);
  CHECK(run(directory, "show c").exit == 1);
  CHECK(run(directory, "wait c").exit == 1);
  CHECK(run(directory, "wait a").text == "a is ready\n");
  CHECK(run(directory, "list", ">/dev/full 2>&1").exit == 1);

  daemon.on_loop([&] { daemon.supply.sequences["a"].state = "starved"; });
  CHECK(run(directory, "wait a --timeout 0.3").exit == 5);
  daemon.on_loop([&] { daemon.supply.sequences["a"].state = "fenced"; });
  CHECK(run(directory, "wait a").exit == 1);

  daemon.on_loop([&] { daemon.server.reconfigure({}); });
  const Ran some = run(directory, "reset --all");
  CHECK(some.exit == 1);
  CHECK_THAT(some.text, Catch::Contains("b.epoch") && Catch::Contains("'a' was not reset"));
}
