// Requests to the sidecar, and its answers as JSON or as the way a command ends.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "shmclient/src/control_client.hpp"

namespace essequence::ctl {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Longer than any single request to a source takes with its retries.
constexpr std::chrono::seconds kRequestTime{30};

// A reply with status 200, 201 or 207. Any other, and none at all, ends the command: Stop.
std::string ask(const std::string &runtime_dir, std::string_view method, std::string_view target,
                std::string_view body = "",
                Clock::time_point deadline = Clock::now() + kRequestTime);

// A GET, of what may not be there: nullopt.
std::optional<std::string> ask_if_there(const std::string &runtime_dir, std::string_view target);

// The body of such a reply. Throws Stop where it is no JSON object.
Json parsed(const std::string &body);

// Whether anybody listens on the control socket.
bool is_reachable(const std::string &runtime_dir);

}  // namespace essequence::ctl
