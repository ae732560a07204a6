// How a value is written, in the file, the environment and on the command line alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace essequence::sidecar {

std::optional<std::int64_t> parse_integer(const std::string &text);
std::optional<bool> parse_boolean(const std::string &text);  // true, false

// "500ms", "30s", "5m", "1h": a whole number and a unit.
std::optional<std::chrono::nanoseconds> parse_duration(const std::string &text);
std::string duration_text(std::chrono::nanoseconds duration);

std::vector<std::string> split_list(const std::string &text);  // at commas, without spaces
std::string joined_list(const std::vector<std::string> &items);

}  // namespace essequence::sidecar
