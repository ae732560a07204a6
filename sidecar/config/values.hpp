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

bool is_printable(const std::string &text);  // valid UTF-8 without control characters
bool is_absolute_path(const std::string &text);
bool is_host_url(const std::string &text);        // http(s)://HOST[:PORT] and nothing more
bool is_listen_address(const std::string &text);  // IPV4:PORT, [IPV6]:PORT, or empty
bool is_index_name(const std::string &text);
bool is_fingerprint(const std::string &text);  // of SHA-256, or empty

}  // namespace essequence::sidecar
