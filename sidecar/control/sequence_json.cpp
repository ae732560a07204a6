#include "sidecar/control/sequence_json.hpp"

#include <spdlog/fmt/fmt.h>

#include <ctime>

namespace essequence::sidecar {
namespace {

Json json_of(const LostTotal &lost) {
  Json json;
  for (const auto &[reason, count] : kLostReasons) json[reason] = lost.*count;
  return json;
}

}  // namespace

Json json_of(const SequenceStatus &status) {
  return {
      {"name", status.name},
      {"state", status.state},
      {"detail", status.detail},
      {"epoch", status.epoch},
      {"origin", status.origin},
      {"next_id", or_null(status.next_id)},
      {"ready_ids", status.ready_ids},
      {"cover_seconds", or_null(status.cover_seconds)},
      {"rate_per_second", status.rate_per_second},
      {"block_size", status.block_size},
      {"high_water", status.high_water},
      {"start", status.progression.start},
      {"increment", status.progression.increment},
      {"max", status.progression.max},
      {"order", name_of(status.progression.order)},
      {"granted_total", status.granted_total},
      {"taken_total", status.taken_total},
      {"lost_total", json_of(status.lost_total)},
      {"dropped_by_clients", status.dropped_by_clients},
      {"refills_total", status.refills_total},
      {"stalls_total", status.stalls_total},
      {"refill_seconds", or_null(status.refill_seconds)},
  };
}

Json json_of(const JournalledBlock &block) {
  // Cannot overflow in a sound journal; a damaged one must not be undefined behaviour.
  const std::uint64_t steps = block.count > 0 ? block.count - 1 : 0;
  const auto last = static_cast<std::int64_t>(static_cast<std::uint64_t>(block.first) +
                                              steps * static_cast<std::uint64_t>(block.increment));
  return {{"first", block.first}, {"last", last},
          {"count", block.count}, {"increment", block.increment},
          {"epoch", block.epoch}, {"granted_at", rfc3339(block.granted_at_ns)},
          {"fate", block.fate}};
}

Json json_of(const Refusal &refusal) {
  return {{"error", {{"type", refusal.type()}, {"reason", refusal.what()}}},
          {"status", refusal.status()}};
}

std::string text_of(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string rfc3339(std::int64_t unix_nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  std::int64_t seconds = unix_nanoseconds / second;
  std::int64_t rest = unix_nanoseconds % second;
  if (rest < 0) {
    rest += second;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:03}Z", text, rest / 1'000'000);
}

}  // namespace essequence::sidecar
