// Text that comes from elsewhere (names, Elasticsearch, SQLite, shared memory) on its way to a
// terminal, which it must not steer, or to a log, in which it must not begin a line.
#pragma once

#include <string>
#include <string_view>

namespace essequence {

// Valid UTF-8. A control character, one that turns the direction of writing, and a line separator
// become a space; what is malformed becomes U+FFFD.
std::string plain(std::string_view text);

// Columns that plain text takes, roughly: one for each character, however wide.
std::size_t width(std::string_view plain_text);

// The first `columns` of it.
std::string_view cut_to(std::string_view plain_text, std::size_t columns);

}  // namespace essequence
