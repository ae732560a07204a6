// The commands of essequencectl: each is a small function from what was typed to what is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/config/options.hpp"

namespace essequence::ctl {

// What was typed. Which of it a verb takes is in command_line.cpp.
struct Arguments {
  std::string runtime_dir = "/run/essequence";
  bool json = false;

  std::string name;
  bool all = false;
  std::int64_t id = 0;
  std::uint64_t count = 1;
  std::uint64_t ids = 10'000'000;  // to use up, at most
  double timeout = 5;
  double interval = 1;  // seconds between two looks
  bool once = false;
  std::int64_t above_required = 0;

  std::optional<std::int64_t> start, increment, max, above;
  std::string order;
  std::string above_field;  // INDEX/FIELD
  bool from_start = false;

  // Of the verbs that talk to Elasticsearch themselves.
  std::string config_file;  // the sidecar's
  std::vector<std::pair<const sidecar::Option<sidecar::Config> *, std::string>> settings;
  std::string role = "essequence";
  std::string ancestor;   // index to take over; empty: none
  std::string state_dir;  // of the local store to export; empty: the index
  std::string file;       // to import; empty: stdin
};

// Print their result; throw Stop.
void status(const Arguments &);
void list(const Arguments &);
void show(const Arguments &);
void create(const Arguments &);
void next(const Arguments &);
void reset(const Arguments &);
void raise(const Arguments &);
void unfence(const Arguments &);
void remove(const Arguments &);
void trace(const Arguments &);
void wait(const Arguments &);
void bench(const Arguments &);
void burn(const Arguments &);
void top(const Arguments &);
void doctor(const Arguments &);
void metrics(const Arguments &);
void provision(const Arguments &);
void export_all(const Arguments &);
void import_all(const Arguments &);

}  // namespace essequence::ctl
