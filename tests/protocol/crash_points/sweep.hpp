// Runs a scene once per point, from the first to the last, and counts.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tests/protocol/crash_points/victim.hpp"

namespace essequence::crash {

// Of every how many points one is visited; 0: none.
struct Strides {
  std::uint64_t store, change, entry, exit;
};

// ESSEQUENCE_TEST_CRASH_POINTS=all.
bool every_point();

class Table {
 public:
  // Runs each scene with every point that the strides choose, until it comes to its end unkilled.
  // With several scenes each begins at another point, so that together they visit more of them. A
  // scene throws where a promise does not hold.
  using Scene = std::function<Victim::End(Point)>;
  void sweep(const std::string &path, Strides strides, const std::vector<Scene> &scenes);

  // Prints the total. Whether nothing failed.
  bool close();

 private:
  struct Row {
    std::uint64_t stores = 0, calls = 0, kills = 0, failures = 0;
  };
  static void visit(const std::string &path, At at, std::uint64_t stride,
                    const std::vector<Scene> &scenes, Row &row, std::uint64_t &points);

  Row total_;
};

}  // namespace essequence::crash
