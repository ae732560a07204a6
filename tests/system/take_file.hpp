// What a taker writes and the checker reads: one file per thread, every id it took in order.
//
//   FileHeader | Record, Record, …
//
// Records are stored into a shared mapping, so that what was taken is in the file also after a
// SIGKILL of the taker. A record counts if its epoch is not zero; the epoch is stored last. The
// file grows in large steps, and what lies behind the last record is zero.
#pragma once

#include <cstdint>

constexpr std::uint64_t kTakeFileMagic = 0x3153454b41545145;  // "EQTAKES1"

struct FileHeader {
  std::uint64_t magic;
  std::uint64_t has_times;  // 1: TimedRecord, 0: Record
};

struct Record {
  std::uint64_t epoch;
  std::int64_t id;
};

struct TimedRecord {
  std::uint64_t epoch;
  std::int64_t id;
  std::int64_t begin_ns;  // CLOCK_MONOTONIC just before and just after the take
  std::int64_t end_ns;
};
