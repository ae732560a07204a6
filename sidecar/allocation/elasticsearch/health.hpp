// Whether the cluster works, as operators and takers are told. Reads and writes fail apart: what is
// left of a cluster without its majority answers reads and takes no write, and a read that works
// says nothing of that.
//
// Thread rules: one thread at a time.
#pragma once

#include <chrono>
#include <string>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/source.hpp"

namespace essequence::sidecar::elasticsearch {

class Health {
 public:
  using Clock = std::chrono::steady_clock;

  void worked(Purpose purpose) {
    asked_ = true;
    read_trouble_.clear();
    if (purpose == Purpose::write) write_trouble_.clear();
  }

  void failed(Purpose purpose, const std::string &cause) {
    asked_ = true;
    (purpose == Purpose::read ? read_trouble_ : write_trouble_) = cause;
    if (purpose == Purpose::write) write_failed_at_ = Clock::now();
  }

  SourceHealth now() const {
    if (!asked_) return {false, "not asked yet"};
    if (!read_trouble_.empty()) return {false, read_trouble_};
    // Whoever needs a block goes on trying. Where nobody does, the failure is history.
    const bool recent = Clock::now() - write_failed_at_ < std::chrono::seconds(30);
    if (!write_trouble_.empty() && recent) return {false, write_trouble_};
    return {true, ""};
  }

 private:
  bool asked_ = false;
  std::string read_trouble_;   // of the last read; empty: it worked
  std::string write_trouble_;  // of the last write
  Clock::time_point write_failed_at_{};
};

}  // namespace essequence::sidecar::elasticsearch
