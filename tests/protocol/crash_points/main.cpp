// Every crash point: what the sidecar and its clients do is stopped before every store to the
// shared memory, and before and after every system call, and killed there by SIGKILL. Then others
// go on, and the promises are checked.
//
//   crash_points sidecar|takeover|client|daemon [PATH]
//
// By default the system calls are those that change something. ESSEQUENCE_TEST_CRASH_POINTS=all
// visits the others too, before and after each. Exit status: 0, 1, or 77 where a process may
// not trace its own child.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/protocol/crash_points/client_paths.hpp"
#include "tests/protocol/crash_points/daemon.hpp"
#include "tests/protocol/crash_points/scene.hpp"
#include "tests/protocol/crash_points/sweep.hpp"
#include "tests/protocol/crash_points/system_calls.hpp"

using namespace essequence::crash;

namespace {

// Hundreds of stores, most of them of one memset, and nearly the same in all three: by default only
// the first of them is visited at each.
bool makes_memory(const Path &path) {
  const std::string name = path.name;
  return name == "create a ring" || name == "replace a ring" || name == "create a sequence";
}

void sweep_sidecar(Table &table, const std::string &wanted) {
  bool first = true;
  for (const Path &path : sidecar_paths()) {
    if (!wanted.empty() && wanted != path.name) continue;
    for (const bool local : {true, false}) {
      if (local && path.shared_only) continue;
      Strides strides = every_point() ? Strides{1, 0, 1, 1} : Strides{1, 1, 0, 0};
      if (!every_point() && makes_memory(path) && !first) strides.store = 5;
      first = false;
      table.sweep(std::string(path.name) + (local ? ", local" : ", shared"), strides,
                  {[&](Point point) { return play(path, local, point); }});
    }
  }
}

// The sidecar that takes over is killed too, before a third one does.
void sweep_takeover(Table &table, const std::string &wanted) {
  for (const Path &path : sidecar_paths()) {
    const std::string name = path.name;
    if (!wanted.empty() && wanted != name) continue;
    for (const bool local : {true, false}) {
      if (local && path.shared_only) continue;
      // All pairs of points of the smallest path; of the others one first kill out of `stride`.
      const bool all = every_point() && local && name == "publish";
      if (!every_point() && name != "publish" && name != "reset") continue;
      const std::uint64_t stride = all ? 1 : makes_memory(path) ? 41 : 13;
      std::vector<Table::Scene> scenes;
      for (const At at : {At::store, At::change}) {
        const std::uint64_t points = play(path, local, {at, 0}).visited;
        for (std::uint64_t number = 1; number <= points; number += stride) {
          scenes.push_back([&path, local, at, number](Point second) {
            return play(path, local, {at, number}, second);
          });
        }
      }
      table.sweep("taken over after " + name + (local ? ", local" : ", shared"),
                  all ? Strides{1, 1, 0, 0} : Strides{5, 5, 0, 0}, scenes);
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  spdlog::set_level(spdlog::level::off);
  const std::string group = argc > 1 ? argv[1] : "", wanted = argc > 2 ? argv[2] : "";
  Table table;
  try {
    if (group == "sidecar") {
      sweep_sidecar(table, wanted);
    } else if (group == "takeover") {
      sweep_takeover(table, wanted);
    } else if (group == "client") {
      sweep_client(table, wanted);
    } else if (group == "daemon") {
      sweep_daemon(table);
    } else {
      std::fprintf(stderr, "usage: crash_points sidecar|takeover|client|daemon [PATH]\n");
      return 64;
    }
  } catch (const TracingForbidden &forbidden) {
    std::printf("a process may not trace its own child here: %s\n", forbidden.what());
    return 77;
  }
  return table.close() ? 0 : 1;
}
