#include "tests/protocol/crash_points/sweep.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/protocol/crash_points/system_calls.hpp"

namespace essequence::crash {
namespace {

constexpr std::uint64_t kMostFailuresTold = 5;  // of one path

void print(const char *path, const char *stores, const char *calls, const char *kills,
           const char *failures) {
  std::printf("%-40s %8s %8s %8s %8s\n", path, stores, calls, kills, failures);
  std::fflush(stdout);
}

void print(const std::string &path, std::uint64_t stores, std::uint64_t calls, std::uint64_t kills,
           std::uint64_t failures) {
  print(path.c_str(), std::to_string(stores).c_str(), std::to_string(calls).c_str(),
        std::to_string(kills).c_str(), std::to_string(failures).c_str());
}

}  // namespace

bool every_point() {
  const char *const wish = std::getenv("ESSEQUENCE_TEST_CRASH_POINTS");
  return wish != nullptr && std::string_view(wish) == "all";
}

void Table::sweep(const std::string &path, Strides strides, const std::vector<Scene> &scenes) {
  if (total_.kills == 0) print("path", "stores", "calls", "kills", "failures");
  Row row;
  std::uint64_t exits = 0;
  visit(path, At::store, strides.store, scenes, row, row.stores);
  visit(path, At::change, strides.change, scenes, row, row.calls);
  visit(path, At::entry, strides.entry, scenes, row, row.calls);
  visit(path, At::exit, strides.exit, scenes, row, exits);
  print(path, row.stores, row.calls, row.kills, row.failures);
  total_.stores += row.stores;
  total_.calls += row.calls;
  total_.kills += row.kills;
  total_.failures += row.failures;
}

void Table::visit(const std::string &path, At at, std::uint64_t stride,
                  const std::vector<Scene> &scenes, Row &row, std::uint64_t &points) {
  if (stride == 0) return;
  for (std::size_t scene = 0; scene < scenes.size(); ++scene) {
    Victim::End end{true, 0};
    for (std::uint64_t number = 1 + scene % stride; end.killed; number += stride) {
      const Point point{at, number};
      try {
        end = scenes[scene](point);
        if (end.killed) ++row.kills;
      } catch (const TracingForbidden &) {
        throw;
      } catch (const std::exception &broken) {
        if (++row.failures > kMostFailuresTold) return;
        std::printf("%s (%zu), killed at %s: %s\n", path.c_str(), scene, text(point).c_str(),
                    broken.what());
      }
    }
    points += end.visited;
  }
}

bool Table::close() {
  print("all", total_.stores, total_.calls, total_.kills, total_.failures);
  std::printf("crash points visited: %" PRIu64 "\n", total_.kills);
  return total_.failures == 0 && total_.kills > 0;
}

}  // namespace essequence::crash
