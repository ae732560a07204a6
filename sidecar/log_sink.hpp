// Where the log goes: systemd's journal, with fields, if that is what standard error leads to; else
// text on standard error. What a line was told by others (Elasticsearch, SQLite) cannot begin
// another line or steer a terminal.
#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace essequence::sidecar {

std::shared_ptr<spdlog::logger> make_logger();

}  // namespace essequence::sidecar
