// One run: a sidecar that is killed in the middle of what it does, a client that was attached
// before, and the sidecar that takes over.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/protocol/crash_points/client.hpp"
#include "tests/protocol/crash_points/victim.hpp"

namespace essequence::crash {

struct Memory {
  Documents documents;
  std::atomic<int> step;  // how much of the act has returned
};

struct Scene {
  explicit Scene(bool local) {
    if (!local) home.documents = &memory->documents;
  }
  int step() const { return memory->step; }
  // What an operator's mistake does to the source.
  void set_source_back(std::int64_t iid);

  Home home;
  Surviving<Memory> memory;
  std::optional<Client> client;
};

struct Path {
  const char *name;
  // In the victim: sets the scene and returns what is to be interrupted.
  std::function<Victim::Act(Scene &)> live;
  // After the kill, with another sidecar started. Throws Broken.
  std::function<void(Scene &, SmallSidecar &)> judge;

  const char *attached = "orders";        // the sequence of the client that was attached before
  bool keeps_the_ring = true;             // the next sidecar must adopt it
  std::set<essequence_status> told = {};  // what a take may answer after the kill besides ids
  std::function<void(Scene &)> meanwhile = {};  // in the parent, before the act
  std::function<void(Scene &)> at_once = {};    // in the parent, after the kill
  std::int64_t before_first = 0;                // ids that were taken before the client attached
  bool shared_only = false;
};

// The sidecar's paths.
const std::vector<Path> &sidecar_paths();

// Plays `path` and kills at the point; then kills also the sidecar that takes over, at
// `second_kill`; then lets one take over in peace, and judges. The end is that of the last that was
// to be killed.
Victim::End play(const Path &path, bool local, Point kill, std::optional<Point> second_kill = {});

}  // namespace essequence::crash
